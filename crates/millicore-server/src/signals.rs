//! The signals that control a server, read from a descriptor: signalfd(2).

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::process::{getppid, set_parent_process_death_signal};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// What a signal asks of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlSignal {
    /// TERM: finish what was accepted, then exit.
    Terminate,
    /// INT: as TERM, and the second time at once.
    Interrupt,
    /// QUIT: exit at once.
    Quit,
    /// HUP: read the configuration again.
    HangUp,
    /// TTIN: one worker more.
    MoreWorkers,
    /// TTOU: one worker fewer.
    FewerWorkers,
}

/// Whether there is anything to unblock in a child.
static IS_BLOCKED: AtomicBool = AtomicBool::new(false);

const SIGNALS: [(Signal, ControlSignal); 6] = [
    (Signal::SIGTERM, ControlSignal::Terminate),
    (Signal::SIGINT, ControlSignal::Interrupt),
    (Signal::SIGQUIT, ControlSignal::Quit),
    (Signal::SIGHUP, ControlSignal::HangUp),
    (Signal::SIGTTIN, ControlSignal::MoreWorkers),
    (Signal::SIGTTOU, ControlSignal::FewerWorkers),
];

/// The control signals of this process, which do nothing any more but become readable here.
#[derive(Debug)]
pub struct Signals {
    descriptor: SignalFd,
}

impl Signals {
    /// Blocks the control signals for this thread and those that it starts: call it before any
    /// other thread exists.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn block() -> io::Result<Self> {
        let set = control_signals();
        set.thread_block()?;
        IS_BLOCKED.store(true, Ordering::Relaxed);
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let descriptor = SignalFd::with_flags(&set, flags)?;
        Ok(Self { descriptor })
    }

    /// Lets the end of the process that started this one ask what TERM asks: `PR_SET_PDEATHSIG` of
    /// prctl(2). To be exact it is the end of the thread that did, where a process has several.
    ///
    /// # Errors
    ///
    /// Says if the parent is another process: perhaps the one that is meant has ended already.
    pub fn terminate_after(&self, parent: i32) -> io::Result<()> {
        set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
        // Asked first and looked at then, so that it cannot end unnoticed in between.
        let found = getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
        if found == parent {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "the parent of this process is {found}, not {parent}, which may have ended already"
        )))
    }

    /// The next signal that has come, without waiting.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn next(&self) -> io::Result<Option<ControlSignal>> {
        let Some(information) = self.descriptor.read_signal()? else {
            return Ok(None);
        };
        let is_it =
            |(signal, _): &&(Signal, _)| u32::try_from(*signal as i32) == Ok(information.ssi_signo);
        Ok(SIGNALS.iter().find(is_it).map(|(_, control)| *control))
    }
}

/// In a forked child of a process that controls itself by signals: TERM ends it, as it does any. The other control signals, which a
/// terminal sends to the whole group, stay with the parent.
pub(crate) fn unblock_terminate() -> io::Result<()> {
    if !IS_BLOCKED.load(Ordering::Relaxed) {
        return Ok(());
    }
    let terminate: SigSet = [Signal::SIGTERM].into_iter().collect();
    Ok(terminate.thread_unblock()?)
}

fn control_signals() -> SigSet {
    SIGNALS.iter().map(|(signal, _)| *signal).collect()
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
