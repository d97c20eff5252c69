//! Waiting until a connection is ready or a time has come.

use crate::load::alarm::Alarm;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::{Errno, Result};
use rustix::time::Timespec;
use std::os::fd::{AsFd, OwnedFd};

/// Descriptors by token, each ready as long as it is (level-triggered), so that a request costs no
/// call beside its write and its read.
pub(super) struct Poller {
    epoll: OwnedFd,
    alarm: Alarm,
    alarm_at_ns: Option<u64>,
    /// Whether it has gone off; it is ready until it is set anew.
    is_ringing: bool,
    events: Vec<Event>,
}

/// No connection has it.
const ALARM: u64 = u64::MAX;
const EVENTS_AT_A_TIME: usize = 256;

impl Poller {
    pub(super) fn new() -> Result<Self> {
        let poller = Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            alarm: Alarm::new()?,
            alarm_at_ns: None,
            is_ringing: false,
            events: Vec::with_capacity(EVENTS_AT_A_TIME),
        };
        poller.add(&poller.alarm, ALARM, EventFlags::IN)?;
        Ok(poller)
    }

    pub(super) fn add(&self, fd: impl AsFd, token: u64, interest: EventFlags) -> Result<()> {
        epoll::add(&self.epoll, fd, EventData::new_u64(token), interest)
    }

    pub(super) fn change(&self, fd: impl AsFd, token: u64, interest: EventFlags) -> Result<()> {
        epoll::modify(&self.epoll, fd, EventData::new_u64(token), interest)
    }

    /// Waits until something is ready, or to the microsecond until `until_ns`.
    pub(super) fn wait_exactly(&mut self, now_ns: u64, until_ns: u64) -> Result<()> {
        if until_ns <= now_ns {
            return self.wait(Some(0));
        }
        if self.alarm_at_ns != Some(until_ns) {
            self.alarm.set(until_ns - now_ns)?;
            self.alarm_at_ns = Some(until_ns);
            self.is_ringing = false;
        }
        self.wait(None)
    }

    /// Waits until something is ready, or to the millisecond until `until_ns`.
    pub(super) fn wait_roughly(&mut self, now_ns: u64, until_ns: u64) -> Result<()> {
        const LONG_NS: u64 = 86_400_000_000_000;
        if self.is_ringing {
            self.alarm.set(LONG_NS)?;
            self.is_ringing = false;
        }
        self.wait(Some(until_ns.saturating_sub(now_ns)))
    }

    fn wait(&mut self, at_most_ns: Option<u64>) -> Result<()> {
        const MILLISECOND_NS: u64 = 1_000_000;
        // Whole milliseconds, or an older kernel would not know the call.
        let timeout = at_most_ns
            .map(|ns| ns.div_ceil(MILLISECOND_NS))
            .map(|ms| Timespec {
                tv_sec: i64::try_from(ms / 1000).unwrap_or(i64::MAX),
                tv_nsec: i64::try_from(ms % 1000 * MILLISECOND_NS).unwrap_or(0),
            });
        self.events.clear();
        match epoll::wait(
            &self.epoll,
            spare_capacity(&mut self.events),
            timeout.as_ref(),
        ) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The token at this place of the last wait; that of the alarm is no connection's.
    pub(super) fn token(&mut self, index: usize) -> Option<u64> {
        let data = self.events.get(index)?.data;
        let token = data.u64();
        if token == ALARM {
            (self.alarm_at_ns, self.is_ringing) = (None, true);
        }
        Some(token)
    }
}
