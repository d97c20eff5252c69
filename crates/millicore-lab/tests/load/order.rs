//! In which order requests are sent, reported and shared out.

use crate::load;
use crate::server::{Reply, Server, ok};
use std::sync::{Condvar, Mutex};

/// A server that answers `/2`, then `/1`, then `/0`, each when the answer before is known to have
/// come: the client closes a connection on which the server says it will.
fn backwards() -> (Server, Vec<String>) {
    let (next, changed) = (Mutex::new(2), Condvar::new());
    let shared = std::sync::Arc::new((next, changed));
    let turn = std::sync::Arc::clone(&shared);
    let mut server = Server::start(move |request| {
        let own: i32 = request.path()[1..].parse().unwrap();
        let mut next = turn.0.lock().unwrap();
        while *next != own {
            next = turn.1.wait(next).unwrap();
        }
        Reply::Keep("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_owned())
    });
    let (_, nobody) = std::sync::mpsc::channel();
    let closed = std::mem::replace(&mut server.closed, nobody);
    std::thread::spawn(move || {
        for _ in closed {
            *shared.0.lock().unwrap() -= 1;
            shared.1.notify_all();
        }
    });
    let urls = (0..3)
        .map(|index| server.url(&format!("/{index}")))
        .collect();
    (server, urls)
}

#[track_caller]
fn check(order: &str, expected: [u64; 3]) {
    let (_server, urls) = backwards();
    let outcome = load(&urls, &[("--at-once", "3"), ("--order", order)]);
    let indexes: Vec<u64> = outcome.rows.iter().map(|row| row.index).collect();
    assert_eq!(indexes, expected, "{order}");
    let ends = outcome.rows.iter().map(|row| row.ended_ns);
    assert_eq!(ends.is_sorted(), order == "completed", "{order}");
}

#[test]
fn rows_come_as_sent_or_as_completed() {
    check("sent", [0, 1, 2]);
    check("completed", [2, 1, 0]);
}

#[test]
fn urls_have_their_shares() {
    let server = Server::start(|request| Reply::Keep(ok(request.path())));
    let mut plan = crate::plan(&[server.url("/a"), server.url("/b")], &[("-n", "40")]);
    plan.targets[0].weight = 3;
    plan.keep_bodies = true;
    let outcome = millicore_lab::load::run(&plan, &Default::default(), &mut |_| ()).unwrap();
    let paths = outcome.rows.iter().map(|row| row.body.as_deref().unwrap());
    assert_eq!(paths.clone().filter(|body| *body == b"/a").count(), 30);
    assert_eq!(paths.filter(|body| *body == b"/b").count(), 10);
}

#[test]
fn a_closed_loop_has_so_many_requests_under_way() {
    // The server answers nobody until all three are there; a fourth would be a fourth number.
    let (arrived, changed) = (Mutex::new(0), Condvar::new());
    let server = Server::start(move |request| {
        let mut arrived = arrived.lock().unwrap();
        assert!(request.number < *arrived + 3, "more than three at a time");
        if request.number == *arrived + 2 {
            *arrived += 3;
            changed.notify_all();
        }
        while *arrived <= request.number {
            arrived = changed.wait(arrived).unwrap();
        }
        Reply::Keep(ok("three at a time"))
    });
    let outcome = load(
        &server.urls(),
        &[("-n", "30"), ("-c", "3"), ("--timeout", "10s")],
    );
    assert_eq!((outcome.ok, outcome.connections_opened), (30, 3));
}
