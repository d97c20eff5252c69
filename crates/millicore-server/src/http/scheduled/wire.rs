//! A socket of either kind, which notes when bytes come and go.

use super::connection_state::ConnectionState;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, Shutdown, recv};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A connected stream socket.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Both kinds of stream do the same under the same names.
macro_rules! either {
    ($self:expr, $stream:ident => $call:expr) => {
        match $self {
            Stream::Tcp($stream) => $call,
            Stream::Unix($stream) => $call,
        }
    };
}

impl Stream {
    /// On the runtime that calls; the socket must not block.
    pub(super) fn new(socket: OwnedFd, is_tcp: bool) -> io::Result<Self> {
        Ok(if is_tcp {
            // Without, a small response may wait for the acknowledgement of the one before. The
            // connection is served anyhow.
            let _ = rustix::net::sockopt::set_tcp_nodelay(&socket, true);
            Self::Tcp(TcpStream::from_std(socket.into())?)
        } else {
            Self::Unix(UnixStream::from_std(socket.into())?)
        })
    }

    /// Waits for bytes and looks at the first of them without taking them, until `look` has seen
    /// enough. No byte is the end; where the end comes before enough, it is an error.
    pub(super) fn poll_peek<R>(
        &self,
        context: &mut Context<'_>,
        look: impl Fn(&[u8]) -> Option<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            ready!(self.poll_read_ready(context))?;
            let seen = self.try_io(Interest::READABLE, || {
                if let Some(enough) = self.look(&look)? {
                    return Ok(enough);
                }
                if !self.is_closed() {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                // No further event comes: waiting would be in vain, and would not wait. What came
                // with the end, after the first look, is seen by the second.
                let seen = self.look(&look)?;
                seen.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            });
            match seen {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                seen => return Poll::Ready(seen),
            }
        }
    }

    fn look<R>(&self, look: impl Fn(&[u8]) -> Option<R>) -> io::Result<Option<R>> {
        let mut first = [0; 24];
        let len = self.peek(&mut first)?;
        Ok(look(&first[..len]))
    }

    /// Whether bytes wait to be read.
    pub(super) fn has_bytes(&self) -> bool {
        matches!(self.peek(&mut [0]), Ok(1))
    }

    /// Whether the client sends no more.
    fn is_closed(&self) -> bool {
        let mut sockets = [PollFd::new(self, PollFlags::RDHUP)];
        let seen = poll(&mut sockets, Some(&Timespec::default()));
        seen.is_ok() && !sockets[0].revents().is_empty()
    }

    fn peek(&self, first: &mut [u8]) -> io::Result<usize> {
        loop {
            match recv(self, &mut *first, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
                Err(Errno::INTR) => {}
                result => return Ok(result?.0),
            }
        }
    }

    /// Waits until the client sends no more, whether or not everything it sent has been read.
    pub(super) async fn left(&self) {
        // Priority data or the end: bytes that wait do not end the wait. There is no priority data
        // in HTTP, and whoever sends it has no claim on being served.
        let _ = either!(self, stream => stream.ready(Interest::PRIORITY).await);
    }

    /// Takes what still comes, and throws it away, until the end.
    pub(super) async fn discard(&self) {
        let mut thrown_away = [0; 8192];
        let mut bytes_left: usize = 8 << 20;
        loop {
            match either!(self, stream => stream.try_read(&mut thrown_away)) {
                Ok(0) => return,
                Ok(len) => match bytes_left.checked_sub(len) {
                    Some(left) => bytes_left = left,
                    None => return,
                },
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if either!(self, stream => stream.readable().await).is_err() {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    }

    /// Reads what is there. Where it does not fill the buffer there is no more, and the next read
    /// waits for an event instead of asking the system in vain.
    fn read_once(&self, buffer: &mut ReadBuf<'_>) -> io::Result<usize> {
        let room = buffer.remaining();
        let mut read = None;
        let tried = self.try_io(Interest::READABLE, || {
            let len = either!(self, stream => stream.try_read_buf(buffer))?;
            read = Some(len);
            if 0 < len && len < room {
                // The event that was seen before this read is used up; a later one is not.
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(())
        });
        match read {
            Some(len) => Ok(len),
            None => tried.map(|()| 0),
        }
    }

    /// Writes as much as the socket takes now.
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        either!(self, stream => stream.try_write(bytes))
    }

    fn try_io<R>(&self, interest: Interest, io: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        either!(self, stream => stream.try_io(interest, io))
    }

    fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_read_ready(context))
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_write_ready(context))
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        either!(self, stream => stream.as_fd())
    }
}

/// What hyper reads from and writes to.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) stream: Arc<Stream>,
    pub(super) state: Arc<ConnectionState>,
}

impl Wire {
    /// Writes once the socket takes something.
    fn poll_sent(
        &self,
        context: &mut Context<'_>,
        send: impl Fn(&Stream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let Poll::Ready(is_ready) = self.stream.poll_write_ready(context) else {
                self.state.on_blocked();
                return Poll::Pending;
            };
            is_ready?;
            match send(&self.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => {
                    self.state.on_write();
                    return Poll::Ready(sent);
                }
            }
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(context))?;
            match self.stream.read_once(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(len) => {
                    if len > 0 {
                        self.state.on_read();
                    }
                    return Poll::Ready(Ok(()));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_sent(context, |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_sent(
            context,
            |stream| either!(stream, stream => stream.try_write_vectored(slices)),
        )
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Who has gone already needs not be told.
        let _ = rustix::net::shutdown(&*self.stream, Shutdown::Write);
        Poll::Ready(Ok(()))
    }
}
