//! Timers of a connection's loop: the loop waits no longer than until the first of them.

use hyper::rt::{Sleep, Timer};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// The timers of one loop. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    shared: Arc<Mutex<Pending>>,
}

#[derive(Debug, Default)]
struct Pending {
    /// By time, then in the order in which they were made.
    wakers: BTreeMap<(Instant, u64), Waker>,
    made: u64,
}

impl Timers {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the first is due.
    pub(super) fn next(&self) -> Option<Instant> {
        let pending = self.lock();
        pending.wakers.keys().next().map(|&(time, _)| time)
    }

    /// Wakes those that are due.
    pub(super) fn wake_due(&self, now: Instant) {
        let mut pending = self.lock();
        let later = pending.wakers.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut pending.wakers, later);
        drop(pending);
        due.into_values().for_each(Waker::wake);
    }
}

impl Timer for Timers {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        let now = Instant::now();
        self.sleep_until(now.checked_add(duration).unwrap_or(now + FAR))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let mut pending = self.lock();
        pending.made += 1;
        Box::pin(OneSleep {
            timers: self.clone(),
            key: (deadline, pending.made),
        })
    }
}

/// As good as for ever.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

#[derive(Debug)]
struct OneSleep {
    timers: Timers,
    key: (Instant, u64),
}

impl Future for OneSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.key.0 <= Instant::now() {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        self.timers.lock().wakers.insert(self.key, waker);
        Poll::Pending
    }
}

impl Sleep for OneSleep {}

impl Drop for OneSleep {
    fn drop(&mut self) {
        self.timers.lock().wakers.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::Timers;
    use hyper::rt::Timer;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake, Waker};
    use std::time::{Duration, Instant};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn the_loop_learns_of_the_first_timer_and_of_none_that_was_dropped() {
        let timers = Timers::default();
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut context = Context::from_waker(&waker);
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let mut sleeps = [at(1000), at(2000), at(3000)].map(|time| timers.sleep_until(time));
        assert_eq!(timers.next(), None);
        for sleep in &mut sleeps {
            assert!(sleep.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(timers.next(), Some(at(1000)));
        timers.wake_due(at(2000));
        assert_eq!(count.0.load(Ordering::SeqCst), 2);
        assert_eq!(timers.next(), Some(at(3000)));
        drop(sleeps);
        assert_eq!(timers.next(), None);
        assert!(
            timers
                .sleep_until(now)
                .as_mut()
                .poll(&mut context)
                .is_ready()
        );
    }
}
