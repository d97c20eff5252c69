//! One connection, and the request that is on it.

use crate::load::failure::Failure;
use crate::load::http1::response::Response;
use crate::load::schedule::Ticket;
use rustix::event::epoll::EventFlags;
use rustix::io::{Errno, Result};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
    sockopt,
};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) socket: OwnedFd,
    /// The index of the address it goes to.
    pub(super) address: usize,
    pub(super) phase: Phase,
    pub(super) response: Response,
    /// What the poller reports of it.
    pub(super) interest: EventFlags,
    /// How many bytes of the request have left.
    sent_bytes: usize,
    /// How many requests were answered on it.
    pub(super) served: u64,
    /// Whether the server has broken it off; an answer can still be in the buffer.
    was_reset: bool,
    pub(super) job: Option<Job>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Connecting,
    /// Open, with a request that leaves together with others.
    Held,
    Sending,
    Receiving,
    /// Open, without a request.
    Idle,
}

/// A request from its ticket to its end.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) ticket: Ticket,
    /// The index of its target.
    pub(super) target: usize,
    pub(super) started_ns: u64,
    pub(super) sent_ns: Option<u64>,
    /// Whether this is its second connection.
    pub(super) is_resent: bool,
    pub(super) body: Option<Vec<u8>>,
}

impl Connection {
    pub(super) fn open(
        to: SocketAddr,
        address: usize,
        job: Job,
    ) -> std::result::Result<Self, (Job, Failure)> {
        match open_socket(to) {
            Ok(socket) => Ok(Self {
                socket,
                address,
                phase: Phase::Connecting,
                interest: EventFlags::OUT,
                response: Response::new(false),
                sent_bytes: 0,
                served: 0,
                was_reset: false,
                job: Some(job),
            }),
            Err(errno) => Err((job, Failure::from_errno(errno))),
        }
    }

    /// Whether the attempt that has ended succeeded.
    pub(super) fn take_connected(&self) -> std::result::Result<(), Failure> {
        match sockopt::socket_error(&self.socket) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(errno)) | Err(errno) => Err(Failure::from_errno(errno)),
        }
    }

    /// Before the first byte of a request.
    pub(super) fn begin(&mut self, is_head: bool, now_ns: u64) {
        self.response = Response::new(is_head);
        self.sent_bytes = 0;
        self.phase = Phase::Sending;
        if let Some(job) = &mut self.job {
            job.sent_ns = Some(now_ns);
        }
    }

    /// What it waits for now.
    pub(super) fn wanted(&self) -> EventFlags {
        match self.phase {
            Phase::Connecting => EventFlags::OUT,
            Phase::Sending => EventFlags::IN | EventFlags::OUT,
            Phase::Held | Phase::Receiving | Phase::Idle => EventFlags::IN,
        }
    }

    /// Sends as much as the socket takes. Whatever is wrong, reading tells it: an answer that came
    /// before the server broke off counts.
    pub(super) fn send(&mut self, message: &[u8]) {
        while self.sent_bytes < message.len() {
            match send(
                &self.socket,
                &message[self.sent_bytes..],
                SendFlags::NOSIGNAL,
            ) {
                Ok(sent) => self.sent_bytes += sent,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => {
                    self.was_reset = true;
                    break;
                }
            }
        }
        self.phase = Phase::Receiving;
    }

    pub(super) fn receive(&self, buffer: &mut [u8]) -> Result<usize> {
        recv(&self.socket, buffer, RecvFlags::empty()).map(|(received, _)| received)
    }

    /// The server has closed: whether the response is complete with that.
    pub(super) fn close(&mut self) -> std::result::Result<(), Failure> {
        match (self.response.close(), self.was_reset) {
            (true, _) => Ok(()),
            (false, true) => Err(Failure::Reset),
            (false, false) => Err(Failure::Closed),
        }
    }

    /// Whether the server closed a connection that it had kept, without having taken the request.
    pub(super) fn is_stale(&self, failure: Failure) -> bool {
        let is_closed = matches!(failure, Failure::Closed | Failure::Reset);
        is_closed && self.served > 0 && self.response.is_untouched()
    }
}

/// A socket that is connecting, and does not wait for it.
fn open_socket(to: SocketAddr) -> Result<OwnedFd> {
    let family = match to {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    // The rest of a long body is not to wait for the answer to its beginning.
    sockopt::set_tcp_nodelay(&socket, true)?;
    match connect(&socket, &to) {
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(socket),
        Err(errno) => Err(errno),
    }
}
