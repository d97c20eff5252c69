//! A client of any kind: it sends one line and reads what comes back.

use crate::setup::Kind;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::time::Duration;

/// Longer than anything takes: a server that does not answer fails its test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Where a server is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Inet(SocketAddr),
    Path(PathBuf),
}

pub(crate) enum Client {
    Tcp(TcpStream),
    Unix(UnixStream),
    Udp(UdpSocket),
    UnixDatagram(UnixDatagram),
}

impl Client {
    pub(crate) fn connect(kind: Kind, place: &Place) -> io::Result<Self> {
        Ok(match (kind, place) {
            (Kind::Tcp, Place::Inet(address)) => {
                let socket = TcpStream::connect(address)?;
                socket.set_read_timeout(Some(PATIENCE))?;
                Self::Tcp(socket)
            }
            (Kind::Udp, Place::Inet(address)) => {
                let socket = UdpSocket::bind("127.0.0.1:0")?;
                socket.connect(address)?;
                socket.set_read_timeout(Some(PATIENCE))?;
                Self::Udp(socket)
            }
            (Kind::Unix, Place::Path(path)) => {
                let socket = UnixStream::connect(path)?;
                socket.set_read_timeout(Some(PATIENCE))?;
                Self::Unix(socket)
            }
            (Kind::UnixDatagram, Place::Path(path)) => {
                let socket = UnixDatagram::unbound()?;
                // A name, without which it could not be answered: unix(7), autobind.
                rustix::net::bind(&socket, &rustix::net::SocketAddrUnix::new_unnamed())?;
                socket.connect(path)?;
                socket.set_read_timeout(Some(PATIENCE))?;
                Self::UnixDatagram(socket)
            }
            _ => panic!("{kind} is not at {place:?}"),
        })
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.write_all(bytes),
            Self::Unix(socket) => socket.write_all(bytes),
            Self::Udp(socket) => socket.send(bytes).map(drop),
            Self::UnixDatagram(socket) => socket.send(bytes).map(drop),
        }
    }

    /// Waits for the end of a connection that brings nothing; what was sent and not read by the
    /// server makes it a reset.
    pub(crate) fn ends(&mut self) -> bool {
        match self.answer() {
            Ok(answer) => answer.is_empty(),
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// What is there, at most as much as fits: nothing at the end.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(buffer),
            Self::Unix(socket) => socket.read(buffer),
            Self::Udp(socket) => socket.recv(buffer),
            Self::UnixDatagram(socket) => socket.recv(buffer),
        }
    }

    /// Everything that a connection brings, or one datagram.
    pub(crate) fn answer(&mut self) -> io::Result<String> {
        let mut answer = Vec::new();
        let mut buffer = [0; 65_536];
        loop {
            let count = self.receive(&mut buffer)?;
            answer.extend(&buffer[..count]);
            if count == 0 || matches!(self, Self::Udp(_) | Self::UnixDatagram(_)) {
                return Ok(String::from_utf8(answer).unwrap());
            }
        }
    }
}
