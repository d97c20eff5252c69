//! Listening sockets of streams: bound, given by the system, accepted from without waiting.

use crate::address::{Bind, Peer};
use crate::socket_file::SocketFile;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrAny, SocketAddrUnix, SocketFlags, SocketType, acceptfrom_with, bind,
    getsockname, listen, socket_with, sockopt,
};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// How a socket listens.
#[derive(Clone, Copy, Debug)]
pub struct ListenOptions {
    /// How many connections the kernel keeps until they are accepted: listen(2).
    pub backlog: i32,
    /// Whether a port may be bound again while old connections of it linger: `SO_REUSEADDR`.
    pub reuse_address: bool,
    /// Whether other sockets may listen on the same port: `SO_REUSEPORT`.
    pub reuse_port: bool,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            backlog: 1024,
            reuse_address: true,
            reuse_port: false,
        }
    }
}

/// A listening stream socket, TCP or Unix, that never blocks.
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
    address: ListenAddress,
    /// Whoever gave it listens on as well, and goes on when this process has ended.
    is_given: bool,
    /// The file that was made for it.
    _file: Option<SocketFile>,
}

#[derive(Clone, Debug)]
enum ListenAddress {
    Inet(SocketAddr),
    /// Its path, if it has one.
    Unix(Option<PathBuf>),
}

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {bind}: {problem}")]
pub struct ListenError {
    bind: Bind,
    problem: Problem,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("{0}")]
    System(#[from] io::Error),
    #[error("another program uses it: stop that program, or listen elsewhere")]
    InUse,
    #[error("a file that is not a socket is in its place: remove it, or choose another path")]
    NotASocket,
    #[error("the host has no address")]
    NoAddress,
    #[error("it is not the descriptor of a stream socket")]
    NotAStream,
}

impl From<Errno> for Problem {
    fn from(error: Errno) -> Self {
        match error {
            Errno::ADDRINUSE => Self::InUse,
            other => Self::System(other.into()),
        }
    }
}

impl Listener {
    /// Listens where it is told.
    ///
    /// # Errors
    ///
    /// Says where and why not, and what to do.
    pub fn bind(place: &Bind, options: &ListenOptions) -> Result<Self, ListenError> {
        let listener = match place {
            Bind::Tcp { host, port } => bind_tcp(host, *port, options),
            Bind::Unix(path) => bind_unix(path, options),
            Bind::Descriptor(number) => adopt(*number, options),
        };
        listener.map_err(|problem| ListenError {
            bind: place.clone(),
            problem,
        })
    }

    /// The next connection and who it is from, without waiting; reading from it does not wait
    /// either.
    ///
    /// # Errors
    ///
    /// What the system said, such as that descriptors are exhausted. A connection that was given up
    /// before it was accepted is none.
    pub fn accept(&self) -> io::Result<Option<(OwnedFd, Peer)>> {
        self.accept_with(SocketFlags::NONBLOCK)
    }

    /// As [`Listener::accept`], but reading from the connection waits.
    pub(crate) fn accept_blocking(&self) -> io::Result<Option<(OwnedFd, Peer)>> {
        self.accept_with(SocketFlags::empty())
    }

    fn accept_with(&self, flags: SocketFlags) -> io::Result<Option<(OwnedFd, Peer)>> {
        loop {
            let flags = flags | SocketFlags::CLOEXEC;
            match acceptfrom_with(&self.socket, flags) {
                Ok((connection, address)) => return Ok(Some((connection, peer(address)))),
                Err(Errno::AGAIN) => return Ok(None),
                // accept(2) says which errors concern only the connection that was waiting.
                Err(
                    Errno::INTR
                    | Errno::CONNABORTED
                    | Errno::PROTO
                    | Errno::NETDOWN
                    | Errno::NOPROTOOPT
                    | Errno::HOSTDOWN
                    | Errno::NONET
                    | Errno::HOSTUNREACH
                    | Errno::OPNOTSUPP
                    | Errno::NETUNREACH
                    | Errno::PERM,
                ) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Refuses connections from now on, in every process that has the socket. One that was given is
    /// left as it is: what comes from now on waits for whoever is given it next.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn refuse(&self) -> io::Result<()> {
        if self.is_given {
            return Ok(());
        }
        Ok(rustix::net::shutdown(
            &self.socket,
            rustix::net::Shutdown::Both,
        )?)
    }

    /// Where it listens, the port that the system chose included.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.address {
            ListenAddress::Inet(address) => format!("http://{address}"),
            ListenAddress::Unix(Some(path)) => format!("unix:{}", path.display()),
            ListenAddress::Unix(None) => "unix:".to_owned(),
        }
    }

    /// Its address, if it is a TCP socket.
    #[must_use]
    pub const fn tcp_address(&self) -> Option<SocketAddr> {
        match &self.address {
            ListenAddress::Inet(address) => Some(*address),
            ListenAddress::Unix(_) => None,
        }
    }

    /// Whether its connections are TCP's.
    #[must_use]
    pub const fn is_tcp(&self) -> bool {
        matches!(self.address, ListenAddress::Inet(_))
    }

    fn listen(socket: OwnedFd, options: &ListenOptions) -> Result<Self, Problem> {
        listen(&socket, options.backlog)?;
        Ok(Self {
            address: local_address(&socket)?,
            socket,
            is_given: false,
            _file: None,
        })
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether an error of accept(2) says that this process or the system has too much open.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM]
        .iter()
        .any(|errno| Some(errno.raw_os_error()) == error.raw_os_error())
}

fn peer(address: Option<SocketAddrAny>) -> Peer {
    address
        .and_then(|address| SocketAddr::try_from(address).ok())
        .map_or(Peer::Unix, Peer::Inet)
}

fn local_address(socket: &OwnedFd) -> Result<ListenAddress, Problem> {
    let address = getsockname(socket)?;
    if let Ok(unix) = SocketAddrUnix::try_from(address.clone()) {
        let path = unix.path_bytes().filter(|path| !path.is_empty());
        let path = path.map(|path| PathBuf::from(String::from_utf8_lossy(path).into_owned()));
        return Ok(ListenAddress::Unix(path));
    }
    let address = SocketAddr::try_from(address).map_err(|_| Problem::NotAStream)?;
    Ok(ListenAddress::Inet(address))
}

fn bind_tcp(host: &str, port: u16, options: &ListenOptions) -> Result<Listener, Problem> {
    let mut problem = Problem::NoAddress;
    for address in (host, port).to_socket_addrs()? {
        match bind_address(address, options) {
            Ok(listener) => return Ok(listener),
            Err(why) => problem = why,
        }
    }
    Err(problem)
}

fn bind_address(address: SocketAddr, options: &ListenOptions) -> Result<Listener, Problem> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = new_socket(family)?;
    sockopt::set_socket_reuseaddr(&socket, options.reuse_address)?;
    sockopt::set_socket_reuseport(&socket, options.reuse_port)?;
    bind(&socket, &address)?;
    Listener::listen(socket, options)
}

fn bind_unix(path: &Path, options: &ListenOptions) -> Result<Listener, Problem> {
    make_room(path)?;
    let socket = new_socket(AddressFamily::UNIX)?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    let mut listener = Listener::listen(socket, options)?;
    listener._file = SocketFile::at(path);
    Ok(listener)
}

/// Removes a socket that nobody listens on any more.
fn make_room(path: &Path) -> Result<(), Problem> {
    let Ok(metadata) = path.symlink_metadata() else {
        return Ok(());
    };
    if !metadata.file_type().is_socket() {
        return Err(Problem::NotASocket);
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Ok(std::fs::remove_file(path)?)
        }
        _ => Err(Problem::InUse),
    }
}

fn new_socket(family: AddressFamily) -> Result<OwnedFd, Problem> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(socket_with(family, SocketType::STREAM, flags, None)?)
}

fn adopt(number: RawFd, options: &ListenOptions) -> Result<Listener, Problem> {
    let socket = take_descriptor(number)?;
    if sockopt::socket_type(&socket) != Ok(SocketType::STREAM) {
        return Err(Problem::NotAStream);
    }
    rustix::io::ioctl_fionbio(&socket, true)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    let mut listener = Listener::listen(socket, options)?;
    listener.is_given = true;
    Ok(listener)
}

/// A descriptor that this process was started with becomes ours.
fn take_descriptor(number: RawFd) -> Result<OwnedFd, Problem> {
    // SAFETY: the descriptor was handed to this process to be used by whoever is told its number;
    // it is only borrowed, and duplicated, which fails where it is not open.
    #[expect(unsafe_code, reason = "a descriptor comes as a number")]
    let given = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(rustix::io::fcntl_dupfd_cloexec(given, 3)?)
}

#[cfg(test)]
mod tests {
    use super::{ListenOptions, Listener};
    use crate::address::Bind;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    #[test]
    fn a_unix_socket_leaves_no_file_but_one_that_took_its_place() {
        let name = format!("millicore-listener-{}.sock", std::process::id());
        let path = std::env::temp_dir().join(name);
        let (place, options) = (Bind::Unix(path.clone()), ListenOptions::default());
        let first = Listener::bind(&place, &options).unwrap();
        let error = Listener::bind(&place, &options).unwrap_err();
        assert!(
            error.to_string().contains("another program uses it"),
            "{error}"
        );
        first.refuse().unwrap();
        let second = Listener::bind(&place, &options).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn a_socket_of_its_own_refuses_and_a_given_one_waits_for_the_next() {
        let options = ListenOptions::default();
        let own = Listener::bind(&"127.0.0.1:0".parse().unwrap(), &options).unwrap();
        own.refuse().unwrap();
        assert!(TcpStream::connect(own.tcp_address().unwrap()).is_err());

        let giver = TcpListener::bind("127.0.0.1:0").unwrap();
        let given = Listener::bind(&Bind::Descriptor(giver.as_raw_fd()), &options).unwrap();
        given.refuse().unwrap();
        drop(given);
        let client = TcpStream::connect(giver.local_addr().unwrap()).unwrap();
        giver.set_nonblocking(false).unwrap();
        let (_, peer) = giver.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    }
}
