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
        // That there is room is no word against others who wait: the last job may start now.
        state.is_awaited |= !has_room;
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
        let is_told = std::mem::take(&mut state.is_awaited) || ended.is_some();
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// Asks whether there is room after somebody has asked to be woken, as a server that drains does.
    #[track_caller]
    fn check(asks_for_end: bool, slots: usize, is_woken: bool) {
        let poller = Poller::new().unwrap();
        let outbox = Outbox::new(&poller).unwrap();
        if asks_for_end {
            outbox.await_end();
        }
        let has_room = outbox.has_room(slots);
        assert_eq!(has_room, slots > 0);
        outbox.begin();
        outbox.end((), Verdict::Done);
        let mut ready = Vec::new();
        poller.wait(&mut ready, Some(Instant::now())).unwrap();
        assert_eq!(!ready.is_empty(), is_woken);
    }

    #[test]
    fn whoever_waits_for_an_end_is_woken_even_if_there_was_room_meanwhile() {
        check(true, 1, true);
        check(false, 0, true);
        check(false, 1, false);
    }
}
