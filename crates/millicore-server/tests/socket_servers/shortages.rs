//! What the system refuses for a while: descriptors, threads, processes.

use crate::client::Client;
use crate::harness::Test;
use crate::observed::{children, eventually};
use crate::server::Server;
use crate::setup::{Body, Kind, for_each};

pub(crate) fn tests() -> Vec<Test> {
    let waits =
        |kind: Kind, model: &str| kind.is_stream() && matches!(model, "threads" | "prefork");
    let forks = |kind: Kind, model: &str| kind.is_stream() && model == "forks";
    let starts = |_, model: &str| matches!(model, "threads" | "forks");
    let mut tests = for_each("shortages", starts, &[("no_process", no_process)]);
    tests.extend(for_each(
        "shortages",
        waits,
        &[("no_descriptor", no_descriptor)],
    ));
    let in_forks: &[(&str, Body)] = &[("no_descriptor", no_descriptor_for_a_child)];
    tests.extend(for_each("shortages", forks, in_forks));
    tests
}

/// A request for which there is no thread or process fails, and the next is served.
fn no_process(kind: Kind, model: &str) {
    let mut server = Server::start(kind, model, &["processes=none for the first"]);
    let mut client = server.ask("first");
    let event = server.event();
    assert!(
        event.contains("Resource temporarily unavailable"),
        "{event}"
    );
    if kind.is_stream() {
        assert!(client.ends());
        client = server.client();
    }
    client.send(b"second\n").unwrap();
    assert_eq!(client.answer().unwrap(), "second\n");
    server.stop();
}

/// Connections wait in the kernel while there is no descriptor for them. The server looks every now
/// and then, rather than all the time.
fn no_descriptor(kind: Kind, model: &str) {
    let words = ["descriptors=1", "workers=3", "service=says"];
    let mut server = Server::start(kind, model, &words);
    let mut clients: Vec<Client> = (0..3).map(|_| server.ask("hold")).collect();
    let mut holding = 0;
    while holding < 2 {
        holding += usize::from(server.event().starts_with("holding "));
    }
    let turns: Vec<u64> = (0..5).map(|_| turn_ms(&server.event())).collect();
    // By the server's clock, which no slow machine can make faster: two of the pauses at least.
    assert!(turns[4] - turns[0] >= 200, "{turns:?}");
    server.release();
    let mut events: Vec<String> = Vec::new();
    while !events.iter().any(|event| event.starts_with("holding ")) {
        events.push(server.event());
    }
    assert!(events.iter().any(|event| event == "released"), "{events:?}");
    for _ in 0..2 {
        server.release();
    }
    for client in &mut clients {
        assert_eq!(client.answer().unwrap(), "hold\n");
    }
    server.stop();
}

/// When the server made this turn.
fn turn_ms(event: &str) -> u64 {
    event.strip_prefix("turn ").unwrap().parse().unwrap()
}

/// A child takes a descriptor of its parent: where there is none it is not started.
fn no_descriptor_for_a_child(kind: Kind, model: &str) {
    let mut server = Server::start(kind, model, &["descriptors=2"]);
    let mut held: Vec<Client> = (0..2).map(|_| server.ask("hold")).collect();
    for _ in 0..2 {
        assert!(server.event().starts_with("holding "));
    }
    let mut refused = server.ask("hold");
    server.expect(&["error Too many open files (os error 24)"]);
    assert!(refused.ends());
    for _ in 0..2 {
        server.release();
        server.expect(&["released"]);
    }
    for client in &mut held {
        assert_eq!(client.answer().unwrap(), "hold\n");
    }
    let pid = server.pid();
    eventually("the children are reaped", || children(pid).is_empty());
    server.echoes();
    server.stop();
}
