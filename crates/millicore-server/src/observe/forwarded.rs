//! Who the client is, where proxies that are trusted say so: `X-Forwarded-For`, `-Proto`, `-Host`.
//!
//! Each proxy appends whom it was asked by, so a client can write what it likes to the left, and
//! only what trusted proxies appended is to be believed. The addresses are read from the right; the
//! first that is not a trusted proxy's is the client's.

use crate::address::Peer;
use ::http::{HeaderMap, HeaderName};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The longest name that a host has, with a port.
const MAX_HOST_LENGTH: usize = 261;

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Its address; none for a process of this machine over a Unix socket.
    pub address: Option<IpAddr>,
    /// How it reached the outermost proxy that is trusted, `http` or `https`, if that said so.
    pub scheme: Option<Scheme>,
    /// Which host it asked the proxy for, if that said so.
    pub host: Option<Box<str>>,
}

/// What a client spoke with the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

/// Whose word about their clients is taken: a list such as `127.0.0.1,::1,10.0.0.0/8,unix`, where
/// `unix` is every process of this machine over a Unix socket; `*` for everybody, `off` for nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedPeers {
    is_everyone: bool,
    is_unix: bool,
    networks: Vec<Network>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

/// It is not a list of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is neither an address, nor a network such as 10.0.0.0/8, nor unix, nor * for everybody, \
     nor off for nobody"
)]
pub struct TrustSyntax(String);

impl Client {
    /// Who asks through this connection.
    #[must_use]
    pub fn of(peer: Option<Peer>, headers: &HeaderMap, trusted: &TrustedPeers) -> Self {
        let direct = match peer {
            Some(Peer::Inet(address)) => Some(address.ip().to_canonical()),
            Some(Peer::Unix) | None => None,
        };
        let is_trusted = match (peer, direct) {
            (Some(Peer::Unix), _) => trusted.is_unix || trusted.is_everyone,
            (_, Some(address)) => trusted.contains(address),
            (_, None) => false,
        };
        if !is_trusted {
            return Self {
                address: direct,
                ..Self::default()
            };
        }
        Self {
            address: outermost(direct, headers, trusted),
            scheme: last(headers, &PROTO).and_then(Scheme::parse),
            host: last(headers, &HOST)
                .filter(|it| is_host(it))
                .map(Into::into),
        }
    }
}

/// Walks from the nearest proxy outwards, as far as each is trusted and says who asked it.
fn outermost(
    direct: Option<IpAddr>,
    headers: &HeaderMap,
    trusted: &TrustedPeers,
) -> Option<IpAddr> {
    let mut client = direct;
    for value in headers.get_all(FOR).iter().rev() {
        // A field that is not text was not written by a proxy that is worth its trust.
        let Ok(value) = value.to_str() else { break };
        for entry in value.rsplit(',') {
            let Some(address) = parse_entry(entry.trim()) else {
                return client;
            };
            client = Some(address);
            if !trusted.contains(address) {
                return client;
            }
        }
    }
    client
}

/// An address, which some proxies write with a port, and IPv6 in brackets.
fn parse_entry(entry: &str) -> Option<IpAddr> {
    let bare = |text: &str| text.parse::<IpAddr>().ok();
    let in_brackets = || entry.strip_prefix('[')?.strip_suffix(']').and_then(bare);
    let with_port = || Some(entry.parse::<SocketAddr>().ok()?.ip());
    let address = bare(entry).or_else(in_brackets).or_else(with_port)?;
    Some(address.to_canonical())
}

/// What the nearest proxy says: the last in the list.
fn last<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    Some(value.rsplit(',').next().unwrap_or(value).trim())
}

fn is_host(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    (1..=MAX_HOST_LENGTH).contains(&text.len()) && text.bytes().all(is_part)
}

impl Scheme {
    fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("https") {
            Some(Self::Https)
        } else if text.eq_ignore_ascii_case("http") {
            Some(Self::Http)
        } else {
            None
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => address.fmt(f),
            None => f.write_str("unix"),
        }
    }
}

impl TrustedPeers {
    /// Nobody.
    #[must_use]
    pub const fn nobody() -> Self {
        Self {
            is_everyone: false,
            is_unix: false,
            networks: Vec::new(),
        }
    }

    /// Whether the word of whoever has this address is taken.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.is_everyone || self.networks.iter().any(|it| it.contains(address))
    }
}

/// This machine: `127.0.0.1,::1,unix`.
impl Default for TrustedPeers {
    fn default() -> Self {
        let loopback = [
            Network::single(Ipv4Addr::LOCALHOST.into()),
            Network::single(Ipv6Addr::LOCALHOST.into()),
        ];
        Self {
            is_everyone: false,
            is_unix: true,
            networks: loopback.to_vec(),
        }
    }
}

impl FromStr for TrustedPeers {
    type Err = TrustSyntax;

    fn from_str(list: &str) -> Result<Self, TrustSyntax> {
        let mut trusted = Self::nobody();
        if list == "off" {
            return Ok(trusted);
        }
        for entry in list.split(',').map(str::trim) {
            match entry {
                "*" => trusted.is_everyone = true,
                "unix" => trusted.is_unix = true,
                _ => {
                    let network = Network::parse(entry);
                    let network = network.ok_or_else(|| TrustSyntax(entry.to_owned()))?;
                    trusted.networks.push(network);
                }
            }
        }
        Ok(trusted)
    }
}

impl Network {
    const fn single(address: IpAddr) -> Self {
        Self {
            address,
            prefix_bits: width(address),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let Some((address, bits)) = text.split_once('/') else {
            return Some(Self::single(text.parse::<IpAddr>().ok()?.to_canonical()));
        };
        let address: IpAddr = address.parse().ok()?;
        let prefix_bits = bits.parse().ok().filter(|bits| *bits <= width(address))?;
        Some(Self {
            address,
            prefix_bits,
        })
    }

    fn contains(self, address: IpAddr) -> bool {
        let leading = |bits: u128, width: u8| {
            let dropped = u32::from(width - self.prefix_bits);
            bits.checked_shr(dropped).unwrap_or(0)
        };
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let [network, address] = [network, address].map(|it| u128::from(it.to_bits()));
                leading(network, 32) == leading(address, 32)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                leading(network.to_bits(), 128) == leading(address.to_bits(), 128)
            }
            _ => false,
        }
    }
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

#[cfg(test)]
mod tests;
