//! Who controls a server: signals, or a part of the same program.

use crate::signals::{ControlSignal, Signals};
use rustix::pipe::{PipeFlags, pipe_with};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Where a server hears what is asked of it: readable when something is.
pub trait ControlSource: AsFd + Send + 'static {
    /// The next thing that is asked, without waiting.
    ///
    /// # Errors
    ///
    /// What the system said.
    fn next(&self) -> io::Result<Option<ControlSignal>>;
}

impl ControlSource for Signals {
    fn next(&self) -> io::Result<Option<ControlSignal>> {
        Self::next(self)
    }
}

/// Controls a server from the same program, as signals would.
#[derive(Debug)]
pub struct Controller(OwnedFd);

/// The server's end of a [`Controller`].
#[derive(Debug)]
pub struct Controlled {
    read: OwnedFd,
    /// The other end, so that it does not end where the controller is dropped.
    _write: OwnedFd,
}

const ALL: [ControlSignal; 6] = [
    ControlSignal::Terminate,
    ControlSignal::Interrupt,
    ControlSignal::Quit,
    ControlSignal::HangUp,
    ControlSignal::MoreWorkers,
    ControlSignal::FewerWorkers,
];

/// Both ends of a control.
///
/// # Errors
///
/// What the system said.
pub fn control() -> io::Result<(Controller, Controlled)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    let _write = rustix::io::fcntl_dupfd_cloexec(&write, 3)?;
    Ok((Controller(write), Controlled { read, _write }))
}

impl Controller {
    /// Asks this of the server.
    ///
    /// # Errors
    ///
    /// Where the server is gone.
    pub fn ask(&self, signal: ControlSignal) -> io::Result<()> {
        let number = ALL.iter().position(|it| *it == signal).unwrap_or(0);
        let byte = u8::try_from(number).unwrap_or(0);
        rustix::io::write(&self.0, &[byte])?;
        Ok(())
    }
}

impl ControlSource for Controlled {
    fn next(&self) -> io::Result<Option<ControlSignal>> {
        let mut byte = [0];
        match rustix::io::read(&self.read, &mut byte) {
            Ok(1) => Ok(ALL.get(usize::from(byte[0])).copied()),
            Ok(_) => Ok(None),
            Err(error) if error == rustix::io::Errno::AGAIN => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Controlled {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }
}
