//! One request at run time: its body, its open loops, its accounts.
//!
//! Whoever wakes the body tells the scheduler, unless it happens between two chunks of the same
//! request: the slice polls the body next, or its end tells the scheduler.

use crate::body_state::BodyState;
use crate::completion::{Publish, lock};
use crate::cores::{Place, place};
use crate::dispatcher::Dispatcher;
use crate::error::Error;
use crate::panics::let_go;
use crate::parallel::AnyLoop;
use crate::usage::Usage;
use millicore_policy::RequestKey;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
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
    body_state: BodyState,
    body: Mutex<Option<Body>>,
    loops: Mutex<Vec<Arc<dyn AnyLoop>>>,
    closed: AtomicBool,
    completed: AtomicBool,
    completion: Arc<dyn Publish>,
}

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
            body_state: BodyState::new_ready(),
            body: Mutex::new(None),
            loops: Mutex::new(Vec::new()),
            closed: AtomicBool::new(false),
            completed: AtomicBool::new(false),
            completion,
        }
    }

    pub(crate) fn set_body(&self, body: Body) {
        *lock(&self.body) = Some(body);
    }

    /// Tells the request from all others that there are, also those of other executors.
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
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
        let polls = u64::from(self.body_state.is_ready());
        let loops = lock(&self.loops);
        let chunks = loops.iter().map(|open| open.unclaimed());
        u32::try_from(chunks.fold(polls, u64::saturating_add)).unwrap_or(u32::MAX)
    }

    /// Claims the poll of the body if it is ready, else names a loop with unclaimed chunks.
    pub(crate) fn claim(&self) -> Option<Claim> {
        if self.body_state.claim() {
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
        self.body_state.is_ready()
    }

    /// Polls the body, which the caller has claimed; true when it is done.
    pub(crate) fn poll_body(self: &Arc<Self>) -> bool {
        let waker = Waker::from(Arc::clone(self));
        let mut body = lock(&self.body);
        let Some(future) = body.as_mut() else {
            self.body_state.end();
            return false;
        };
        let mut context = Context::from_waker(&waker);
        let poll = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut context)));
        match poll {
            Ok(Poll::Ready(())) => {
                self.body_state.end();
                *body = None;
                return true;
            }
            Ok(Poll::Pending) => self.body_state.fall_asleep(),
            Err(payload) => {
                self.body_state.end();
                let_go(body.take());
                drop(body);
                resume_unwind(payload);
            }
        }
        drop(body);
        // Whoever closed the request during the poll could not take the body away.
        if self.closed.load(Ordering::SeqCst) {
            self.drop_body();
        }
        false
    }

    /// Adds a loop and, unless this core does it all, calls others to it.
    pub(crate) fn open(&self, opened: Arc<dyn AnyLoop>) {
        let mut loops = lock(&self.loops);
        if self.closed.load(Ordering::SeqCst) {
            return;
        }
        loops.push(opened);
        let chunks = loops.iter().map(|open| open.unclaimed());
        let chunks = chunks.fold(0, u64::saturating_add);
        drop(loops);
        // In its own body's slice a core goes on with one chunk itself.
        let own = u32::from(place() == Place::Body(self.address()));
        if chunks > own.into() {
            self.dispatcher.offer(self, own);
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

    /// Its body returned and that counts.
    pub(crate) fn set_completed(&self) {
        self.completed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_completed(&self) -> bool {
        self.completed.load(Ordering::Relaxed)
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
        loops.into_iter().for_each(let_go);
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
        let_go(body);
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let was_asleep = self.body_state.wake();
        if was_asleep && place() != Place::Slice(self.address()) {
            self.dispatcher.offer(self, 0);
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
