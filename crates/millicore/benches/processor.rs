//! Keeps a thread on one processor, so that the kernel's choice is not what is measured.

/// Keeps the calling thread on this processor; false where the kernel does not let it.
pub(crate) fn stay_on(processor: usize) -> bool {
    let mut only = rustix::thread::CpuSet::new();
    only.set(processor);
    rustix::thread::sched_setaffinity(None, &only).is_ok()
}
