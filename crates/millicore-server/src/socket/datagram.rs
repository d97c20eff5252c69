//! A datagram, as its handler sees it.

use crate::address::Peer;
use crate::poller::Poller;
use crate::slots::Private;
use crate::slots::prefork::WorkerPlan;
use crate::socket::options::SocketOptions;
use crate::socket::request::{BoxedSlots, Receive};
use crate::socket::server::SocketError;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketAddrAny, recvfrom, sendto};
use std::io::{self, BufRead, Cursor, Read, Write};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// A datagram: reading reads the packet; what is written becomes one datagram back when the handler
/// is done, even if it wrote nothing or failed. One that was refused or could not be set up is not
/// answered.
#[derive(Debug)]
pub struct Datagram {
    packet: Cursor<Vec<u8>>,
    reply: Vec<u8>,
    is_truncated: bool,
    from: Option<SocketAddrAny>,
    socket: Arc<OwnedFd>,
}

impl Datagram {
    /// The whole packet.
    #[must_use]
    pub fn packet(&self) -> &[u8] {
        self.packet.get_ref()
    }

    /// Whether it was longer than the server's `max_packet_size`: the rest is lost.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.is_truncated
    }
}

impl Read for Datagram {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.packet.read(buffer)
    }
}

impl BufRead for Datagram {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.packet.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.packet.consume(amount);
    }
}

impl Write for Datagram {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.reply.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Receive for Datagram {
    type Socket = OwnedFd;

    const USES_SOCKET: bool = true;

    fn receive(socket: &Arc<OwnedFd>, options: &SocketOptions) -> io::Result<Option<Self>> {
        let mut packet = vec![0; options.max_packet_size];
        let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
        let (kept, length, from) = match recvfrom(socket, packet.as_mut_slice(), flags) {
            Ok((kept, length, from)) => (kept, length, from),
            // An earlier reply found nobody: udp(7) tells it on the next call.
            Err(Errno::AGAIN | Errno::INTR | Errno::CONNREFUSED) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        packet.truncate(kept);
        Ok(Some(Self {
            is_truncated: length > kept,
            packet: Cursor::new(packet),
            reply: Vec::new(),
            from,
            socket: Arc::clone(socket),
        }))
    }

    fn peer(&self) -> Peer {
        let address = self.from.clone();
        address
            .and_then(|address| SocketAddr::try_from(address).ok())
            .map_or(Peer::Unix, Peer::Inet)
    }

    fn prefork(
        _plan: WorkerPlan<Self>,
        _workers: NonZeroUsize,
        _poller: &Arc<Poller>,
        _private: &Private<'_>,
    ) -> Result<BoxedSlots<Self>, SocketError> {
        Err(SocketError::PreforkDatagrams)
    }

    fn reply(&mut self) -> io::Result<()> {
        // A Unix socket without a name cannot be answered.
        let Some(from) = self.from.as_ref().filter(|from| !is_nameless(from)) else {
            return Ok(());
        };
        loop {
            match sendto(&self.socket, &self.reply, SendFlags::NOSIGNAL, from) {
                Err(Errno::INTR) => {}
                sent => return Ok(sent.map(drop)?),
            }
        }
    }
}

fn is_nameless(address: &SocketAddrAny) -> bool {
    rustix::net::SocketAddrUnix::try_from(address.clone()).is_ok_and(|unix| unix.is_unnamed())
}
