//! The clocks of an executor: what time it is, and how much CPU time a thread has used.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// What time it is. All times are nanoseconds since the executor started.
#[derive(Debug)]
pub(crate) enum Clock {
    /// The machine's monotonic clock, and the thread's CPU clock.
    Machine { epoch: Instant },
    /// The machine's monotonic clock; CPU time is what chunks declare.
    DeclaredCpu { epoch: Instant },
    /// The time of a virtual machine; CPU time is what chunks declare.
    Virtual { now_ns: AtomicU64 },
}

thread_local! {
    /// CPU time declared by chunks on this thread, in nanoseconds.
    static DECLARED_NS: Cell<u64> = const { Cell::new(0) };
}

/// Declares that the current chunk takes so much CPU time.
pub(crate) fn declare(cpu_ns: u64) {
    DECLARED_NS.with(|declared| declared.set(declared.get().saturating_add(cpu_ns)));
}

/// CPU time declared on this thread.
pub(crate) fn declared() -> u64 {
    DECLARED_NS.with(Cell::get)
}

/// Makes this thread one on which so much was declared: a virtual core.
pub(crate) fn set_declared(cpu_ns: u64) {
    DECLARED_NS.with(|declared| declared.set(cpu_ns));
}

impl Clock {
    pub(crate) const fn new_virtual() -> Self {
        Self::Virtual {
            now_ns: AtomicU64::new(0),
        }
    }

    /// Moves the time of a virtual machine; other clocks move by themselves.
    pub(crate) fn set_virtual(&self, time_ns: u64) {
        if let Self::Virtual { now_ns } = self {
            now_ns.store(time_ns, Ordering::Relaxed);
        }
    }

    pub(crate) fn now_ns(&self) -> u64 {
        match self {
            Self::Machine { epoch } | Self::DeclaredCpu { epoch } => nanoseconds_since(*epoch),
            Self::Virtual { now_ns } => now_ns.load(Ordering::Relaxed),
        }
    }

    /// CPU time used by this thread so far.
    pub(crate) fn cpu_ns(&self) -> u64 {
        match self {
            Self::Machine { .. } => thread_cpu_ns(),
            Self::DeclaredCpu { .. } | Self::Virtual { .. } => declared(),
        }
    }

    /// The clock by which slices end and chunks are measured: cheap to read, and it advances with
    /// the work of this thread.
    pub(crate) fn progress_ns(&self) -> u64 {
        match self {
            Self::Machine { epoch } => nanoseconds_since(*epoch),
            Self::DeclaredCpu { .. } | Self::Virtual { .. } => declared(),
        }
    }
}

fn nanoseconds_since(epoch: Instant) -> u64 {
    u64::try_from(epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// `CLOCK_THREAD_CPUTIME_ID` of clock_gettime(2).
fn thread_cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}
