//! Where socket servers listen: one constructor for each kind of socket.

use crate::address::Bind;
use crate::listener::{ListenOptions, Listener};
use crate::socket::datagram::Datagram;
use crate::socket::handler::Handler;
use crate::socket::options::{SocketModel, SocketOptions};
use crate::socket::server::{SocketError, SocketServer};
use crate::socket::stream::Stream;
use crate::socket_file::SocketFile;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;

impl SocketServer<Stream> {
    /// A server on a TCP port, as `TCPServer`.
    ///
    /// # Errors
    ///
    /// Says why it cannot listen there.
    pub fn tcp(
        address: &str,
        options: SocketOptions,
        handler: impl Handler<Stream>,
    ) -> Result<Self, SocketError> {
        let place: Bind = address.parse()?;
        Self::on_listener(&place, options, Arc::new(handler))
    }

    /// A server on a Unix stream socket, as `UnixStreamServer`. A socket on which nobody listens any
    /// more is replaced; its file goes when the server closes.
    ///
    /// # Errors
    ///
    /// Says why it cannot listen there.
    pub fn unix(
        path: impl AsRef<Path>,
        options: SocketOptions,
        handler: impl Handler<Stream>,
    ) -> Result<Self, SocketError> {
        let place = Bind::Unix(path.as_ref().to_owned());
        Self::on_listener(&place, options, Arc::new(handler))
    }

    fn on_listener(
        place: &Bind,
        options: SocketOptions,
        handler: Arc<dyn Handler<Stream>>,
    ) -> Result<Self, SocketError> {
        let listen = ListenOptions {
            backlog: options.request_queue_size,
            reuse_address: options.allow_reuse_address,
            reuse_port: options.allow_reuse_port,
        };
        let listener = Listener::bind(place, &listen)?;
        let address = listener.tcp_address();
        Self::new(listener, address, options, handler)
    }
}

impl SocketServer<Datagram> {
    /// A server on a UDP port, as `UDPServer`.
    ///
    /// # Errors
    ///
    /// Says why it cannot be bound.
    pub fn udp(
        address: &str,
        options: SocketOptions,
        handler: impl Handler<Datagram>,
    ) -> Result<Self, SocketError> {
        refuse_prefork(&options)?;
        let bound = bind_udp(address, &options);
        let (socket, local) = bound.map_err(|source| SocketError::Bind {
            place: address.to_owned(),
            source,
        })?;
        Self::new(socket, Some(local), options, Arc::new(handler))
    }

    /// A server on a Unix datagram socket, as `UnixDatagramServer`: nothing may be at the path.
    ///
    /// # Errors
    ///
    /// Says why it cannot be bound.
    pub fn unix(
        path: impl AsRef<Path>,
        options: SocketOptions,
        handler: impl Handler<Datagram>,
    ) -> Result<Self, SocketError> {
        refuse_prefork(&options)?;
        let path = path.as_ref();
        let socket = UnixDatagram::bind(path).map_err(|source| SocketError::Bind {
            place: format!("unix:{}", path.display()),
            source,
        })?;
        let mut server = Self::new(OwnedFd::from(socket), None, options, Arc::new(handler))?;
        server.file = SocketFile::at(path);
        Ok(server)
    }
}

fn refuse_prefork(options: &SocketOptions) -> Result<(), SocketError> {
    match options.model {
        SocketModel::Prefork(_) => Err(SocketError::PreforkDatagrams),
        SocketModel::Sync | SocketModel::Threads | SocketModel::Forks => Ok(()),
    }
}

fn bind_udp(address: &str, options: &SocketOptions) -> io::Result<(OwnedFd, SocketAddr)> {
    let mut problem = io::Error::other("the host has no address");
    for address in address.to_socket_addrs()? {
        match bind_address(address, options) {
            Ok(bound) => return Ok(bound),
            Err(error) => problem = error,
        }
    }
    Err(problem)
}

fn bind_address(address: SocketAddr, options: &SocketOptions) -> io::Result<(OwnedFd, SocketAddr)> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, options.allow_reuse_address)?;
    sockopt::set_socket_reuseport(&socket, options.allow_reuse_port)?;
    bind(&socket, &address)?;
    let local = rustix::net::getsockname(&socket)?;
    Ok((socket, local.try_into()?))
}
