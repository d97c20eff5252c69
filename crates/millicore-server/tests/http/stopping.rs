//! How the model `scheduled` stops, and what else it is asked while it runs.

use crate::application::router;
use crate::client::Client;
use crate::gate::{Gate, until};
use crate::log::Log;
use crate::server::Server;
use axum::Router;
use axum::extract::Extension;
use axum::routing::get;
use millicore_server::compute::Compute;
use millicore_server::control::{ControlSource, control};
use millicore_server::signals::ControlSignal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);

/// A route whose requests hold a core until the gate opens, beside those of every model.
fn long_requests(release: &Gate) -> Router {
    let release = release.clone();
    let long = async move |compute: Extension<Compute>| {
        let body = move |cpu: millicore::Cpu| async move {
            cpu.run(move || release.wait()).await;
        };
        match compute.submit(millicore::Request::new(), body).await {
            Ok(()) => "done",
            Err(_) => "failed",
        }
    };
    router().route("/long", get(long))
}

/// A server of one core with this many long requests under way.
fn busy(requests: usize, release: &Gate, drain_delay: Duration) -> (Server, Vec<Client>) {
    let server = Server::start(1, long_requests(release), |settings| {
        settings.drain_delay = drain_delay;
    });
    let mut clients = Vec::new();
    for _ in 0..requests {
        let mut client = Client::connect(server.address);
        client.get("/long");
        clients.push(client);
    }
    until("all are accepted", || {
        server.executor.metrics().live == requests
    });
    (server, clients)
}

#[test]
fn what_was_accepted_is_answered_and_who_comes_late_is_refused() {
    for signal in [ControlSignal::Terminate, ControlSignal::Interrupt] {
        let release = Gate::default();
        let (server, clients) = busy(3, &release, Duration::ZERO);
        server.ask(signal);
        until("connections are refused", || {
            TcpStream::connect(server.address).is_err()
        });
        assert!(server.draining.is_draining());
        release.open();
        for mut client in clients {
            let answer = client.answer();
            assert_eq!((answer.status, answer.text()), (200, "done"));
            assert_eq!(answer.field("connection"), Some("close"));
            assert!(client.is_closed());
        }
        server.join().unwrap();
    }
}

#[test]
fn a_request_that_was_sent_before_is_answered() {
    // Each takes the moment that a silent connection has.
    for _ in 0..4 {
        let server = Server::start(1, router(), |_| ());
        let mut kept = Client::connect(server.address);
        kept.get("/hello");
        assert_eq!(kept.answer().text(), "hello");
        let mut silent = Client::connect(server.address);
        let mut new = Client::connect(server.address);
        let sent = [&mut kept, &mut new];
        for client in sent {
            client.get("/hello");
        }
        server.ask(ControlSignal::Terminate);
        assert_eq!(kept.answer().text(), "hello");
        assert_eq!(new.answer().text(), "hello");
        assert!(silent.is_closed());
        server.join().unwrap();
    }
}

#[test]
fn a_first_request_has_a_moment_to_arrive() {
    // On a busy machine the moment may have passed before the client is up again.
    let came_in_time = (0..10).any(|_| first_request_after_the_signal());
    assert!(came_in_time, "none of ten was answered");
}

/// Whether a connection that has been silent so far is answered by a server that stops.
fn first_request_after_the_signal() -> bool {
    let server = Server::start(1, router(), |_| ());
    let mut fresh = Client::connect(server.address);
    let mut kept = Client::connect(server.address);
    kept.get("/hello");
    assert_eq!(kept.answer().text(), "hello");
    server.ask(ControlSignal::Terminate);
    // Whoever is idle is told together with it; a little later it would be closed as well.
    assert!(kept.is_closed());
    let stays = (0..1000).all(|_| {
        std::thread::yield_now();
        fresh.is_silent()
    });
    fresh.try_send("GET /hello HTTP/1.1\r\nHost: test\r\n\r\n");
    let answer = fresh.try_answer();
    server.join().unwrap();
    stays && answer.is_some_and(|answer| answer.field("connection") == Some("close"))
}

#[test]
fn nobody_is_left_to_control_it_and_it_goes_on() {
    let (controller, controlled) = control().unwrap();
    controller.ask(ControlSignal::HangUp).unwrap();
    drop(controller);
    assert_eq!(controlled.next().unwrap(), Some(ControlSignal::HangUp));
    // What is readable without an end would wake the server without an end.
    let mut sources = [PollFd::new(&controlled, PollFlags::IN)];
    assert_eq!(poll(&mut sources, Some(&Timespec::default())).unwrap(), 0);
    assert_eq!(controlled.next().unwrap(), None);
}

#[test]
fn it_goes_on_accepting_for_a_while() {
    let release = Gate::default();
    let (server, _clients) = busy(0, &release, LONG);
    server.ask(ControlSignal::Terminate);
    until("it is not ready any more", || server.draining.is_draining());
    let mut client = Client::connect(server.address);
    client.get("/hello");
    let answer = client.answer();
    assert_eq!(
        (answer.status, answer.field("connection")),
        (200, Some("close"))
    );
    server.ask(ControlSignal::Quit);
    server.join().unwrap();
}

#[test]
fn it_stops_at_once_when_it_is_asked_so() {
    let at_once = [
        vec![ControlSignal::Quit],
        vec![ControlSignal::Interrupt, ControlSignal::Interrupt],
        vec![ControlSignal::Terminate, ControlSignal::Interrupt],
    ];
    for signals in at_once {
        let release = Gate::default();
        let (server, mut clients) = busy(2, &release, Duration::ZERO);
        for signal in signals {
            server.ask(signal);
        }
        // It goes only once its chunk has ended.
        let _executor = Arc::clone(&server.executor);
        server.join().unwrap();
        assert!(clients[0].try_answer().is_none());
        release.open();
    }
}

#[test]
fn it_waits_no_longer_than_it_may() {
    let (release, log) = (Gate::default(), Log::start());
    let server = Server::start(1, long_requests(&release), |settings| {
        settings.graceful_timeout = Duration::from_millis(1);
    });
    let mut client = Client::connect(server.address);
    client.get("/long");
    until("it is accepted", || server.executor.metrics().live == 1);
    let _executor = Arc::clone(&server.executor);
    server.ask(ControlSignal::Terminate);
    server.join().unwrap();
    let log = log.text();
    assert!(
        log.contains("the graceful timeout has passed unfinished=1"),
        "{log}"
    );
    assert!(client.try_answer().is_none());
    release.open();
}

#[test]
fn it_is_given_cores_and_loses_them() {
    let (server, _) = busy(0, &Gate::default(), Duration::ZERO);
    let cores = |expected: usize| until("the cores", || server.executor.cores() == expected);
    server.ask(ControlSignal::MoreWorkers);
    cores(2);
    server.ask(ControlSignal::FewerWorkers);
    cores(1);
    // Never none.
    server.ask(ControlSignal::FewerWorkers);
    server.ask(ControlSignal::MoreWorkers);
    cores(2);
}
