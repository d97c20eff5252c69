//! How workers sleep and are woken without a wake-up being lost.
//!
//! A worker that finds nothing to do
//!
//! 1. under the executor's lock, after the decision that there is nothing: [`IdleSet::enter`], or
//!    [`IdleSet::enter_bound`] if a throttled request keeps its core;
//! 2. gives the lock up and [`Parker::park`]s, until a time if the decision named one;
//! 3. takes the lock again, [`IdleSet::leave`]s, and asks for a decision again.
//!
//! Whoever makes work
//!
//! 1. under the lock, after the work is visible to decisions: [`IdleSet::take`]s a worker;
//! 2. gives the lock up and [`Parker::unpark`]s it.
//!
//! No wake-up is lost: the decision and `enter` happen under one hold of the lock, so work made
//! before it is decided upon, and work made after it finds the worker in the set. An `unpark`
//! between the worker's steps 1 and 2 leaves a token, and `park` returns at once. A token that was
//! meant for an earlier sleep costs one needless decision, no more. A worker is taken at most once
//! for each time it enters, so a second maker of work takes another worker.
//!
//! One sleeper keeps the time for all: the one whose decision named the earliest. Whoever is taken
//! to work is another if there is another, so that the time is kept while anybody sleeps. Who
//! leaves by himself decides anew: if he sleeps again, he keeps the time himself if nobody does;
//! if he goes to work, he wakes another sleeper, who decides and keeps the time in turn.
//!
//! A *bound* sleeper could do nothing but go on with the request that keeps its core. Nobody takes
//! it for other work, which would be lost on it, and it keeps its own time. When its core is kept
//! no more, because the request was cancelled, [`IdleSet::take_unbound`] wakes it.

#[cfg(loom)]
use loom::sync::{Condvar, Mutex};
#[cfg(not(loom))]
use std::sync::{Condvar, Mutex};

use std::sync::PoisonError;
use std::time::Duration;

/// Where one worker sleeps. Holds at most one token.
#[derive(Debug)]
pub(crate) struct Parker {
    token: Mutex<bool>,
    arrived: Condvar,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Self {
            token: Mutex::new(false),
            arrived: Condvar::new(),
        }
    }

    /// Sleeps until there is a token, or for so long at the most; takes the token.
    pub(crate) fn park(&self, timeout: Option<Duration>) {
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(timeout) = timeout {
            if !*token {
                let waited = self.arrived.wait_timeout(token, timeout);
                token = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        } else {
            while !*token {
                token = self
                    .arrived
                    .wait(token)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
        *token = false;
    }

    /// Leaves a token and wakes the worker if it sleeps.
    pub(crate) fn unpark(&self) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.arrived.notify_one();
    }
}

/// Who sleeps, and who of them keeps the time. Guarded by the executor's lock.
#[derive(Debug, Default)]
pub(crate) struct IdleSet {
    workers: Vec<usize>,
    bound: Vec<usize>,
    timekeeper: Option<Timekeeper>,
}

#[derive(Clone, Copy, Debug)]
struct Timekeeper {
    worker: usize,
    until_ns: u64,
}

impl IdleSet {
    /// A worker is about to sleep; returns until when, in nanoseconds, if it keeps the time.
    pub(crate) fn enter(&mut self, worker: usize, until_ns: Option<u64>) -> Option<u64> {
        self.workers.push(worker);
        let until_ns = until_ns?;
        if self
            .timekeeper
            .is_some_and(|keeper| keeper.until_ns <= until_ns)
        {
            return None;
        }
        self.timekeeper = Some(Timekeeper { worker, until_ns });
        Some(until_ns)
    }

    /// A worker whose core is kept is about to sleep until the time it was told.
    pub(crate) fn enter_bound(&mut self, worker: usize) {
        self.bound.push(worker);
    }

    /// A worker is awake, whoever woke it; true if it kept the time until now.
    pub(crate) fn leave(&mut self, worker: usize) -> bool {
        self.workers.retain(|&sleeper| sleeper != worker);
        self.bound.retain(|&sleeper| sleeper != worker);
        let timekeeper = self.timekeeper.take_if(|keeper| keeper.worker == worker);
        timekeeper.is_some()
    }

    /// Takes a sleeper to be woken, rather one who does not keep the time.
    pub(crate) fn take(&mut self) -> Option<usize> {
        let timekeeper = self.timekeeper.map(|keeper| keeper.worker);
        let position = self
            .workers
            .iter()
            .position(|&sleeper| Some(sleeper) != timekeeper)
            .or_else(|| (!self.workers.is_empty()).then_some(0))?;
        let worker = self.workers.swap_remove(position);
        if Some(worker) == timekeeper {
            self.timekeeper = None;
        }
        Some(worker)
    }

    /// Takes the bound sleepers whose cores are kept no more.
    pub(crate) fn take_unbound(&mut self, is_kept: impl Fn(usize) -> bool) -> Vec<usize> {
        let free = |&mut sleeper: &mut usize| !is_kept(sleeper);
        self.bound.extract_if(.., free).collect()
    }

    /// Takes everybody, at shutdown or when the workers change.
    pub(crate) fn take_all(&mut self) -> Vec<usize> {
        self.timekeeper = None;
        let mut everybody = std::mem::take(&mut self.workers);
        everybody.append(&mut self.bound);
        everybody
    }
}
