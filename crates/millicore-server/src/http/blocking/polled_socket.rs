//! A non-blocking socket for hyper, which remembers what it waits for.

use bytes::Bytes;
use hyper::rt::{Read, ReadBufCursor, Write};
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{SendFlags, Shutdown};
use std::cell::Cell;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

/// What a socket waits for: shared between hyper, which reads and writes it, and the loop.
#[derive(Debug, Default)]
pub(super) struct Interest {
    /// Nothing can be read before the socket is readable.
    waits_to_read: Cell<bool>,
    /// Nothing can be written before the socket is writable, and since when.
    waits_to_write: Cell<Option<Instant>>,
}

impl Interest {
    pub(super) fn waits_to_read(&self) -> bool {
        self.waits_to_read.get()
    }

    pub(super) fn waits_to_write_since(&self) -> Option<Instant> {
        self.waits_to_write.get()
    }

    pub(super) fn flags(&self) -> PollFlags {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, self.waits_to_read.get());
        flags.set(PollFlags::OUT, self.waits_to_write.get().is_some());
        flags
    }

    /// The socket is ready for this.
    pub(super) fn on_ready(&self, flags: PollFlags) {
        let broken = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
        if flags.intersects(PollFlags::IN | broken) {
            self.waits_to_read.set(false);
        }
        if flags.intersects(PollFlags::OUT | broken) {
            self.waits_to_write.set(None);
        }
    }
}

#[derive(Debug)]
pub(super) struct PolledSocket<'a> {
    socket: BorrowedFd<'a>,
    interest: Rc<Interest>,
    /// Read before what the socket has.
    unread: Bytes,
}

impl<'a> PolledSocket<'a> {
    pub(super) fn new(socket: BorrowedFd<'a>, interest: &Rc<Interest>, unread: Bytes) -> Self {
        Self {
            socket,
            interest: Rc::clone(interest),
            unread,
        }
    }

    fn read(&self, buffer: &mut ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let mut space = [MaybeUninit::uninit(); READ_BYTES];
        let wanted = buffer.remaining().min(READ_BYTES);
        loop {
            match rustix::io::read(self.socket, &mut space[..wanted]) {
                Ok((bytes, _)) => {
                    buffer.put_slice(bytes);
                    // A socket that gave less than there was room for is empty: asking it again
                    // would be a system call for nothing.
                    let is_empty = !bytes.is_empty() && bytes.len() < wanted;
                    self.interest.waits_to_read.set(is_empty);
                    return Poll::Ready(Ok(()));
                }
                Err(Errno::AGAIN) => {
                    self.interest.waits_to_read.set(true);
                    return Poll::Pending;
                }
                Err(Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    fn sent(&self, outcome: rustix::io::Result<usize>) -> Poll<io::Result<usize>> {
        match outcome {
            Ok(length) => Poll::Ready(Ok(length)),
            Err(Errno::AGAIN | Errno::INTR) => {
                self.interest.waits_to_write.set(Some(Instant::now()));
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }
}

/// The most bytes read at once.
const READ_BYTES: usize = 16 * 1024;

impl Read for PolledSocket<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            let length = self.unread.len().min(buffer.remaining());
            buffer.put_slice(&self.unread.split_to(length));
            return Poll::Ready(Ok(()));
        }
        if self.interest.waits_to_read.get() {
            return Poll::Pending;
        }
        self.read(&mut buffer)
    }
}

impl Write for PolledSocket<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.interest.waits_to_write.get().is_some() {
            return Poll::Pending;
        }
        let sent = rustix::net::send(self.socket, bytes, SendFlags::NOSIGNAL);
        self.sent(sent)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.interest.waits_to_write.get().is_some() {
            return Poll::Pending;
        }
        // More pieces than the kernel takes at once are sent by the next call.
        let pieces = pieces.get(..MAX_PIECES).unwrap_or(pieces);
        self.sent(rustix::io::writev(self.socket, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match rustix::net::shutdown(self.socket, Shutdown::Write) {
            // The client has left already.
            Ok(()) | Err(Errno::NOTCONN) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }
}

/// `IOV_MAX` of writev(2) on Linux.
const MAX_PIECES: usize = 1024;
