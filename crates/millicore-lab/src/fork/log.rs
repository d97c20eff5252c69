//! How events get to who listens: lines in a pipe that all processes and threads share.

use crate::fork::event::Event;
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Instant;

/// Where events are told. A line is shorter than `PIPE_BUF` (4096 on Linux) and written in one
/// call, so that lines of several writers do not mix: pipe(7).
#[derive(Debug)]
pub(crate) struct Log {
    /// When the run began, on a clock that all processes of the machine share.
    began: Instant,
    pipe: OwnedFd,
}

impl Log {
    /// Time begins now.
    pub(crate) fn new(pipe: OwnedFd) -> Self {
        Self {
            began: Instant::now(),
            pipe,
        }
    }

    /// Nanoseconds since the run began.
    pub(crate) fn now_ns(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub(crate) fn tell(&self, event: &Event) -> io::Result<()> {
        let line = event.to_line();
        loop {
            match rustix::io::write(&self.pipe, line.as_bytes()) {
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(()),
            }
        }
    }
}
