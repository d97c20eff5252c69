//! What all kinds of requests have in common: they are received, have a peer, and are closed.

use crate::address::Peer;
use crate::slots::prefork::Handover;
use crate::socket::options::SocketOptions;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

/// A request of a socket server: a [`Stream`](crate::socket::Stream) or a
/// [`Datagram`](crate::socket::Datagram).
#[expect(private_bounds, reason = "only these two kinds exist")]
pub trait SocketRequest: Receive {}

impl<R: Receive> SocketRequest for R {}

pub(crate) trait Receive: Handover + Send + 'static {
    /// What requests come from.
    type Socket: AsFd + Send + Sync + 'static;

    /// Whether a request can be handed to another process.
    const CAN_BE_HANDED_OVER: bool;

    /// The next request, without waiting.
    fn receive(socket: &Arc<Self::Socket>, options: &SocketOptions) -> io::Result<Option<Self>>;

    fn peer(&self) -> Peer;

    /// Before the handler: what the options ask of a connection.
    fn open(&mut self, options: &SocketOptions) -> io::Result<()>;

    /// After the handler: what is to be sent is sent, and the client is told that it was all.
    fn close(&mut self) -> io::Result<()>;
}
