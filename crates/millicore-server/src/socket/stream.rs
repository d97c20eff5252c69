//! A connection of a stream socket, as its handler sees it.

use crate::address::Peer;
use crate::listener::Listener;
use crate::slots::prefork::Handover;
use crate::socket::options::SocketOptions;
use crate::socket::request::Receive;
use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{Shutdown, shutdown};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// A connection: reading is buffered, writing sends at once.
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
        Ok(rustix::io::read(&self.0, buffer)?)
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer)
    }
}

impl BufRead for Stream {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        loop {
            match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Asked again because the borrow of what was filled cannot leave a loop.
                _ => return self.input.fill_buf(),
            }
        }
    }

    fn consume(&mut self, amount: usize) {
        self.input.consume(amount);
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(self.as_fd(), bytes)?)
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

    const CAN_BE_HANDED_OVER: bool = true;

    fn receive(socket: &Arc<Listener>, _options: &SocketOptions) -> io::Result<Option<Self>> {
        let accepted = socket.accept_blocking()?;
        Ok(accepted.map(|(socket, peer)| Self::new(socket, peer)))
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

    fn close(&mut self) -> io::Result<()> {
        match shutdown(self.as_fd(), Shutdown::Write) {
            // The client has left already.
            Ok(()) | Err(Errno::NOTCONN) => Ok(()),
            Err(error) => Err(error.into()),
        }
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
