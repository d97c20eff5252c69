//! Where a server listens, as it is typed: `HOST:PORT`, `unix:PATH`, `fd://N`.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bind {
    /// A TCP port of a host, 0 for any that is free.
    Tcp {
        /// A name or an address.
        host: String,
        /// Its port.
        port: u16,
    },
    /// A Unix socket at a path.
    Unix(PathBuf),
    /// A socket that this process was given, by its descriptor.
    Descriptor(i32),
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An address and port.
    Inet(SocketAddr),
    /// A process of this machine, over a Unix socket.
    Unix,
}

impl Peer {
    /// For another process of this program.
    pub(crate) fn to_words(self) -> Vec<u8> {
        match self {
            Self::Inet(address) => address.to_string().into_bytes(),
            // A message of no bytes would be the end of the messages.
            Self::Unix => vec![b'-'],
        }
    }

    pub(crate) fn from_words(words: &[u8]) -> Self {
        let text = std::str::from_utf8(words).ok();
        let address = text.and_then(|text| text.parse().ok());
        address.map_or(Self::Unix, Self::Inet)
    }
}

/// It is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not an address to listen on: {problem}; give HOST:PORT such as 127.0.0.1:8000 or \
     [::1]:8000, unix:PATH, or fd://N"
)]
pub struct BindSyntax {
    text: String,
    problem: &'static str,
}

impl FromStr for Bind {
    type Err = BindSyntax;

    fn from_str(text: &str) -> Result<Self, BindSyntax> {
        parse(text).map_err(|problem| BindSyntax {
            text: text.to_owned(),
            problem,
        })
    }
}

fn parse(text: &str) -> Result<Bind, &'static str> {
    if let Some(path) = text.strip_prefix("unix:") {
        return match path.strip_prefix("//").unwrap_or(path) {
            "" => Err("it has no path"),
            path => Ok(Bind::Unix(path.into())),
        };
    }
    if let Some(number) = text.strip_prefix("fd://") {
        return match number.parse() {
            Ok(descriptor) if descriptor >= 0 => Ok(Bind::Descriptor(descriptor)),
            _ => Err("a descriptor is a whole number"),
        };
    }
    let (host, port) = text.rsplit_once(':').ok_or("it has no port")?;
    let port = port
        .parse()
        .map_err(|_| "a port is a whole number from 0 to 65535")?;
    let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let host = match bare {
        None if host.contains(':') => return Err("an IPv6 address stands in brackets"),
        _ => bare.unwrap_or(host),
    };
    if host.contains(['[', ']']) {
        return Err("brackets stand around an IPv6 address alone");
    }
    if host.is_empty() {
        return Err("it has no host; 0.0.0.0 is all of IPv4");
    }
    Ok(Bind::Tcp {
        host: host.to_owned(),
        port,
    })
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            // Without, what it begins with would be taken for what follows the colon in a URL.
            Self::Unix(path) if path.as_os_str().as_encoded_bytes().starts_with(b"//") => {
                write!(f, "unix://{}", path.display())
            }
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Descriptor(number) => write!(f, "fd://{number}"),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bind;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        match text.parse::<Bind>() {
            Ok(bind) => assert_eq!(bind.to_string(), expected),
            Err(error) => assert!(error.to_string().contains(expected), "{error}"),
        }
    }

    #[test]
    fn addresses_are_read_as_they_are_typed() {
        check("127.0.0.1:8000", "127.0.0.1:8000");
        check("localhost:0", "localhost:0");
        check("[::1]:80", "[::1]:80");
        check("unix:/run/a.sock", "unix:/run/a.sock");
        check("unix:///run/a.sock", "unix:/run/a.sock");
        check("unix:////run/a.sock", "unix:////run/a.sock");
        check("fd://3", "fd://3");
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        check("8000", "it has no port");
        check(":8000", "0.0.0.0 is all of IPv4");
        check("[]:8000", "0.0.0.0 is all of IPv4");
        check("[[]]:8000", "brackets stand around an IPv6 address alone");
        check("::1:80", "an IPv6 address stands in brackets");
        check("a:65536", "a port is a whole number from 0 to 65535");
        check("unix:", "it has no path");
        check("fd://x", "a descriptor is a whole number");
        check("fd://-1", "a descriptor is a whole number");
    }
}
