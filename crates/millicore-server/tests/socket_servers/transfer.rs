//! What handlers read and write.

use crate::harness::Test;
use crate::server::Server;
use crate::setup::{Body, Kind, for_each};
use rustix::process::{Pid, Signal, kill_process};

pub(crate) fn tests() -> Vec<Test> {
    let streams: &[(&str, Body)] = &[
        ("sent_at_once", sent_at_once),
        ("large_write", large_write),
        ("client_leaves", client_leaves),
    ];
    let datagrams: &[(&str, Body)] = &[("truncated", truncated), ("empty", empty)];
    let mut tests = for_each("transfer", |kind, _| kind.is_stream(), streams);
    tests.extend(for_each("transfer", |kind, _| !kind.is_stream(), datagrams));
    tests
}

/// Nobody flushes.
fn sent_at_once(kind: Kind, model: &str) {
    let mut server = Server::start(kind, model, &[]);
    let mut client = server.ask("first");
    let mut buffer = [0; 64];
    let count = client.receive(&mut buffer).unwrap();
    assert_eq!(&buffer[..count], b"at once\n");
    server.release();
    assert_eq!(client.answer().unwrap(), "first\n");
    server.stop();
}

/// More than any buffer holds, interrupted by a signal at every other read.
fn large_write(kind: Kind, model: &str) {
    const BYTES: usize = (16 << 20) + 3;
    let mut server = Server::start(kind, model, &[]);
    let mut client = server.ask(&format!("large {BYTES}"));
    let event = server.event();
    let writer = event.strip_prefix("writing ").unwrap();
    let writer = Pid::from_raw(writer.parse().unwrap()).unwrap();
    let mut received = 0;
    let mut buffer = vec![0; 1 << 17];
    let expected = (0..=u8::MAX)
        .collect::<Vec<u8>>()
        .repeat(buffer.len() / 256 + 1);
    loop {
        if received < BYTES / 2 {
            // The other half does not fit, so that the writer is there.
            kill_process(writer, Signal::USR1).unwrap();
        }
        let count = client.receive(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        assert!(buffer[..count] == expected[received % 256..][..count]);
        received += count;
    }
    assert_eq!(received, BYTES);
    server.stop();
}

/// Writing to a client that has left is an error of that request, not a signal that ends the server.
fn client_leaves(kind: Kind, model: &str) {
    let mut server = Server::start(kind, model, &[]);
    let mut client = server.ask("large 30000000");
    assert!(server.event().starts_with("writing "));
    assert!(client.receive(&mut [0; 10]).unwrap() > 0);
    drop(client);
    let event = server.event();
    let is_gone = event.contains("Broken pipe") || event.contains("Connection reset");
    assert!(is_gone, "{event}");
    server.echoes();
    server.stop();
}

/// What is longer than `max_packet_size` is cut, and the handler can know.
fn truncated(kind: Kind, model: &str) {
    let mut server = Server::start(kind, model, &["max_packet_size=16"]);
    let answer = server.ask("0123456789abcde").answer().unwrap();
    assert_eq!(answer, "0123456789abcde\n");
    let answer = server.ask("0123456789abcdef").answer().unwrap();
    assert_eq!(answer, "0123456789abcdef");
    server.expect(&["truncated"]);
    server.stop();
}

/// A datagram may be empty, and so is its answer.
fn empty(kind: Kind, model: &str) {
    let server = Server::start(kind, model, &[]);
    let mut client = server.client();
    client.send(b"").unwrap();
    assert_eq!(client.answer().unwrap(), "");
    client.send(b"\n").unwrap();
    assert_eq!(client.answer().unwrap(), "\n");
    server.stop();
}
