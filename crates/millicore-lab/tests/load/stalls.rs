//! A server that stalls cannot hide it: latency counts from the intended start.

use crate::server::{Reply, Server, ok};
use crate::{http2, load};
use millicore_lab::load::{Outcome, Row};
use std::sync::{Condvar, Mutex};

/// A server that holds every request until the one with this number has come, and is prompt from
/// then on.
fn stalling(until: usize) -> Server {
    let (is_over, changed) = (Mutex::new(false), Condvar::new());
    Server::start(move |request| {
        let mut over = is_over.lock().unwrap();
        if request.number >= until {
            *over = true;
            changed.notify_all();
        }
        while !*over {
            over = changed.wait(over).unwrap();
        }
        Reply::Keep(ok("at last"))
    })
}

fn quantile_s(outcome: &Outcome, quantile: f64) -> f64 {
    outcome.latency.quantile_ns(quantile).unwrap().value / 1e9
}

/// Of 150 requests, 100 a second, the server holds all until the 101st has come, which is not sent
/// before the first second is over. So the first waits at least 1 s, the second at least 0.99 s, and
/// so on; a slow machine makes it more.
#[test]
fn a_stall_of_a_second_is_in_the_99th_percentile() {
    let outcome = load(&stalling(100).urls(), &[("-n", "150"), ("--rate", "100")]);
    assert_eq!((outcome.asked, outcome.sent, outcome.ok), (150, 150, 150));
    let max_s = outcome.latency.max_ns().unwrap().value / 1e9;
    assert!(max_s >= 1.0, "{max_s}");
    // The second of 150, and the 15th; the histogram has three digits.
    let (p99_s, p90_s) = (quantile_s(&outcome, 0.99), quantile_s(&outcome, 0.9));
    assert!(p99_s >= 0.989, "{p99_s}");
    assert!(p90_s >= 0.84, "{p90_s}");
    assert!(
        outcome.connections_opened >= 100,
        "nobody waits for a connection"
    );
}

#[test]
fn random_arrivals_do_not_wait_for_the_server_either() {
    let flags = [("-n", "60"), ("--rate", "1000"), ("--arrivals", "poisson")];
    let outcome = load(&stalling(40).urls(), &flags);
    assert_eq!(outcome.ok, 60);
    let held_ns = outcome.rows[40].intended_ns - outcome.rows[0].intended_ns;
    assert!(
        outcome.rows[0].latency_ns() >= held_ns,
        "{:?}",
        outcome.rows[0]
    );
    assert!(outcome.rows.is_sorted_by_key(|row| row.intended_ns));
}

#[test]
fn a_request_never_leaves_before_its_time() {
    let server = Server::start(|_| Reply::Keep(ok("prompt")));
    let (http1, http2) = (server.url("/"), http2::server(1) + "/");
    for (url, protocol) in [(http1, &[][..]), (http2, &[("--http2", "")])] {
        let flags = [&[("-n", "50"), ("--rate", "500")], protocol].concat();
        let outcome = load(&[url], &flags);
        assert_eq!(outcome.ok, 50, "{:?}", outcome.failed);
        let sent_in_time = |row: &Row| row.sent_ns.is_some_and(|it| it >= row.intended_ns);
        assert!(outcome.rows.iter().all(sent_in_time));
        let rows = outcome.rows.windows(2);
        let gaps_ns = rows.map(|it| it[1].intended_ns - it[0].intended_ns);
        assert!(gaps_ns.eq([2_000_000; 49]));
    }
}

#[test]
fn a_duration_ends_the_starts_and_not_the_requests() {
    // The last request of ten is due after 90 ms; nobody is answered before it has come.
    let outcome = load(
        &stalling(9).urls(),
        &[("--duration", "100ms"), ("--rate", "100")],
    );
    assert_eq!((outcome.asked, outcome.ok), (10, 10));
    assert!(
        outcome.rows[0].latency_ns() >= 90_000_000,
        "{:?}",
        outcome.rows[0]
    );
}
