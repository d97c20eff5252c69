//! Stopping a socket server from another thread, at once and without polling.

use crate::poller::Wake;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// Stops a server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    is_asked: AtomicBool,
    pub(crate) wake: Wake,
    serving: Mutex<Option<ThreadId>>,
    left: Condvar,
}

impl Control {
    pub(crate) fn new() -> io::Result<Self> {
        let shared = Shared {
            is_asked: AtomicBool::new(false),
            wake: Wake::new()?,
            serving: Mutex::new(None),
            left: Condvar::new(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Asks the server to stop serving, and waits until it has: until the handler at work has
    /// returned where the model is `sync`, and at once otherwise. The socket stays open, and
    /// handlers at work go on.
    ///
    /// On the thread that serves, such as in a handler of `sync`, it does not wait. Where nobody
    /// serves, the next call of `serve_forever` returns at once.
    pub fn shutdown(&self) {
        self.shared.is_asked.store(true, Ordering::SeqCst);
        self.shared.wake.wake();
        let mut serving = self.lock();
        while serving.is_some_and(|thread| thread != thread::current().id()) {
            serving = self
                .shared
                .left
                .wait(serving)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(crate) fn wake(&self) -> &Wake {
        &self.shared.wake
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.shared.is_asked.load(Ordering::SeqCst)
    }

    /// This thread serves until what is returned is dropped.
    pub(crate) fn serve(&self) -> Serving {
        *self.lock() = Some(thread::current().id());
        Serving(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<ThreadId>> {
        let serving = self.shared.serving.lock();
        serving.unwrap_or_else(PoisonError::into_inner)
    }
}

/// While it lives, a thread serves.
pub(crate) struct Serving(Control);

impl Drop for Serving {
    fn drop(&mut self) {
        let Self(control) = self;
        control.shared.is_asked.store(false, Ordering::SeqCst);
        control.shared.wake.clear();
        *control.lock() = None;
        control.shared.left.notify_all();
    }
}
