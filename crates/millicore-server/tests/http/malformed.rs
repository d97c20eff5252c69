//! Requests that are none, or that two servers could read differently: each ends in a 4xx or in a
//! closed connection, and the next good request is answered.

use crate::behaviour::MAX_HEAD_BYTES;
use crate::client::Client;
use std::net::SocketAddr;

/// A request after which a second one must not be answered.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n";

/// What is sent, by a name.
pub(crate) fn corpus() -> Vec<(&'static str, Vec<u8>)> {
    let heads = heads().into_iter().chain(fields());
    let mut corpus: Vec<(&str, Vec<u8>)> = heads
        .map(|(name, text)| (name, text.as_bytes().to_vec()))
        .collect();
    for (name, fields) in framings() {
        let head = format!("POST /echo HTTP/1.1\r\nHost: test\r\n{fields}\r\n");
        corpus.push((name, (head + "0\r\n\r\n" + SMUGGLED).into_bytes()));
    }
    for (name, body) in chunkings() {
        let head = "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
        corpus.push((name, (head.to_owned() + body).into_bytes()));
    }
    corpus.extend(bytes());
    corpus
}

fn heads() -> Vec<(&'static str, &'static str)> {
    vec![
        ("no version", "GET /hello\r\n\r\n"),
        ("no target", "GET\r\n\r\n"),
        (
            "an old version",
            "GET /hello HTTP/0.9\r\nHost: test\r\n\r\n",
        ),
        (
            "a version to come",
            "GET /hello HTTP/3.0\r\nHost: test\r\n\r\n",
        ),
        (
            "no such version",
            "GET /hello HTTP/1.10\r\nHost: test\r\n\r\n",
        ),
        (
            "a space in the target",
            "GET /hello there HTTP/1.1\r\nHost: test\r\n\r\n",
        ),
        (
            "half an address",
            "GET http://[::1/hello HTTP/1.1\r\nHost: test\r\n\r\n",
        ),
        (
            "a proxy asked for",
            "CONNECT test:80 HTTP/1.1\r\nHost: test\r\n\r\n",
        ),
        ("a star asked for", "GET * HTTP/1.1\r\nHost: test\r\n\r\n"),
        (
            "a method with a bracket",
            "G(T /hello HTTP/1.1\r\nHost: test\r\n\r\n",
        ),
        ("no host", "GET /hello HTTP/1.1\r\n\r\n"),
        (
            "two hosts",
            "GET /hello HTTP/1.1\r\nHost: test\r\nHost: other\r\n\r\n",
        ),
        (
            "twice the host",
            "GET /hello HTTP/1.1\r\nHost: test\r\nHost: test\r\n\r\n",
        ),
        (
            "hosts in one field",
            "GET /hello HTTP/1.1\r\nHost: test, other\r\n\r\n",
        ),
        (
            "a host with a path",
            "GET /hello HTTP/1.1\r\nHost: test/other\r\n\r\n",
        ),
        (
            "a host with a user",
            "GET /hello HTTP/1.1\r\nHost: root@test\r\n\r\n",
        ),
    ]
}

fn fields() -> Vec<(&'static str, &'static str)> {
    vec![
        (
            "a field without a colon",
            "GET /hello HTTP/1.1\r\nHost: test\r\nfield\r\n\r\n",
        ),
        (
            "a field without a name",
            "GET /hello HTTP/1.1\r\nHost: test\r\n: value\r\n\r\n",
        ),
        (
            "a space before a colon",
            "GET /hello HTTP/1.1\r\nHost : test\r\n\r\n",
        ),
        (
            "a field of two lines",
            "GET /hello HTTP/1.1\r\nHost: test\r\nA: b\r\n c\r\n\r\n",
        ),
        (
            "a line that begins with a space",
            "GET /hello HTTP/1.1\r\n Host: test\r\n\r\n",
        ),
        (
            "a field name with a bracket",
            "GET /hello HTTP/1.1\r\nHost: test\r\nA(: b\r\n\r\n",
        ),
        (
            "a zero in a field",
            "GET /hello HTTP/1.1\r\nHost: test\r\nA: \0\r\n\r\n",
        ),
        (
            "a return in a field",
            "GET /hello HTTP/1.1\r\nHost: test\r\nA: b\rC: d\r\n\r\n",
        ),
        (
            "a return alone as an end",
            "GET /hello HTTP/1.1\rHost: test\r\r",
        ),
    ]
}

fn framings() -> Vec<(&'static str, &'static str)> {
    vec![
        ("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n"),
        ("two lengths in one field", "Content-Length: 5, 6\r\n"),
        ("a negative length", "Content-Length: -5\r\n"),
        ("a length with a sign", "Content-Length: +5\r\n"),
        ("a length in hexadecimal", "Content-Length: 0x5\r\n"),
        ("no length in the field", "Content-Length: \r\n"),
        (
            "a length beyond numbers",
            "Content-Length: 99999999999999999999\r\n",
        ),
        ("a coding nobody knows", "Transfer-Encoding: xchunked\r\n"),
        (
            "chunks and then another coding",
            "Transfer-Encoding: chunked, identity\r\n",
        ),
        (
            "another coding and then chunks",
            "Transfer-Encoding: gzip, chunked\r\n",
        ),
        (
            "twice in chunks",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        ),
        (
            "in chunks and not",
            "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        ),
        (
            "a coding behind a tab",
            "Transfer-Encoding:\tchunked\x0b\r\n",
        ),
        ("a coding in quotes", "Transfer-Encoding: \"chunked\"\r\n"),
        (
            "a coding with a space before its colon",
            "Transfer-Encoding : chunked\r\n",
        ),
    ]
}

fn chunkings() -> Vec<(&'static str, &'static str)> {
    vec![
        ("a chunk size that is none", "zz\r\n"),
        ("a negative chunk", "-1\r\n"),
        ("no chunk size", "\r\n"),
        ("a chunk beyond numbers", "fffffffffffffffff\r\n"),
        ("a chunk longer than it says", "1\r\nabc\r\n0\r\n\r\n"),
        ("a chunk without its end", "3\r\nabc0\r\n\r\n"),
        ("a chunk size with a sign", "+3\r\nabc\r\n0\r\n\r\n"),
        ("a chunk size in the C language", "0x3\r\nabc\r\n0\r\n\r\n"),
        ("a return in an extension", "3;a\rb\r\nabc\r\n0\r\n\r\n"),
        ("a line feed in an extension", "3;a\nb\r\nabc\r\n0\r\n\r\n"),
    ]
}

fn bytes() -> Vec<(&'static str, Vec<u8>)> {
    let with_head = |fields: String| format!("GET /hello HTTP/1.1\r\nHost: test\r\n{fields}\r\n");
    let many: String = (0..200).map(|number| format!("A{number}: b\r\n")).collect();
    let large = format!("A: {}\r\n", "b".repeat(MAX_HEAD_BYTES));
    let long = format!("GET /{} HTTP/1.1\r\nHost: test\r\n\r\n", "a".repeat(70_000));
    vec![
        ("too many fields", with_head(many).into_bytes()),
        ("a head too large", with_head(large).into_bytes()),
        ("a target too long", long.into_bytes()),
        (
            "a zero in the target",
            b"GET /\0 HTTP/1.1\r\nHost: test\r\n\r\n".to_vec(),
        ),
        ("bytes that are no text", vec![0xff; 100]),
        ("zeros", vec![0; 100]),
        (
            "another protocol",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        ),
        (
            "a preface and then none",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET / HTTP/1.1\r\n".to_vec(),
        ),
        (
            "half a preface",
            b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".to_vec(),
        ),
    ]
}

/// Sends all of it.
pub(crate) fn check_all(server: SocketAddr) {
    for (name, bytes) in corpus() {
        let mut client = Client::connect(server);
        client.try_send(&bytes);
        if let Some(status) = client.first_status() {
            assert!((400..500).contains(&status), "{name}: {status}");
        }
        assert!(!client.rest().contains("smuggled"), "{name}");
        let mut next = Client::connect(server);
        next.get("/hello");
        assert_eq!(next.answer().text(), "hello", "after {name}");
    }
}

/// What both a length and chunks delimit is read as chunks, and nothing after it.
pub(crate) fn check_two_framings(server: SocketAddr) {
    let (length, chunks) = ("Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n");
    for fields in [[length, chunks].concat(), [chunks, length].concat()] {
        let mut client = Client::connect(server);
        let head = format!("POST /echo HTTP/1.1\r\nHost: test\r\n{fields}\r\n");
        client.try_send(head + "0\r\n\r\n" + SMUGGLED);
        let status = client.first_status();
        assert!(
            matches!(status, None | Some(200 | 400)),
            "{fields}: {status:?}"
        );
        assert!(!client.rest().contains("smuggled"), "{fields}");
    }
}
