//! Requests that leave together.

use crate::load;
use crate::server::{Reply, Server, ok};
use std::net::TcpListener;
use std::sync::Barrier;

#[test]
fn all_requests_of_a_burst_are_under_way_together() {
    let all = Barrier::new(20);
    let server = Server::start(move |_| {
        all.wait();
        Reply::Keep(ok("together"))
    });
    let outcome = load(&server.urls(), &[("--at-once", "20")]);
    assert_eq!((outcome.ok, outcome.connections_opened), (20, 20));
    assert!(outcome.rows.iter().all(|row| row.intended_ns == 0));
    let sent_ns: Vec<u64> = outcome.rows.iter().filter_map(|row| row.sent_ns).collect();
    let spread_ns = sent_ns.iter().max().unwrap() - sent_ns.iter().min().unwrap();
    assert_eq!(outcome.spread_ns, Some(spread_ns));
}

#[test]
fn only_a_burst_has_a_spread() {
    let server = Server::start(|_| Reply::Keep(ok("alone")));
    assert_eq!(load(&server.urls(), &[("-n", "3")]).spread_ns, None);
    assert_eq!(
        load(&server.urls(), &[("--at-once", "1")]).spread_ns,
        Some(0)
    );
}

/// A server that takes one connection at a time, with a queue shorter than the burst, does not take
/// the last connections before it has answered the first; waiting for them would be for ever.
#[test]
fn a_burst_does_not_wait_for_ever_for_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 1).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        use std::io::{Read, Write};
        for _ in 0..5 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            let text = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
            stream.write_all(text.as_bytes()).unwrap();
        }
    });
    let outcome = load(&[url], &[("--at-once", "5")]);
    assert_eq!((outcome.ok, outcome.asked), (5, 5), "{:?}", outcome.failed);
    server.join().unwrap();
}
