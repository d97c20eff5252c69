//! How a run is asked to stop: from another thread, such as that of a signal.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Asks a run, from any thread, to stop. Clones ask the same run.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks; true if nobody had asked before.
    pub fn ask(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }

    /// Whether anybody asked.
    #[must_use]
    pub fn is_asked_for(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Asks once the process with this id ends.
///
/// # Errors
///
/// Says what the system said, such as that there is no such process.
pub fn stop_with_process(pid: i32, stop: Stop) -> io::Result<()> {
    let pid = Pid::from_raw(pid).ok_or(rustix::io::Errno::SRCH)?;
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    thread::Builder::new()
        .name("parent".to_owned())
        .spawn(move || {
            let ended = &mut [PollFd::new(&process, PollFlags::IN)];
            while matches!(poll(ended, None), Err(rustix::io::Errno::INTR)) {}
            stop.ask();
        })?;
    Ok(())
}
