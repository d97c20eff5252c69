//! Waiting for events: a test that would hang fails instead, after a time no machine needs.

use millicore::{Builder, CpuLimit, Executor};
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(60);

/// An executor without the limits of the machine that runs the test.
pub(crate) fn builder(cores: usize) -> Builder {
    Executor::builder()
        .cores(NonZeroUsize::new(cores).expect("a core"))
        .cpu_limit(CpuLimit::Unlimited)
}

/// Awaits a future on this thread, as any runtime would.
#[track_caller]
pub(crate) fn finish<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    let began = Instant::now();
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let left = DEADLINE.saturating_sub(began.elapsed());
        assert!(!left.is_zero(), "not ready after {DEADLINE:?}");
        std::thread::park_timeout(left);
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

/// Something that happens once and that threads wait for.
#[derive(Clone, Default)]
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
        let (is_open, _) = self
            .0
            .1
            .wait_timeout_while(is_open, DEADLINE, |open| !*open)
            .unwrap();
        assert!(*is_open, "the gate is still shut after {DEADLINE:?}");
    }
}
