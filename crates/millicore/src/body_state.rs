//! Who may poll a body: one core at a time, and nobody's wake-up is lost.
//!
//! A body is
//!
//! - *asleep*: it waits for a loop or for something outside;
//! - *ready*: it was woken and any core that works on the request may poll it;
//! - *polled*: a core polls it;
//! - *woken while polled*: it is ready again as soon as that poll returns;
//! - *gone*: it returned, panicked or was dropped.
//!
//! Only a wake-up moves it from asleep to ready, and [`BodyState::wake`] is true for that one
//! alone: whoever it is true for sees to it that a core comes to claim the poll. A wake-up while
//! the body is polled is the polling core's to see to.
//!
//! Whatever the waker wrote before, the next poll sees: every wake-up writes the state, even one
//! that changes nothing, and what claims or ends a poll reads it in the same step. A wake-up that
//! only looked could read *ready* while the claim that follows still misses what it announces.

#[cfg(loom)]
use loom::sync::atomic::{AtomicU8, Ordering};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU8, Ordering};

#[derive(Debug)]
pub(crate) struct BodyState(AtomicU8);

const ASLEEP: u8 = 0;
const READY: u8 = 1;
const POLLED: u8 = 2;
const WOKEN_WHILE_POLLED: u8 = 3;
const GONE: u8 = 4;

impl BodyState {
    pub(crate) fn new_ready() -> Self {
        Self(AtomicU8::new(READY))
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.0.load(Ordering::SeqCst) == READY
    }

    /// Claims the poll of a ready body.
    pub(crate) fn claim(&self) -> bool {
        self.moves(READY, POLLED)
    }

    /// The poll that was claimed has returned and waits for something.
    pub(crate) fn fall_asleep(&self) {
        if !self.moves(POLLED, ASLEEP) {
            // It was woken while polled, a state that only this core leaves.
            self.0.swap(READY, Ordering::SeqCst);
        }
    }

    /// The poll that was claimed was the last.
    pub(crate) fn end(&self) {
        self.0.store(GONE, Ordering::SeqCst);
    }

    /// True if the body was asleep, so that somebody has to be told.
    pub(crate) fn wake(&self) -> bool {
        let woken = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |state| match state {
                ASLEEP | READY => Some(READY),
                POLLED | WOKEN_WHILE_POLLED => Some(WOKEN_WHILE_POLLED),
                _ => None,
            });
        woken == Ok(ASLEEP)
    }

    fn moves(&self, from: u8, to: u8) -> bool {
        self.0
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }
}
