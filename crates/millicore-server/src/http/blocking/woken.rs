//! The waker of a connection's loop, which waits in poll(2).

use crate::poller::Wake as Event;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

/// Whether the loop is to go round again. A descriptor is made only for a loop that waits for
/// another thread.
#[derive(Debug, Default)]
pub(super) struct Woken {
    is_woken: AtomicBool,
    event: OnceLock<Event>,
}

impl Woken {
    /// Takes what was left by wakes so far. The event is cleared first: a wake after that is told by
    /// the flag or by the event, and one that had raised the flag before, and comes to the event only
    /// now, costs one round more.
    pub(super) fn take(&self) -> bool {
        if let Some(event) = self.event.get() {
            event.clear();
        }
        self.is_woken.swap(false, Ordering::SeqCst)
    }

    /// Becomes readable at the next wake. A wake before it was made is told by [`Woken::take`],
    /// which is therefore to be asked afterwards.
    pub(super) fn event(&self) -> io::Result<BorrowedFd<'_>> {
        if self.event.get().is_none() {
            // Only the loop itself makes it.
            let _ = self.event.set(Event::new()?);
        }
        let event = self.event.get().ok_or(io::ErrorKind::NotFound)?;
        Ok(event.as_fd())
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let was_woken = self.is_woken.swap(true, Ordering::SeqCst);
        if !was_woken && let Some(event) = self.event.get() {
            event.wake();
        }
    }
}
