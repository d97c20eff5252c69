//! What a client may do, and how it is told.

use crate::client::Client;
use crate::processes::until;
use crate::server::{Server, one_slot};

for_every_model! {
    a_body_too_large_is_refused_to_who_still_sends
    who_is_refused_and_stays_holds_nobody_up
    a_head_too_large_is_refused
    a_head_that_does_not_end_is_refused
    a_silent_connection_is_closed
    a_request_that_takes_too_long_is_refused
    further_connections_wait
}

fn a_body_too_large_is_refused_to_who_still_sends(model: &str) {
    let server = Server::with(&format!("--max-body 1MiB {}", one_slot(model)));
    let mut client = server.client();
    client.send(format!(
        "POST /healthz HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n",
        4 << 20
    ));
    for _ in 0..64 {
        client.try_send([b'a'; 64 << 10]);
    }
    assert_eq!(client.answer().status, 413);
    server.expect_health();
}

/// It was to send more, and neither sends nor leaves.
fn who_is_refused_and_stays_holds_nobody_up(model: &str) {
    let server = Server::with(&one_slot(model));
    let mut clients: Vec<Client> = (0..20).map(|_| server.client()).collect();
    for client in &mut clients {
        client.send("POST /healthz HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nabc");
        assert_eq!(client.answer().status, 405);
        client.expect_end();
    }
    server.expect_health();
    server.stop();
}

fn a_head_too_large_is_refused(model: &str) {
    let server = Server::with(&format!(
        "--max-head 8KiB --max-headers 5 {}",
        one_slot(model)
    ));
    let check = |fields: String| {
        let mut client = server.client();
        client.try_send(format!(
            "GET /healthz HTTP/1.1\r\nHost: test\r\n{fields}\r\n"
        ));
        assert_eq!(client.answer().status, 431);
    };
    check(format!("A: {}\r\n", "b".repeat(20_000)));
    check("A: b\r\n".repeat(6));
    server.expect_health();
}

fn a_head_that_does_not_end_is_refused(model: &str) {
    let server = Server::with(&format!("--header-timeout 100ms {}", one_slot(model)));
    let mut client = server.client();
    client.send("GET /healthz HTTP/1.1\r\n");
    assert_eq!(client.answer().status, 408);
    client.expect_end();
}

fn a_silent_connection_is_closed(model: &str) {
    let server = Server::with(&format!("--idle-timeout 100ms {}", one_slot(model)));
    server.client().expect_end();
    let mut idle = server.client();
    assert_eq!(idle.ask("/healthz").status, 200);
    idle.expect_end();
}

fn a_request_that_takes_too_long_is_refused(model: &str) {
    let server = Server::with(&format!("--request-timeout 100ms {}", one_slot(model)));
    let mut client = server.client();
    for path in ["/sleep?ms=60000", "/spin?ms=60000"] {
        let answer = client.ask(path);
        assert_eq!(answer.status, 503, "{path}: {}", answer.body);
    }
    assert_eq!(client.ask("/healthz").status, 200);
}

fn further_connections_wait(model: &str) {
    let server = Server::with(&format!("--max-connections 2 {}", one_slot(model)));
    let mut first = [0; 2].map(|_| {
        let mut client = server.client();
        assert_eq!(client.ask("/healthz").status, 200);
        client
    });
    let url = server.urls[0].clone();
    let third = std::thread::spawn(move || Client::connect(&url).ask("/healthz").status);
    // Nothing but its place in the backlog is known of it.
    for client in &mut first {
        assert_eq!(client.ask("/healthz").status, 200);
        assert!(!third.is_finished());
    }
    drop(first);
    until("the third is answered", || third.is_finished());
    assert_eq!(third.join().unwrap(), 200);
}
