//! What all kinds of requests have in common: they are received, have a peer, and are closed.

use crate::address::Peer;
use crate::poller::Poller;
use crate::slots::prefork::WorkerPlan;
use crate::slots::{Private, Slots};
use crate::socket::options::SocketOptions;
use crate::socket::server::SocketError;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::sync::Arc;

/// A request of a socket server: a [`Stream`](crate::socket::Stream) or a
/// [`Datagram`](crate::socket::Datagram).
#[expect(private_bounds, reason = "only these two kinds exist")]
pub trait SocketRequest: Receive {}

impl<R: Receive> SocketRequest for R {}

pub(crate) type BoxedSlots<R> = Box<dyn Slots<R> + Send>;

pub(crate) trait Receive: Sized + Send + 'static {
    /// What requests come from.
    type Socket: AsFd + Send + Sync + 'static;

    /// Whether a request is answered over the socket that it came from, which a forked process then
    /// needs.
    const USES_SOCKET: bool;

    /// The next request, without waiting.
    fn receive(socket: &Arc<Self::Socket>, options: &SocketOptions) -> io::Result<Option<Self>>;

    /// Workers forked beforehand, to which such requests are handed.
    fn prefork(
        plan: WorkerPlan<Self>,
        workers: NonZeroUsize,
        poller: &Arc<Poller>,
        private: &Private<'_>,
    ) -> Result<BoxedSlots<Self>, SocketError>;

    fn peer(&self) -> Peer;

    /// Before the handler: what the options ask of a connection.
    fn open(&mut self, _options: &SocketOptions) -> io::Result<()> {
        Ok(())
    }

    /// After a handler that was set up: what it wrote is sent, unless it was at once.
    fn reply(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// At the end, whatever happened: the client is told that it was all, if it is still there.
    fn close(&mut self) {}
}
