//! Peers whose word about the client is believed: addresses, networks, Unix sockets, everybody.

use millicore_server::address::Peer;
use std::net::IpAddr;

/// Some of all peers that can connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peers {
    Everybody,
    /// Processes of this machine, over a Unix socket.
    Unix,
    /// The addresses that begin with the first so many bits of this one.
    Network {
        address: IpAddr,
        bits: u8,
    },
}

impl Peers {
    pub(crate) fn contain(self, peer: &Peer) -> bool {
        match (self, peer) {
            (Self::Everybody, _) | (Self::Unix, Peer::Unix) => true,
            (Self::Network { address, bits }, Peer::Inet(peer)) => {
                within(address, bits, peer.ip().to_canonical())
            }
            (Self::Unix | Self::Network { .. }, _) => false,
        }
    }
}

fn within(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    let (network, address, width) = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (network.to_bits().into(), address.to_bits().into(), 32)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits(), address.to_bits(), 128),
        _ => return false,
    };
    let differing: u128 = network ^ address;
    differing.checked_shr(width - u32::from(bits)).unwrap_or(0) == 0
}

/// `127.0.0.1,10.0.0.0/8,unix`, `*`, or `off`
pub(super) fn peers(text: &str) -> Result<Vec<Peers>, String> {
    match text {
        "off" => Ok(Vec::new()),
        _ => text.split(',').map(|one| some_peers(one.trim())).collect(),
    }
}

fn some_peers(text: &str) -> Result<Peers, String> {
    match text {
        "*" => return Ok(Peers::Everybody),
        "unix" => return Ok(Peers::Unix),
        _ => {}
    }
    network(text).ok_or_else(|| {
        format!("{text:?} is neither an address, nor a network such as 10.0.0.0/8, nor unix, nor *")
    })
}

fn network(text: &str) -> Option<Peers> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        Some(bits) => bits.parse().ok().filter(|bits| *bits <= width)?,
        None => width,
    };
    Some(Peers::Network { address, bits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(list: &str, inside: &[&str], outside: &[&str]) {
        let list = peers(list).unwrap();
        let is_in = |address: &&str| {
            let peer = match *address {
                "unix" => Peer::Unix,
                address => Peer::Inet((address.parse::<IpAddr>().unwrap(), 1).into()),
            };
            list.iter().any(|peers| peers.contain(&peer))
        };
        assert!(inside.iter().all(is_in), "{list:?} {inside:?}");
        assert!(!outside.iter().any(is_in), "{list:?} {outside:?}");
    }

    #[test]
    fn peers_are_in_the_networks_that_are_named() {
        check(
            "127.0.0.1,::1",
            &["127.0.0.1", "::1", "::ffff:127.0.0.1"],
            &["127.0.0.2", "unix"],
        );
        check("10.0.0.0/8", &["10.255.0.1"], &["11.0.0.1", "::1"]);
        check("fd00::/8, unix", &["fdff::1", "unix"], &["fe00::1"]);
        check("0.0.0.0/0", &["1.2.3.4"], &["::1"]);
        check("*", &["1.2.3.4", "::1", "unix"], &[]);
        check("off", &[], &["127.0.0.1", "unix"]);
    }

    #[test]
    fn what_is_no_peer_is_refused() {
        for text in ["", "localhost", "10.0.0.0/33", "10.0.0/8", "1.2.3.4,"] {
            assert!(peers(text).is_err(), "{text}");
        }
    }
}
