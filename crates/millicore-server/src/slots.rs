//! Slots: where requests are worked on, one each. A concurrency model is a kind of slots.

pub(crate) mod forks;
pub(crate) mod inline;
mod outbox;
pub(crate) mod prefork;
mod reserve;
pub(crate) mod threads;

use crate::process::Exit;
use std::io;
use std::sync::Arc;
use std::time::Instant;

/// What works on a job, such as a connection. It is called on the thread or in the process of the
/// slot, and does not panic.
pub(crate) type Work<J> = Arc<dyn Fn(&mut J) -> Verdict + Send + Sync>;

/// What is to become of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is done with.
    Done,
    /// It failed, which was reported.
    Failed,
    /// It has nothing to do now, but may have later.
    Idle,
    /// The server is to end with this status.
    Quit(i32),
}

/// A job that a slot is done with.
#[derive(Debug)]
pub(crate) enum Ended<J> {
    /// It is over, and here if the slots keep jobs; with the process that worked on it, if that has
    /// ended, and how.
    Over(Option<J>, Option<(u32, Exit)>),
    /// It may have something to do later.
    Idle(J),
    /// The server is to end with this status.
    Quit(i32),
}

impl<J> Ended<J> {
    pub(crate) const fn job(&self) -> Option<&J> {
        match self {
            Self::Over(job, _) => job.as_ref(),
            Self::Idle(job) => Some(job),
            Self::Quit(_) => None,
        }
    }
}

/// A kind of slots.
pub(crate) trait Slots<J> {
    /// Whether a job can start now.
    fn has_room(&mut self) -> bool;

    /// Starts a job. A process that is forked for it closes the descriptors in `private` first.
    fn start(&mut self, job: J, private: &Private<'_>) -> Result<(), Refused<J>>;

    /// The descriptor with this token is readable: tokens at or above [`FIRST_TOKEN`] are theirs.
    fn on_ready(&mut self, token: u64, private: &Private<'_>) -> io::Result<()>;

    /// When [`Slots::on_time`] is to be called.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// The deadline has passed.
    fn on_time(&mut self, _private: &Private<'_>) -> io::Result<()> {
        Ok(())
    }

    /// Jobs that have ended since the last call.
    fn take_ended(&mut self) -> Vec<Ended<J>>;

    /// How many jobs are at work.
    fn busy(&self) -> usize;

    /// The ids of the processes at work on behalf of this one.
    fn processes(&self) -> Vec<u32> {
        Vec::new()
    }

    /// Ends the jobs that can be ended from outside, at once.
    fn kill(&mut self) {}

    /// Waits until the jobs at work have ended.
    fn wait(&mut self);

    /// Takes no job any more: slots that wait for one end.
    fn close(&mut self) {}

    /// Changes how many slots there are.
    fn resize(&mut self, slots: usize, private: &Private<'_>) -> io::Result<()>;
}

/// Below are the tokens of listeners, connections and signals.
pub(crate) const FIRST_TOKEN: u64 = 1 << 48;

/// The descriptors of the serving loop, which a forked process must not keep.
pub(crate) struct Private<'a>(pub(crate) &'a dyn Fn() -> Vec<i32>);

/// A job that was not started, and why.
#[derive(Debug)]
pub(crate) struct Refused<J> {
    pub(crate) job: J,
    pub(crate) error: io::Error,
}

impl std::fmt::Debug for Private<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Private")
    }
}
