//! What threads leave for the loop that started them.

use super::{Ended, FIRST_TOKEN, Verdict};
use crate::poller::{Poller, Wake, Watch};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The jobs that threads are at, and those that they are done with.
pub(crate) struct Outbox<J> {
    state: Mutex<State<J>>,
    emptied: Condvar,
    wake: Wake,
}

struct State<J> {
    active: usize,
    ended: Vec<Ended<J>>,
    /// Whether the loop waits for a slot.
    is_awaited: bool,
}

impl<J> Outbox<J> {
    pub(crate) fn new(poller: &Poller) -> io::Result<Arc<Self>> {
        let wake = Wake::new()?;
        poller.add(&wake, FIRST_TOKEN, Watch::Always)?;
        let state = State {
            active: 0,
            ended: Vec::new(),
            is_awaited: false,
        };
        Ok(Arc::new(Self {
            state: Mutex::new(state),
            emptied: Condvar::new(),
            wake,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn active(&self) -> usize {
        self.lock().active
    }

    /// Whether fewer are at work than this; if not, the next that ends wakes the loop.
    pub(crate) fn has_room(&self, slots: usize) -> bool {
        let mut state = self.lock();
        let has_room = state.active < slots;
        state.is_awaited = !has_room;
        has_room
    }

    pub(crate) fn begin(&self) {
        self.lock().active += 1;
    }

    /// A job that was begun has not been started.
    pub(crate) fn take_back(&self) {
        self.lock().active -= 1;
    }

    /// A job has ended; it is closed here unless it may have something to do later.
    pub(crate) fn end(&self, job: J, verdict: Verdict) {
        let ended = match verdict {
            Verdict::Done | Verdict::Failed => {
                drop(job);
                None
            }
            Verdict::Idle => Some(Ended::Idle(job)),
            // The thread ends, not the server, as with an exit in a thread of Python.
            Verdict::Quit(_) => {
                drop(job);
                None
            }
        };
        let mut state = self.lock();
        state.active -= 1;
        let is_told = ended.is_some() || state.is_awaited;
        state.ended.extend(ended);
        let is_last = state.active == 0;
        drop(state);
        if is_last {
            self.emptied.notify_all();
        }
        if is_told {
            self.wake.wake();
        }
    }

    pub(crate) fn take_ended(&self) -> Vec<Ended<J>> {
        std::mem::take(&mut self.lock().ended)
    }

    pub(crate) fn clear_wake(&self) {
        self.wake.clear();
    }

    /// Asks to be woken when the next job ends.
    pub(crate) fn await_end(&self) {
        self.lock().is_awaited = true;
    }

    pub(crate) fn wait(&self) {
        let mut state = self.lock();
        while state.active > 0 {
            state = self
                .emptied
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
