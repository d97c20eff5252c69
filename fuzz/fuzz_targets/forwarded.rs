//! What clients and proxies say in `X-Forwarded-*`, one value a line: first `For`, then `Proto`, then
//! `Host`, and so on.
//!
//! ```console
//! $ cargo +nightly fuzz run forwarded
//! ```
//!
//! Whoever is not trusted is who it is, whatever it says, and also when a trusted proxy says who that
//! is.
#![no_main]

use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use millicore_server::address::Peer;
use millicore_server::observe::forwarded::{Client, TrustedPeers};
use std::net::{IpAddr, Ipv4Addr};

const NAMES: [&str; 3] = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"];

fuzz_target!(|bytes: &[u8]| {
    let mut headers = HeaderMap::new();
    for (name, value) in NAMES.iter().cycle().zip(bytes.split(|&byte| byte == b'\n')) {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(*name, value);
        }
    }
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let peer = Some(Peer::Inet((address, 8000).into()));
    let trusted = |list: &str| list.parse::<TrustedPeers>().expect("a list");
    let nobody = trusted("off");
    let direct = Client::of(peer, &HeaderMap::new(), &nobody);
    assert_eq!(Client::of(peer, &headers, &nobody), direct);
    assert_eq!(direct.address, Some(address));
    for list in ["*", "127.0.0.1", "127.0.0.1,10.0.0.0/8"] {
        // A peer that is known has an address, its own or another.
        assert!(Client::of(peer, &headers, &trusted(list)).address.is_some());
    }
    let stranger = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
    headers.append(NAMES[0], HeaderValue::from_static("203.0.113.7"));
    let proxied = Client::of(peer, &headers, &trusted("127.0.0.1,10.0.0.0/8"));
    assert_eq!(proxied.address, Some(stranger));
});
