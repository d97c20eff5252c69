//! What the kernel counts for a container, to its end: its group goes with its program.

use millicore_quota::{Counters, ProcessGroup, Roots};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open, setpriority_process};
use rustix::thread::gettid;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How often a group is read while its program runs, in case its end is missed.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// The niceness of who reads the last numbers before the engine removes them.
const URGENT: i32 = -20;

/// The group of a container as this machine sees it.
#[derive(Debug, Clone)]
pub(super) struct Counting {
    pub(super) group: ProcessGroup,
    latest: Arc<Mutex<Counters>>,
}

impl Counting {
    /// Follows the container with this identity, whose program is this process; nothing if it cannot
    /// be seen from here, because the engine is of another machine or in a container itself.
    pub(super) fn follow(id: &str, pid: u32) -> Option<Self> {
        let group = ProcessGroup::of(pid, &Roots::default())?;
        // A number of another machine could be that of any process here.
        if !group.directory().to_string_lossy().contains(id) {
            return None;
        }
        let counting = Self {
            group,
            latest: Arc::default(),
        };
        counting.look();
        let watched = counting.clone();
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw)?;
        // Without one, or without a thread, it is read when it is asked.
        if let Ok(end) = pidfd_open(pid, PidfdFlags::empty()) {
            let name = "millicore-counting".to_owned();
            let _ = thread::Builder::new()
                .name(name)
                .spawn(move || watched.watch(&end));
        }
        Some(counting)
    }

    /// The engine removes the group some milliseconds after its program has ended: this is woken
    /// by that end, and so it reads the last numbers before.
    fn watch(&self, end: &OwnedFd) {
        // On a busy machine the engine could be first; without the right to, it sometimes is.
        let _ = setpriority_process(Some(gettid()), URGENT);
        let timeout = Timespec::try_from(BETWEEN_LOOKS).ok();
        loop {
            let ended = poll(&mut [PollFd::new(end, PollFlags::IN)], timeout.as_ref());
            self.look();
            // Some kernels call an interrupted wait an error: one more look.
            if ended.is_ok_and(|count| count > 0) || !self.group.directory().is_dir() {
                return;
            }
        }
    }

    /// The newest numbers: those of now, or of the end.
    pub(super) fn look(&self) -> Counters {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(counters) = self.group.counters() {
            *latest = counters;
        }
        *latest
    }
}
