//! Waiting for events: a test that would hang fails instead, after a time no machine needs.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Something that happens once and that threads wait for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub(crate) fn is_open(&self) -> bool {
        *self.0.0.lock().unwrap()
    }

    #[track_caller]
    pub(crate) fn wait(&self) {
        let is_open = self.0.0.lock().unwrap();
        let waited = self
            .0
            .1
            .wait_timeout_while(is_open, DEADLINE, |open| !*open);
        let (is_open, _) = waited.unwrap();
        assert!(*is_open, "the gate is still shut after {DEADLINE:?}");
    }
}

/// Lets others run until something has happened that nothing announces.
#[track_caller]
pub(crate) fn until(what: &str, mut has_happened: impl FnMut() -> bool) {
    let began = Instant::now();
    while !has_happened() {
        assert!(
            began.elapsed() < DEADLINE,
            "after {DEADLINE:?} still not: {what}"
        );
        std::thread::yield_now();
    }
}
