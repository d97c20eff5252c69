//! The processes of `prefork`.

use crate::processes::until;
use crate::server::Server;
use rustix::process::Signal;
use std::collections::BTreeSet;

#[test]
fn signals_change_how_many_workers_there_are() {
    let server = Server::with("--model prefork --workers 1");
    server.expect_children(1);
    for count in [2, 3] {
        server.signal(Signal::TTIN);
        server.expect_children(count);
    }
    // The last one stays.
    for count in [2, 1, 1] {
        server.signal(Signal::TTOU);
        server.expect_children(count);
    }
    server.expect_health();
    server.stop();
}

#[test]
fn a_worker_that_is_at_work_finishes_before_it_is_given_up() {
    let server = Server::with("--model prefork --workers 2");
    let mut clients = [0; 2].map(|_| server.asked("/spin?ms=300"));
    server.expect_work();
    server.signal(Signal::TTOU);
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    server.expect_children(1);
    server.expect_health();
}

/// Connections outlive the workers that serve them.
#[test]
fn a_worker_is_replaced_after_its_requests_and_no_connection_is_lost() {
    let server = Server::with("--model prefork --workers 1 --max-requests 3");
    let mut client = server.client();
    let mut workers = BTreeSet::new();
    let mut requests = 0;
    until("four workers have served one connection", || {
        requests += 1;
        workers.insert(client.ask("/sleep?ms=0").number("pid"));
        workers.len() == 4
    });
    assert!(requests >= 10, "{requests} requests");
    server.expect_children(1);
    server.stop();
}

/// Also where its client sends one request after the other without a pause.
#[test]
fn a_worker_is_replaced_in_the_middle_of_requests_sent_together() {
    let server = Server::with("--model prefork --workers 1 --max-requests 3");
    let mut client = server.client();
    let request = "GET /sleep?ms=0 HTTP/1.1\r\nHost: test\r\n\r\n";
    let mut workers = BTreeSet::new();
    client.send(request.repeat(2));
    until("a second worker", || {
        client.send(request);
        workers.insert(client.answer().number("pid"));
        workers.len() == 2
    });
    for _ in 0..2 {
        assert_eq!(client.answer().status, 200);
    }
}
