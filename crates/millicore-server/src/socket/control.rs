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
struct Shared {
    is_asked: AtomicBool,
    wake: Wake,
    turn: Mutex<Turn>,
    left: Condvar,
}

/// One call of `serve_forever`, or the time between two.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    number: u64,
    thread: Option<ThreadId>,
}

impl Control {
    pub(crate) fn new() -> io::Result<Self> {
        let shared = Shared {
            is_asked: AtomicBool::new(false),
            wake: Wake::new()?,
            turn: Mutex::new(Turn::default()),
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
        let mut turn = self.lock();
        // Under the lock: a turn that ends just now forgets it, and does not leave it to the next.
        self.request_shutdown();
        let asked = turn.number;
        while turn.number == asked && turn.thread.is_some_and(|it| it != thread::current().id()) {
            let left = self.shared.left.wait(turn);
            turn = left.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// As [`Control::shutdown`], without waiting. It takes no lock and no memory: a signal handler
    /// may call it.
    pub fn request_shutdown(&self) {
        self.shared.is_asked.store(true, Ordering::SeqCst);
        self.shared.wake.wake();
    }

    pub(crate) fn wake(&self) -> &Wake {
        &self.shared.wake
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.shared.is_asked.load(Ordering::SeqCst)
    }

    /// This thread serves until what is returned is dropped.
    pub(crate) fn serve(&self) -> Serving {
        self.lock().thread = Some(thread::current().id());
        Serving(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Turn> {
        let turn = self.shared.turn.lock();
        turn.unwrap_or_else(PoisonError::into_inner)
    }
}

/// While it lives, a thread serves.
pub(crate) struct Serving(Control);

impl Drop for Serving {
    fn drop(&mut self) {
        let Self(control) = self;
        let mut turn = control.lock();
        control.shared.is_asked.store(false, Ordering::SeqCst);
        control.shared.wake.clear();
        turn.thread = None;
        turn.number += 1;
        control.shared.left.notify_all();
    }
}
