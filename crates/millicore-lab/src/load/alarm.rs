//! Waking up at a moment, to the microsecond: `epoll` and tokio know milliseconds only.

use rustix::io;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A descriptor that becomes readable when its time has come (timerfd_create(2)).
#[derive(Debug)]
pub(super) struct Alarm(OwnedFd);

impl Alarm {
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        Ok(Self(timerfd_create(TimerfdClockId::Monotonic, flags)?))
    }

    /// Goes off in so many nanoseconds.
    pub(super) fn set(&self, in_ns: u64) -> io::Result<()> {
        set(&self.0, in_ns)
    }

    /// Its descriptor; [`set`] goes on to work.
    pub(super) fn into_fd(self) -> OwnedFd {
        self.0
    }
}

/// The alarm with this descriptor goes off in so many nanoseconds, and not at the time set before;
/// it is no longer readable until then. At least one, because 0 would switch it off.
pub(super) fn set(alarm: impl AsFd, in_ns: u64) -> io::Result<()> {
    const SECOND_NS: u64 = 1_000_000_000;
    let in_ns = in_ns.max(1);
    let time = Itimerspec {
        it_interval: Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        },
        it_value: Timespec {
            tv_sec: i64::try_from(in_ns / SECOND_NS).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(in_ns % SECOND_NS).unwrap_or(0),
        },
    };
    timerfd_settime(alarm, TimerfdTimerFlags::empty(), &time).map(drop)
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
