//! Waits for many descriptors at once: epoll(7).

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, PollFd, Timespec, eventfd, poll};
use rustix::io::Errno;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// A set of descriptors, each with a token by which its readiness is told.
#[derive(Debug)]
pub(crate) struct Poller {
    epoll: OwnedFd,
}

/// How often a descriptor tells that it is readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// As long as it is.
    Always,
    /// Once.
    Once,
    /// Whenever more has come.
    More,
    /// Not until [`Poller::rearm`].
    Never,
}

impl Watch {
    const fn flags(self) -> EventFlags {
        match self {
            Self::Always => EventFlags::IN,
            Self::Once => EventFlags::IN
                .union(EventFlags::RDHUP)
                .union(EventFlags::ONESHOT),
            Self::More => EventFlags::IN
                .union(EventFlags::RDHUP)
                .union(EventFlags::ET),
            Self::Never => EventFlags::ONESHOT,
        }
    }
}

/// The most events told at once, few enough for the stack.
const EVENTS: usize = 128;

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self { epoll })
    }

    pub(crate) fn add(&self, descriptor: impl AsFd, token: u64, watch: Watch) -> io::Result<()> {
        let data = EventData::new_u64(token);
        Ok(epoll::add(&self.epoll, descriptor, data, watch.flags())?)
    }

    /// Changes how a descriptor is watched.
    pub(crate) fn rearm(&self, descriptor: impl AsFd, token: u64, watch: Watch) -> io::Result<()> {
        let data = EventData::new_u64(token);
        Ok(epoll::modify(&self.epoll, descriptor, data, watch.flags())?)
    }

    /// To be called before a descriptor is closed that other processes have too: epoll(7).
    pub(crate) fn remove(&self, descriptor: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, descriptor)?)
    }

    /// Waits until something is readable or the time has come; leaves the tokens in `ready`.
    pub(crate) fn wait(&self, ready: &mut Vec<u64>, until: Option<Instant>) -> io::Result<()> {
        ready.clear();
        let mut space = [const { MaybeUninit::<Event>::uninit() }; EVENTS];
        let timeout = until.map(|until| timespec(until.saturating_duration_since(Instant::now())));
        match epoll::wait(&self.epoll, &mut space, timeout.as_ref()) {
            Ok((events, _)) => ready.extend(events.iter().map(|event| event.data.u64())),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

/// A duration for the kernel; what is too long is as good as for ever.
fn timespec(duration: Duration) -> Timespec {
    Timespec::try_from(duration).unwrap_or(Timespec {
        tv_sec: i64::MAX,
        tv_nsec: 0,
    })
}

/// Waits with poll(2) until something is ready or the time has come, signals or not.
pub(crate) fn poll_until(waited_for: &mut [PollFd<'_>], until: Option<Instant>) -> io::Result<()> {
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        match poll(waited_for, left.map(timespec).as_ref()) {
            Err(Errno::INTR) => {}
            other => return Ok(other.map(|_| ())?),
        }
    }
}

/// Wakes a thread that waits for descriptors: eventfd(2).
#[derive(Debug)]
pub(crate) struct Wake {
    event: OwnedFd,
}

impl Wake {
    pub(crate) fn new() -> io::Result<Self> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { event })
    }

    /// Makes it readable. Where it is so already, nothing is lost.
    pub(crate) fn wake(&self) {
        let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
    }

    /// Makes it unreadable until the next wake.
    pub(crate) fn clear(&self) {
        let _ = rustix::io::read(&self.event, &mut [0; 8]);
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::{Poller, Wake, Watch};
    use std::time::Instant;

    #[test]
    fn a_wake_is_told_as_often_as_it_is_watched() {
        let (poller, wake) = (Poller::new().unwrap(), Wake::new().unwrap());
        let mut ready = Vec::new();
        let mut check = |expected: &[u64]| {
            poller.wait(&mut ready, Some(Instant::now())).unwrap();
            assert_eq!(ready, expected);
        };
        poller.add(&wake, 7, Watch::Once).unwrap();
        check(&[]);
        wake.wake();
        check(&[7]);
        check(&[]);
        poller.rearm(&wake, 8, Watch::Always).unwrap();
        check(&[8]);
        check(&[8]);
        wake.clear();
        check(&[]);
        wake.wake();
        poller.remove(&wake).unwrap();
        check(&[]);
    }
}
