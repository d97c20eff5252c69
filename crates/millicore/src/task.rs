//! One request at run time: its body, its open loops, its accounts.
//!
//! The body is polled by one core at a time. Its state is one of
//!
//! - *asleep*: it waits for a loop or for something outside;
//! - *ready*: it was woken and any core that works on the request may poll it;
//! - *polled*: a core polls it;
//! - *woken while polled*: it is ready again as soon as that poll returns;
//! - *gone*: it returned, panicked or was dropped.
//!
//! Only a wake-up moves it from asleep to ready, and whoever does so tells the scheduler, unless
//! it happens inside a slice of the same request: the end of that slice tells it.

use crate::completion::{Publish, lock};
use crate::cores::{Place, place};
use crate::dispatcher::Dispatcher;
use crate::error::Error;
use crate::parallel::AnyLoop;
use crate::usage::Usage;
use millicore_policy::RequestKey;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, TryLockError};
use std::task::{Context, Poll, Wake, Waker};

/// A body with its output type erased.
pub(crate) type Body = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) struct Task {
    pub(crate) id: u64,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) class: Option<Box<str>>,
    pub(crate) usage: Usage,
    key: OnceLock<RequestKey>,
    body_state: AtomicU8,
    body: Mutex<Option<Body>>,
    loops: Mutex<Vec<Arc<dyn AnyLoop>>>,
    closed: AtomicBool,
    completion: Arc<dyn Publish>,
}

const ASLEEP: u8 = 0;
const READY: u8 = 1;
const POLLED: u8 = 2;
const WOKEN_WHILE_POLLED: u8 = 3;
const GONE: u8 = 4;

/// What a core may do next for a request.
pub(crate) enum Claim {
    Poll,
    Loop(Arc<dyn AnyLoop>),
}

impl Task {
    pub(crate) fn new(
        dispatcher: &Arc<Dispatcher>,
        class: Option<Box<str>>,
        completion: Arc<dyn Publish>,
    ) -> Self {
        Self {
            id: dispatcher.next_id(),
            dispatcher: Arc::clone(dispatcher),
            class,
            usage: Usage::new(dispatcher.clock.now_ns()),
            key: OnceLock::new(),
            body_state: AtomicU8::new(READY),
            body: Mutex::new(None),
            loops: Mutex::new(Vec::new()),
            closed: AtomicBool::new(false),
            completion,
        }
    }

    pub(crate) fn set_body(&self, body: Body) {
        *lock(&self.body) = Some(body);
    }

    /// Names the request to the scheduler; nothing before it was admitted.
    pub(crate) fn key(&self) -> Option<RequestKey> {
        self.key.get().copied()
    }

    pub(crate) fn set_key(&self, key: RequestKey) {
        // A request is admitted once.
        let _ = self.key.set(key);
    }

    /// How many slices could start now.
    pub(crate) fn claimable(&self) -> u32 {
        let polls = u64::from(self.body_state.load(Ordering::SeqCst) == READY);
        let chunks: u64 = lock(&self.loops).iter().map(|open| open.unclaimed()).sum();
        u32::try_from(polls.saturating_add(chunks)).unwrap_or(u32::MAX)
    }

    /// Claims the poll of the body if it is ready, else names a loop with unclaimed chunks.
    pub(crate) fn claim(&self) -> Option<Claim> {
        let ready =
            self.body_state
                .compare_exchange(READY, POLLED, Ordering::SeqCst, Ordering::SeqCst);
        if ready.is_ok() {
            return Some(Claim::Poll);
        }
        let loops = lock(&self.loops);
        loops
            .iter()
            .find(|open| open.unclaimed() > 0)
            .map(|open| Claim::Loop(Arc::clone(open)))
    }

    /// Whether the body waits to be polled.
    pub(crate) fn body_is_ready(&self) -> bool {
        self.body_state.load(Ordering::SeqCst) == READY
    }

    /// Polls the body, which the caller has claimed; true when it is done.
    pub(crate) fn poll_body(self: &Arc<Self>) -> bool {
        let waker = Waker::from(Arc::clone(self));
        let mut body = lock(&self.body);
        let Some(future) = body.as_mut() else {
            self.body_state.store(GONE, Ordering::SeqCst);
            return false;
        };
        let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
        match poll {
            Poll::Ready(()) => {
                self.body_state.store(GONE, Ordering::SeqCst);
                *body = None;
                return true;
            }
            Poll::Pending => self.return_to_sleep(),
        }
        drop(body);
        // Whoever closed the request during the poll could not take the body away.
        if self.closed.load(Ordering::SeqCst) {
            self.drop_body();
        }
        false
    }

    fn return_to_sleep(&self) {
        let asleep =
            self.body_state
                .compare_exchange(POLLED, ASLEEP, Ordering::SeqCst, Ordering::SeqCst);
        if asleep.is_err() {
            // It was woken while polled, a state that only this core leaves.
            self.body_state.store(READY, Ordering::SeqCst);
        }
    }

    /// Adds a loop and, unless this core does it all, calls others to it.
    pub(crate) fn open(&self, opened: Arc<dyn AnyLoop>) {
        let chunks = opened.unclaimed();
        let mut loops = lock(&self.loops);
        if self.closed.load(Ordering::SeqCst) {
            return;
        }
        loops.push(opened);
        drop(loops);
        if chunks > 1 || place() != Place::Body(self.id) {
            self.dispatcher.offer(self);
        }
    }

    pub(crate) fn close_loop(&self, done: &dyn AnyLoop) {
        let address = std::ptr::from_ref(done).cast::<()>();
        let is_done = |open: &Arc<dyn AnyLoop>| Arc::as_ptr(open).cast::<()>() == address;
        let mut loops = lock(&self.loops);
        let removed = loops
            .iter()
            .position(is_done)
            .map(|position| loops.remove(position));
        drop(loops);
        drop(removed);
    }

    /// How many indexes of the open loops there are, and how many of them are claimed.
    pub(crate) fn loop_progress(&self) -> (u64, u64) {
        let loops = lock(&self.loops);
        loops
            .iter()
            .map(|open| open.progress())
            .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    /// Lets go of everything the request holds and publishes its end. No chunk starts afterwards.
    pub(crate) fn close(&self, end: Result<(), Error>) {
        self.closed.store(true, Ordering::SeqCst);
        let loops = std::mem::take(&mut *lock(&self.loops));
        for open in &loops {
            open.abandon();
        }
        drop(loops);
        self.drop_body();
        self.completion.publish(end);
    }

    fn drop_body(&self) {
        let body = match self.body.try_lock() {
            Ok(mut body) => body.take(),
            Err(TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned).take(),
            // The core that polls it looks at `closed` afterwards.
            Err(TryLockError::WouldBlock) => None,
        };
        drop(body);
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let woken = self
            .body_state
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |state| match state {
                ASLEEP => Some(READY),
                POLLED => Some(WOKEN_WHILE_POLLED),
                _ => None,
            });
        let inside = place().request() == Some(self.id);
        if woken == Ok(ASLEEP) && !inside {
            self.dispatcher.offer(self);
        }
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("id", &self.id)
            .field("usage", &self.usage)
            .finish()
    }
}
