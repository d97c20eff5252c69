//! Forked processes, each waited for by a descriptor of its own, so that no foreign child is reaped.

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, waitid};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A child process of this one. Dropping it neither ends nor reaps the process.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    /// Becomes readable when the process has ended: pidfd_open(2).
    pidfd: OwnedFd,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this status.
    Status(i32),
    /// Killed by this signal.
    Signal(i32),
}

/// Why there is no child.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForkError {
    /// The child would have the locks of threads that it does not have.
    #[error(
        "this process has {threads} threads: fork before any thread is started, or a lock that \
         another thread holds stays locked in the child for ever"
    )]
    NotAlone {
        /// How many threads there are, this one included.
        threads: u64,
    },
    /// The system did not let it.
    #[error("the system did not fork this process")]
    System(#[source] io::Error),
}

/// What a child exits with after a panic.
const PANICKED: i32 = 1;

/// Forks this process, which must have no other thread. The child runs `work` and exits with the
/// status that it returns: it never returns from this call, runs no destructor of its caller and
/// no exit handler, but flushes standard output. A panic is reported and the status is 1.
///
/// # Errors
///
/// Says how many threads there are, or what the system said.
pub fn fork(work: impl FnOnce() -> i32) -> Result<Child, ForkError> {
    if !is_alone() {
        let threads = thread_count().map_err(ForkError::System)?;
        if threads > 1 {
            return Err(ForkError::NotAlone { threads });
        }
    }
    // What is buffered now would be written by both. Where nobody takes it, nobody misses it.
    let _ = io::stdout().flush();
    // Its place is the child's descriptor's: that none is left must be known before it works.
    let place = eventfd(0, EventfdFlags::CLOEXEC);
    let place = place.map_err(|error| ForkError::System(error.into()))?;
    // SAFETY: this is the only thread, so that the child finds no lock taken by a thread that it
    // does not have, and may do whatever the parent may.
    #[expect(unsafe_code, reason = "there is no safe way to fork")]
    let forked = unsafe { nix::unistd::fork() };
    drop(place);
    match forked {
        Ok(nix::unistd::ForkResult::Child) => {
            crate::activity::identity::forget();
            // What unwinds past here would return into the parent's code.
            let status = catch_unwind(AssertUnwindSafe(work)).unwrap_or(PANICKED);
            let _ = io::stdout().flush();
            exit_at_once(status)
        }
        Ok(nix::unistd::ForkResult::Parent { child }) => Child::new(child.as_raw()),
        Err(error) => Err(ForkError::System(error.into())),
    }
}

/// In a forked child that will never return to the owners of these descriptors: closes them, so that
/// they are open only as long as the parent has them. Nothing that a handler can reach may own one:
/// its number is soon that of another file.
#[expect(
    unsafe_code,
    reason = "the owners are the parent's, and not to be dropped here"
)]
pub(crate) fn close_all(descriptors: Vec<i32>) {
    for descriptor in descriptors {
        // SAFETY: close(2) takes any number. The owners that the child has copies of belong to the
        // loop that forked it: they are neither used, as only `work` runs here, nor dropped, as the
        // child leaves by _exit(2).
        unsafe {
            nix::libc::close(descriptor);
        }
    }
}

fn exit_at_once(status: i32) -> ! {
    // SAFETY: _exit(2) takes any status and does not return.
    #[expect(unsafe_code, reason = "exit handlers and destructors are the parent's")]
    unsafe {
        nix::libc::_exit(status)
    }
}

/// True if this process has one thread: a tenth of what it takes to count them. Where the system
/// forbids the question, as containers may, the answer is false.
fn is_alone() -> bool {
    // SAFETY: unshare(2) takes any number. With this flag it has no effect in a process that has one
    // thread, and fails in others.
    #[expect(unsafe_code, reason = "there is no safe name for this flag")]
    let answer = unsafe { nix::libc::unshare(nix::libc::CLONE_THREAD) };
    answer == 0
}

/// How many threads this process has: the directory of its threads has a link from each, beside
/// the two that every directory has.
///
/// # Errors
///
/// Where `/proc` cannot be read.
pub fn thread_count() -> io::Result<u64> {
    let links = rustix::fs::stat("/proc/self/task")?.st_nlink;
    Ok(links.saturating_sub(2))
}

impl Child {
    fn new(pid: i32) -> Result<Self, ForkError> {
        let pid = Pid::from_raw(pid).ok_or_else(|| ForkError::System(Errno::SRCH.into()))?;
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => Ok(Self { pid, pidfd }),
            // Without a descriptor nobody would ever wait for it.
            Err(error) => {
                let _ = rustix::process::kill_process(pid, Signal::KILL);
                let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED);
                Err(ForkError::System(error.into()))
            }
        }
    }

    /// Its process id.
    #[must_use]
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// Its process id, as a number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Ends it at once; one that has ended stays so.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn kill(&self) -> io::Result<()> {
        self.signal(Signal::KILL)
    }

    /// Sends it a signal; one that has ended takes none.
    ///
    /// # Errors
    ///
    /// What the system said, if the process has not ended.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        match rustix::process::pidfd_send_signal(&self.pidfd, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Reaps it if it has ended, without waiting.
    ///
    /// # Errors
    ///
    /// Where somebody else has reaped it.
    pub fn try_wait(&mut self) -> io::Result<Option<Exit>> {
        self.reap(WaitIdOptions::EXITED | WaitIdOptions::NOHANG)
    }

    /// Waits until it has ended, and reaps it.
    ///
    /// # Errors
    ///
    /// Where somebody else has reaped it.
    pub fn wait(&mut self) -> io::Result<Exit> {
        loop {
            if let Some(exit) = self.reap(WaitIdOptions::EXITED)? {
                return Ok(exit);
            }
        }
    }

    fn reap(&self, options: WaitIdOptions) -> io::Result<Option<Exit>> {
        let status = loop {
            match waitid(WaitId::PidFd(self.pidfd.as_fd()), options) {
                Err(Errno::INTR) => {}
                other => break other?,
            }
        };
        Ok(status.map(|status| match status.exit_status() {
            Some(code) => Exit::Status(code),
            None => Exit::Signal(status.terminating_signal().unwrap_or(0)),
        }))
    }
}

/// Readable once the process has ended.
impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// Waits until one of the children has ended; true if one has.
///
/// # Errors
///
/// What poll(2) said.
pub fn wait_for_any(children: &[Child]) -> io::Result<bool> {
    let mut ends: Vec<PollFd<'_>> = children
        .iter()
        .map(|child| PollFd::new(child, PollFlags::IN))
        .collect();
    loop {
        match poll(&mut ends, None) {
            Err(Errno::INTR) => {}
            other => return Ok(other? > 0),
        }
    }
}
