//! Whose word about a client is taken, and what a client can achieve by lying.

use super::*;
use ::http::HeaderValue;
use proptest::prelude::*;

fn headers(fields: &[(HeaderName, &[u8])]) -> HeaderMap {
    let pairs = fields.iter().map(|(name, value)| {
        let value = HeaderValue::from_bytes(value).unwrap();
        (name.clone(), value)
    });
    pairs.collect()
}

fn peer(address: &str) -> Option<Peer> {
    match address {
        "unix" => Some(Peer::Unix),
        address => Some(Peer::Inet(SocketAddr::new(address.parse().unwrap(), 1))),
    }
}

/// The client's address, for a peer, the list of trusted ones and the lines of `X-Forwarded-For`.
#[track_caller]
fn check(address: &str, trusted: &str, lines: &[&str], expected: &str) {
    let fields: Vec<(HeaderName, &[u8])> = lines.iter().map(|it| (FOR, it.as_bytes())).collect();
    let client = Client::of(peer(address), &headers(&fields), &trusted.parse().unwrap());
    assert_eq!(
        client.to_string(),
        expected,
        "{address} {trusted} {lines:?}"
    );
}

const LOCAL: &str = "127.0.0.1,::1,unix";

#[test]
fn this_machine_is_trusted_by_default() {
    assert_eq!(LOCAL.parse(), Ok(TrustedPeers::default()));
}

#[test]
fn a_trusted_proxy_says_who_asks() {
    check("127.0.0.1", LOCAL, &["203.0.113.7"], "203.0.113.7");
    check("::1", LOCAL, &["2001:db8::7"], "2001:db8::7");
    check("unix", LOCAL, &["203.0.113.7"], "203.0.113.7");
    check("unix", "*", &["203.0.113.7"], "203.0.113.7");
    check("127.0.0.1", LOCAL, &[], "127.0.0.1");
    check("unix", LOCAL, &[], "unix");
}

#[test]
fn everybody_else_is_who_they_are() {
    check("203.0.113.9", LOCAL, &["127.0.0.1"], "203.0.113.9");
    check("127.0.0.1", "off", &["203.0.113.7"], "127.0.0.1");
    check("unix", "127.0.0.1", &["203.0.113.7"], "unix");
    check("127.0.0.2", LOCAL, &["203.0.113.7"], "127.0.0.2");
}

#[test]
fn the_rightmost_that_is_not_trusted_counts() {
    let chain = "127.0.0.1,10.0.0.0/8";
    check(
        "127.0.0.1",
        chain,
        &["1.1.1.1, 203.0.113.7, 10.0.0.2"],
        "203.0.113.7",
    );
    check(
        "127.0.0.1",
        chain,
        &["1.1.1.1", "203.0.113.7", "10.0.0.2"],
        "203.0.113.7",
    );
    check(
        "127.0.0.1",
        chain,
        &["1.1.1.1,203.0.113.7", "10.0.0.2"],
        "203.0.113.7",
    );
    // All of them are proxies of ours: the request began at the outermost.
    check("127.0.0.1", chain, &["10.0.0.3, 10.0.0.2"], "10.0.0.3");
    check("127.0.0.1", "*", &["1.1.1.1, 203.0.113.7"], "1.1.1.1");
}

#[test]
fn a_lie_is_believed_no_further_than_to_who_tells_it() {
    let (proxy, liar) = ("127.0.0.1", "203.0.113.7");
    check(proxy, LOCAL, &["127.0.0.1, 203.0.113.7"], liar);
    check(proxy, LOCAL, &["nonsense, 203.0.113.7"], liar);
    check(proxy, LOCAL, &["203.0.113.7, nonsense"], proxy);
    check(proxy, LOCAL, &["203.0.113.7,"], proxy);
    check(proxy, LOCAL, &[""], proxy);
    check(proxy, LOCAL, &["unknown"], proxy);
    check(proxy, LOCAL, &["1.2.3.4.5"], proxy);
    check(proxy, LOCAL, &["127.1"], proxy);
    check(proxy, LOCAL, &["0x7f000001"], proxy);
    let long = ["127.0.0.1"; 5_000].join(",");
    check(proxy, LOCAL, &[&format!("{liar},{long}")], liar);
}

#[test]
fn addresses_are_read_however_proxies_write_them() {
    check("127.0.0.1", LOCAL, &["203.0.113.7:4711"], "203.0.113.7");
    check("127.0.0.1", LOCAL, &["[2001:db8::7]:4711"], "2001:db8::7");
    check("127.0.0.1", LOCAL, &["[2001:db8::7]"], "2001:db8::7");
    check("127.0.0.1", LOCAL, &["::ffff:203.0.113.7"], "203.0.113.7");
    check("::ffff:127.0.0.1", LOCAL, &["203.0.113.7"], "203.0.113.7");
}

#[test]
fn scheme_and_host_are_the_nearest_proxys() {
    let says = |address: &str, proto: &[u8], host: &[u8]| {
        let fields = headers(&[(PROTO, proto), (HOST, host)]);
        let client = Client::of(peer(address), &fields, &TrustedPeers::default());
        (client.scheme, client.host.map(String::from))
    };
    let host = |name: &str| Some(name.to_owned());
    let https = Some(Scheme::Https);
    assert_eq!(
        says("127.0.0.1", b"https", b"a.example:8443"),
        (https, host("a.example:8443"))
    );
    assert_eq!(
        says("127.0.0.1", b"http, HTTPS", b"evil, [::1]"),
        (https, host("[::1]"))
    );
    assert_eq!(says("127.0.0.1", b"gopher", b"a b"), (None, None));
    assert_eq!(says("127.0.0.1", b"\xff", b"<script>"), (None, None));
    assert_eq!(says("127.0.0.1", b"", &[b'a'; 262]), (None, None));
    assert_eq!(says("203.0.113.9", b"https", b"a.example"), (None, None));
}

#[test]
fn networks_contain_what_begins_alike() {
    let contains = |list: &str, address: &str| {
        let trusted: TrustedPeers = list.parse().unwrap();
        trusted.contains(address.parse().unwrap())
    };
    for (list, address, expected) in [
        ("10.0.0.0/8", "10.255.0.1", true),
        ("10.0.0.0/8", "11.0.0.1", false),
        ("10.1.2.3/8", "10.9.9.9", true),
        ("0.0.0.0/0", "203.0.113.7", true),
        ("0.0.0.0/0", "::1", false),
        ("::/0", "203.0.113.7", false),
        ("::/0", "2001:db8::1", true),
        ("192.0.2.4/31", "192.0.2.5", true),
        ("192.0.2.4/31", "192.0.2.6", false),
        ("192.0.2.4/32", "192.0.2.5", false),
        ("2001:db8::/33", "2001:db8:7fff::1", true),
        ("2001:db8::/33", "2001:db8:8000::1", false),
        (" 10.0.0.1 , ::1 ", "::1", true),
        ("*", "203.0.113.7", true),
        ("off", "127.0.0.1", false),
    ] {
        assert_eq!(contains(list, address), expected, "{address} in {list}");
    }
}

#[test]
fn what_is_no_address_is_not_trusted() {
    for list in [
        "localhost",
        "10.0.0.0/33",
        "::1/129",
        "10.0.0.0/",
        "10.0.0.0/-1",
        "",
        "127.0.0.1,",
        "10.0.0.0/8/8",
    ] {
        let error = list.parse::<TrustedPeers>().unwrap_err();
        assert!(
            error.to_string().contains("is neither an address"),
            "{error}"
        );
    }
}

proptest! {
    /// Whatever a client sends, what the proxy in front of us appends decides.
    #[test]
    fn what_a_client_writes_does_not_matter(said in "[ -~]{0,60}") {
        let line = format!("{said}, 203.0.113.7");
        check("127.0.0.1", LOCAL, &[&said, &line], "203.0.113.7");
    }
}
