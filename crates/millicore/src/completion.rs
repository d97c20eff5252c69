//! Where a request's result waits for whoever holds its handle.

use crate::error::Error;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Locks a mutex whose holder may have panicked: what it guards is consistent at every step.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The result of a request: first its output is kept, then its end is published, after the
/// accounts are closed.
#[derive(Debug)]
pub(crate) struct Completion<T> {
    state: Mutex<State<T>>,
    published: Condvar,
}

#[derive(Debug)]
struct State<T> {
    /// Whether anybody holds the handle.
    is_wanted: bool,
    output: Option<T>,
    end: Option<Result<(), Error>>,
    waker: Option<Waker>,
}

/// Publishes the end of a request whatever its output.
pub(crate) trait Publish: Send + Sync {
    /// The first call counts.
    fn publish(&self, end: Result<(), Error>);
}

impl<T> Completion<T> {
    pub(crate) const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                is_wanted: true,
                output: None,
                end: None,
                waker: None,
            }),
            published: Condvar::new(),
        }
    }

    pub(crate) fn keep(&self, output: T) {
        let mut state = lock(&self.state);
        if state.is_wanted {
            state.output = Some(output);
        }
    }

    /// Nobody waits for the output: it goes now, or when the body returns it.
    pub(crate) fn give_up(&self) {
        let mut state = lock(&self.state);
        state.is_wanted = false;
        let output = state.output.take();
        drop(state);
        drop(output);
    }

    pub(crate) fn is_published(&self) -> bool {
        lock(&self.state).end.is_some()
    }

    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Result<T, Error>> {
        let mut state = lock(&self.state);
        if let Some(result) = state.take() {
            return Poll::Ready(result);
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    pub(crate) fn wait(&self) -> Result<T, Error> {
        let mut state = lock(&self.state);
        loop {
            if let Some(result) = state.take() {
                return result;
            }
            state = self
                .published
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T> State<T> {
    fn take(&mut self) -> Option<Result<T, Error>> {
        match self.end.as_ref()? {
            // An output that was taken before is asked for again only by polling a future that
            // was ready.
            Ok(()) => Some(self.output.take().ok_or(Error::Cancelled)),
            Err(error) => Some(Err(error.clone())),
        }
    }
}

impl<T: Send> Publish for Completion<T> {
    fn publish(&self, end: Result<(), Error>) {
        let mut state = lock(&self.state);
        if state.end.is_some() {
            return;
        }
        state.end = Some(end);
        let waker = state.waker.take();
        drop(state);
        self.published.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
