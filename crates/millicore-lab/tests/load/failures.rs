//! Every way in which a request can fail, and that none is lost.

use crate::server::{Reply, Server, ok, response};
use crate::{failed, load, plan};
use millicore_lab::load::run;
use millicore_lab::stop::Stop;
use std::net::TcpListener;

/// Of three requests the second meets this reply; the others are answered.
#[track_caller]
fn check(reply: fn() -> Reply, timeout: &str, expected: &str) {
    let server = Server::start(move |request| match request.number {
        1 => reply(),
        _ => Reply::Close(ok("whole")),
    });
    let flags = [("-n", "3"), ("-c", "1"), ("--timeout", timeout)];
    let outcome = load(&server.urls(), &flags);
    assert_eq!((outcome.ok, failed(&outcome).as_str()), (2, expected));
    assert_eq!((outcome.asked, outcome.sent, outcome.rows.len()), (3, 3, 3));
    let failure = outcome.rows[1].failure().unwrap();
    assert_eq!(format!("1 {failure}"), expected);
}

#[test]
fn every_kind_of_failure_is_counted_by_its_name() {
    let check_prompt = |reply, expected| check(reply, "30s", expected);
    check_prompt(
        || Reply::Close(response("404 Not Found", "no")),
        "1 status 404",
    );
    check_prompt(|| Reply::Close(response("503 Busy", "no")), "1 status 503");
    check_prompt(|| Reply::Reset, "1 reset");
    check_prompt(|| Reply::Close(String::new()), "1 closed");
    check_prompt(|| Reply::Close(ok("whole")[..20].to_owned()), "1 closed");
    check_prompt(
        || Reply::Close("no HTTP at all\r\n\r\n".to_owned()),
        "1 malformed",
    );
    check(|| Reply::Silence, "1s", "1 timeout");
    check(
        || Reply::Keep(ok("whole")[..40].to_owned()),
        "1s",
        "1 timeout",
    );
}

#[test]
fn a_redirection_is_an_answer_that_counts() {
    let server = Server::start(|_| Reply::Keep(response("307 Temporary Redirect", "there")));
    let outcome = load(&server.urls(), &[("-n", "5")]);
    assert_eq!((outcome.ok, failed(&outcome).as_str()), (5, ""));
}

#[test]
fn where_nobody_listens_requests_are_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    for arrivals in [("-c", "2"), ("--rate", "10000")] {
        let outcome = load(std::slice::from_ref(&url), &[("-n", "4"), arrivals]);
        assert_eq!(failed(&outcome), "4 refused");
        assert_eq!((outcome.asked, outcome.sent), (4, 0));
        assert!(!outcome.has_answers());
    }
    assert_eq!(failed(&load(&[url], &[("--at-once", "4")])), "4 refused");
}

#[test]
fn what_is_given_up_counts_with_the_time_that_was_waited() {
    let server = Server::start(|_| Reply::Silence);
    let outcome = load(&server.urls(), &[("--at-once", "3"), ("--timeout", "50ms")]);
    assert_eq!(failed(&outcome), "3 timeout");
    assert_eq!(
        (outcome.latency.count(), outcome.latency.censored()),
        (3, 3)
    );
    let p99 = outcome.latency.quantile_ns(0.99).unwrap();
    assert!(p99.is_lower_bound && p99.value >= 50e6, "{p99:?}");
}

#[test]
fn a_connection_that_was_kept_but_closed_costs_no_failure() {
    // It closes with every second answer, and does not say so before.
    let server = Server::start(|request| match request.number % 2 {
        0 => Reply::Keep(ok("first")),
        _ => Reply::Close(ok("second")),
    });
    let outcome = load(&server.urls(), &[("-n", "40"), ("-c", "1")]);
    assert_eq!((outcome.ok, failed(&outcome).as_str()), (40, ""));
    assert_eq!(outcome.connections_opened, 20);
    let posted = load(
        &server.urls(),
        &[("-n", "40"), ("-c", "1"), ("--method", "POST")],
    );
    assert_eq!(posted.resent, 0, "what is not idempotent is not sent again");
}

#[test]
fn a_run_that_is_stopped_reports_what_was_done() {
    let server = Server::start(|request| match request.number {
        0..3 => Reply::Keep(ok("in time")),
        _ => Reply::Silence,
    });
    for arrivals in [("-c", "1"), ("--rate", "10")] {
        let plan = plan(&server.urls(), &[("-n", "1000"), arrivals]);
        let stop = Stop::default();
        let outcome = run(&plan, &stop, &mut |progress| {
            if progress.started > 4 || (progress.started > 0 && arrivals.0 == "-c") {
                stop.ask();
            }
        });
        let outcome = outcome.unwrap();
        assert!(outcome.was_stopped);
        assert!(outcome.failed["interrupted"] >= 1, "{:?}", outcome.failed);
        assert_eq!(
            outcome.ok + outcome.failed_count(),
            outcome.rows.len() as u64
        );
        assert_eq!(outcome.latency.censored(), outcome.failed["interrupted"]);
    }
}

#[test]
fn names_that_do_not_exist_are_an_error() {
    let plan = plan(&["http://nowhere.invalid/".to_owned()], &[]);
    let error = run(&plan, &Stop::default(), &mut |_| ())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("cannot look up the host nowhere.invalid: "),
        "{error}"
    );
}

/// TCP does not go to everybody, so that connecting fails at once and without a packet.
const NOWHERE: &str = "http://255.255.255.255:1/";

#[track_caller]
fn check_closed_loop_to_nowhere(flags: &[(&str, &str)]) {
    let urls = [NOWHERE.to_owned()];
    let outcome = load(
        &urls,
        &[flags, &[("-c", "2"), ("--duration", "50ms")]].concat(),
    );
    // Two of them, each of which starts at most every 10 ms, and none at 50 ms.
    assert!((2..=10).contains(&outcome.asked), "{}", outcome.asked);
    assert_eq!((outcome.sent, outcome.failed_count()), (0, outcome.asked));

    let stop = Stop::default();
    let forever = plan(&urls, &[flags, &[("--duration", "600s")]].concat());
    let outcome = run(&forever, &stop, &mut |progress| {
        if progress.ended > 0 {
            stop.ask();
        }
    });
    assert!(outcome.unwrap().was_stopped);
}

#[test]
fn a_closed_loop_that_cannot_connect_rests_and_ends() {
    check_closed_loop_to_nowhere(&[]);
    check_closed_loop_to_nowhere(&[("--http2", "")]);
}
