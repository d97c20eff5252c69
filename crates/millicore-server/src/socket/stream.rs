//! A connection of a stream socket, as its handler sees it.

use crate::address::Peer;
use crate::listener::Listener;
use crate::poller::Poller;
use crate::slots::Private;
use crate::slots::prefork::{Handover, Prefork, WorkerPlan};
use crate::socket::options::SocketOptions;
use crate::socket::request::{BoxedSlots, Receive};
use crate::socket::server::SocketError;
use rustix::buffer::spare_capacity;
use rustix::io::{Errno, read};
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{SendFlags, Shutdown, send, shutdown};
use std::io::{self, BufRead, Read, Write};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// A connection: reading is buffered, writing sends at once. A signal interrupts neither.
#[derive(Debug)]
pub struct Stream {
    socket: OwnedFd,
    peer: Peer,
    is_tcp: bool,
    input: Input,
}

/// What was received and is not read yet. Unlike `BufReader` it takes memory first where a handler
/// reads, and writes no zeros into it: a forked process pays for each page that it touches.
#[derive(Debug, Default)]
struct Input {
    received: Vec<u8>,
    read: usize,
}

/// At first, and once that was full: a short request is the usual one.
const FIRST_BYTES: usize = 512;
const INPUT_BYTES: usize = 8192;

impl Stream {
    fn new(socket: OwnedFd, peer: Peer) -> Self {
        Self {
            socket,
            peer,
            is_tcp: matches!(peer, Peer::Inet(_)),
            input: Input::default(),
        }
    }

    /// Who is at the other end.
    #[must_use]
    pub const fn peer(&self) -> Peer {
        self.peer
    }
}

fn uninterrupted<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

impl Input {
    fn rest(&self) -> &[u8] {
        self.received.get(self.read..).unwrap_or_default()
    }

    /// Only where nothing is left.
    fn receive(&mut self, socket: &OwnedFd) -> io::Result<()> {
        let was_full = self.received.len() >= FIRST_BYTES;
        self.received.clear();
        self.read = 0;
        let wanted = if was_full { INPUT_BYTES } else { FIRST_BYTES };
        self.received.reserve(wanted);
        uninterrupted(|| read(socket, spare_capacity(&mut self.received)))?;
        Ok(())
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.input.rest().is_empty() && buffer.len() >= INPUT_BYTES {
            return Ok(uninterrupted(|| read(&self.socket, &mut *buffer))?);
        }
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Stream {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.input.rest().is_empty() {
            self.input.receive(&self.socket)?;
        }
        Ok(self.input.rest())
    }

    fn consume(&mut self, amount: usize) {
        self.input.read += amount;
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A client that has left is an error, not a signal, whatever the program did to SIGPIPE.
        Ok(uninterrupted(|| {
            send(self.as_fd(), bytes, SendFlags::NOSIGNAL)
        })?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Receive for Stream {
    type Socket = Listener;

    const USES_SOCKET: bool = false;

    fn receive(socket: &Arc<Listener>, _options: &SocketOptions) -> io::Result<Option<Self>> {
        let accepted = socket.accept_blocking()?;
        Ok(accepted.map(|(socket, peer)| Self::new(socket, peer)))
    }

    fn prefork(
        plan: WorkerPlan<Self>,
        workers: NonZeroUsize,
        poller: &Arc<Poller>,
        private: &Private<'_>,
    ) -> Result<BoxedSlots<Self>, SocketError> {
        Ok(Box::new(Prefork::new(plan, workers, poller, private)?))
    }

    fn peer(&self) -> Peer {
        self.peer
    }

    fn open(&mut self, options: &SocketOptions) -> io::Result<()> {
        if options.connection_timeout.is_some() {
            for which in [Timeout::Recv, Timeout::Send] {
                sockopt::set_socket_timeout(self.as_fd(), which, options.connection_timeout)?;
            }
        }
        if options.disable_nagle_algorithm && self.is_tcp {
            sockopt::set_tcp_nodelay(self.as_fd(), true)?;
        }
        Ok(())
    }

    fn close(&mut self) {
        // A client that has left already is not told.
        let _ = shutdown(self.as_fd(), Shutdown::Write);
    }
}

impl Handover for Stream {
    fn descriptor(&self) -> BorrowedFd<'_> {
        self.as_fd()
    }

    fn words(&self) -> Vec<u8> {
        self.peer.to_words()
    }

    fn from_parts(descriptor: OwnedFd, words: &[u8]) -> Self {
        Self::new(descriptor, Peer::from_words(words))
    }
}
