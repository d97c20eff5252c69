//! A connection of a stream socket, as its handler sees it.

use crate::address::Peer;
use crate::listener::Listener;
use crate::poller::Poller;
use crate::slots::Private;
use crate::slots::prefork::{Handover, Prefork, WorkerPlan};
use crate::socket::options::SocketOptions;
use crate::socket::request::{BoxedSlots, Receive};
use crate::socket::server::SocketError;
use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{SendFlags, Shutdown, send, shutdown};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// A connection: reading is buffered, writing sends at once. A signal interrupts neither.
#[derive(Debug)]
pub struct Stream {
    input: BufReader<Raw>,
    peer: Peer,
    is_tcp: bool,
}

#[derive(Debug)]
struct Raw(OwnedFd);

impl Stream {
    fn new(socket: OwnedFd, peer: Peer) -> Self {
        Self {
            input: BufReader::new(Raw(socket)),
            peer,
            is_tcp: matches!(peer, Peer::Inet(_)),
        }
    }

    /// Who is at the other end.
    #[must_use]
    pub const fn peer(&self) -> Peer {
        self.peer
    }
}

impl Read for Raw {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(uninterrupted(|| rustix::io::read(&self.0, &mut *buffer))?)
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

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer)
    }
}

impl BufRead for Stream {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.input.consume(amount);
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
        self.input.get_ref().0.as_fd()
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
