//! What a connection may bring, one request or several.

use crate::client::Client;
use crate::processes::until;
use crate::server::{Server, one_slot};

for_every_model! {
    a_connection_brings_several_requests
    requests_sent_together_are_answered_in_order
    a_connection_ends_when_either_side_says_so
    a_response_to_head_has_no_body
    a_body_that_nobody_reads_is_not_asked_for
    the_rest_of_a_body_is_no_request
    a_head_may_come_in_pieces
    who_stops_sending_is_answered_what_is_quick
    a_connection_that_goes_on_lets_others_in
}

fn a_connection_brings_several_requests(model: &str) {
    let server = Server::with(&one_slot(model));
    let (mut first, mut second) = (server.client(), server.client());
    for _ in 0..3 {
        assert_eq!(first.ask("/sleep?ms=1").status, 200);
        assert_eq!(second.ask("/nothing").status, 404);
    }
    server.stop();
}

fn requests_sent_together_are_answered_in_order(model: &str) {
    let server = Server::with(&one_slot(model));
    let mut client = server.client();
    let paths = ["/sleep?ms=5", "/nothing", "/healthz", "/primes?below=100"];
    let asked = paths.map(|path| format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"));
    client.send(asked.concat().repeat(20));
    for round in 0..20 {
        let statuses = paths.map(|_| client.answer().status);
        assert_eq!(statuses, [200, 404, 200, 200], "in round {round}");
    }
    assert_eq!(client.ask("/healthz").status, 200);
}

fn a_connection_ends_when_either_side_says_so(model: &str) {
    let server = Server::with(&one_slot(model));
    let ends = |server: &Server, request: &str| {
        let mut client = server.client();
        client.send(request);
        let answer = client.answer();
        assert_eq!(answer.status, 200, "{request}");
        client.expect_end();
    };
    ends(
        &server,
        "GET /healthz HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
    );
    ends(&server, "GET /healthz HTTP/1.0\r\n\r\n");
    let mut client = server.client();
    for _ in 0..2 {
        client.send("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        let answer = client.answer();
        assert_eq!(answer.field("connection"), Some("keep-alive"));
    }
    let server = Server::with(&format!("--no-keep-alive {}", one_slot(model)));
    ends(&server, "GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n");
}

fn a_response_to_head_has_no_body(model: &str) {
    let server = Server::with(&one_slot(model));
    let mut client = server.client();
    client.send("HEAD /healthz HTTP/1.1\r\nHost: test\r\n\r\n");
    let answer = client.try_head().unwrap();
    assert_eq!(
        (answer.status, answer.field("content-length")),
        (200, Some("3"))
    );
    assert_eq!(client.ask("/healthz").body, "ok\n");
}

fn a_body_that_nobody_reads_is_not_asked_for(model: &str) {
    let server = Server::with(&one_slot(model));
    let mut client = server.client();
    client.send(
        "POST /healthz HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(client.answer().status, 405);
    server.expect_health();
}

/// Whoever makes a proxy send such a body must not make a request of its own of it.
fn the_rest_of_a_body_is_no_request(model: &str) {
    let server = Server::with(&one_slot(model));
    let smuggled = "GET /nothing HTTP/1.1\r\nHost: test\r\n\r\n";
    let length = smuggled.len();
    for sent_at_once in [0, 1, length - 1] {
        let (first, rest) = smuggled.split_at(sent_at_once);
        let mut client = server.client();
        client.send(format!(
            "POST /healthz HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n{first}"
        ));
        assert_eq!(client.answer().status, 405);
        client.try_send(rest);
        client.expect_end();
    }
    server.expect_health();
}

fn a_head_may_come_in_pieces(model: &str) {
    let server = Server::with(&one_slot(model));
    let mut client = server.client();
    for byte in b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n" {
        client.send([*byte]);
        std::thread::yield_now();
    }
    assert_eq!(client.answer().status, 200);
}

fn who_stops_sending_is_answered_what_is_quick(model: &str) {
    let server = Server::with(&one_slot(model));
    let mut client = server.client();
    client.send("GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n");
    client.finish_sending();
    assert_eq!(client.answer().status, 200);
    client.expect_end();
}

/// One client has always sent its next request already; another one is answered nevertheless.
fn a_connection_that_goes_on_lets_others_in(model: &str) {
    let server = Server::with(&one_slot(model));
    let mut greedy = server.client();
    let url = server.urls[0].clone();
    let request = "GET /sleep?ms=1 HTTP/1.1\r\nHost: test\r\n\r\n";
    greedy.send(request.repeat(3));
    assert_eq!(greedy.answer().status, 200);
    let other = std::thread::spawn(move || Client::connect(&url).ask("/healthz").status);
    until("the other is answered", || {
        greedy.send(request);
        assert_eq!(greedy.answer().status, 200);
        other.is_finished()
    });
    assert_eq!(other.join().unwrap(), 200);
}

/// Between its requests a connection belongs to no process.
#[test]
fn the_next_request_of_a_connection_may_be_served_by_another_process() {
    for arguments in ["--model forks", "--model prefork --workers 2"] {
        let server = Server::with(arguments);
        let mut client = server.client();
        let first = client.ask("/sleep?ms=0").number("pid");
        until("another process serves it", || {
            // Its process waits a moment for the next request, and then gives it back.
            until("it is given back", || {
                let metrics = server.ask("/metrics").body;
                metrics.contains("millicore_connections_parked 1\n")
            });
            client.ask("/sleep?ms=0").number("pid") != first
        });
    }
}
