//! A connection between the accepting loop and its slots.

use crate::activity::Activity;
use crate::address::Peer;
use crate::compute::ClientWatch;
use crate::poller::poll_until;
use crate::slots::prefork::Handover;
use rustix::event::{PollFd, PollFlags};
use rustix::net::{SendFlags, Shutdown};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// An accepted connection.
#[derive(Debug)]
pub(super) struct Accepted {
    socket: Arc<OwnedFd>,
    pub(super) peer: Peer,
    /// Whether it has brought a request before.
    pub(super) was_served: bool,
    /// Where it counts as open; nowhere in the copy that a worker has.
    _open: Option<Open>,
}

#[derive(Debug)]
struct Open(Arc<Activity>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connection_closed();
    }
}

impl Accepted {
    pub(super) fn new(socket: OwnedFd, peer: Peer, activity: &Arc<Activity>) -> Self {
        if let Peer::Inet(_) = peer {
            // A response is written whole; waiting for more of it would only delay it.
            let _ = rustix::net::sockopt::set_tcp_nodelay(&socket, true);
        }
        activity.connection_opened();
        Self {
            socket: Arc::new(socket),
            peer,
            was_served: false,
            _open: Some(Open(Arc::clone(activity))),
        }
    }

    /// Answers as far as the socket takes it at once.
    pub(super) fn send(&self, response: &[u8]) {
        // Who does not take it is not waited for.
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let _ = rustix::net::send(&self.socket, response, flags);
    }

    /// Ends the connection even if other processes have copies of it.
    pub(super) fn close(self) {
        // A client that has left is not told.
        let _ = rustix::net::shutdown(&self.socket, Shutdown::Both);
    }

    pub(super) fn watch(&self) -> Arc<dyn ClientWatch> {
        Arc::new(Watch(Arc::downgrade(&self.socket)))
    }
}

impl AsFd for Accepted {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Handover for Accepted {
    fn descriptor(&self) -> BorrowedFd<'_> {
        self.as_fd()
    }

    fn words(&self) -> Vec<u8> {
        self.peer.to_words()
    }

    fn from_parts(descriptor: OwnedFd, words: &[u8]) -> Self {
        Self {
            socket: Arc::new(descriptor),
            peer: Peer::from_words(words),
            was_served: false,
            _open: None,
        }
    }
}

/// Does not keep the connection open.
struct Watch(Weak<OwnedFd>);

impl ClientWatch for Watch {
    fn has_left_within(&self, wait: Duration) -> bool {
        let Some(socket) = self.0.upgrade() else {
            return true;
        };
        has_left(socket.as_fd(), wait)
    }
}

/// Waits at most so long for the client to close its side or more; true if it has.
pub(super) fn has_left(socket: BorrowedFd<'_>, wait: Duration) -> bool {
    let until = Instant::now().checked_add(wait);
    let mut sockets = [PollFd::from_borrowed_fd(socket, PollFlags::RDHUP)];
    // What cannot be watched has not been seen to leave.
    poll_until(&mut sockets, until).is_ok() && !sockets[0].revents().is_empty()
}
