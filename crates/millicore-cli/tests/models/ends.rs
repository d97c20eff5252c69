//! How a server ends, and what it finishes first.

use crate::client::Client;
use crate::processes::{Process, children};
use crate::server::{Server, one_slot};
use rustix::process::Signal;

for_every_model! {
    what_was_accepted_is_answered_before_the_end
    silent_connections_do_not_keep_a_server
    a_server_on_its_way_out_ends_connections_with_their_answers
    the_second_interrupt_ends_what_is_under_way
    quit_ends_what_is_under_way
    the_graceful_timeout_ends_what_is_under_way
    requests_that_wait_when_the_graceful_timeout_passes_are_closed
}

/// Longer than any test waits.
const FOR_EVER: &str = "/sleep?ms=60000";

fn what_was_accepted_is_answered_before_the_end(model: &str) {
    let mut server = Server::with(&one_slot(model));
    // Accepted as far as their clients know, by the kernel at least.
    let mut clients = [0; 3].map(|_| server.asked("/sleep?ms=100"));
    server.signal(Signal::TERM);
    server.expect_refusal();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
        client.expect_end();
    }
    assert_eq!(server.status(), Some(0));
}

fn silent_connections_do_not_keep_a_server(model: &str) {
    // Who has begun a request may have so long for the rest of its head.
    let server = Server::with(&format!("--header-timeout 200ms {}", one_slot(model)));
    let mut silent = server.client();
    let mut partial = server.client();
    partial.send("GET /healthz HT");
    let mut idle = server.client();
    assert_eq!(idle.ask("/healthz").status, 200);
    server.stop();
    silent.expect_end();
    partial.rest();
    idle.expect_end();
}

fn a_server_on_its_way_out_ends_connections_with_their_answers(model: &str) {
    let mut server = Server::with(&format!("--drain-delay 1h {}", one_slot(model)));
    let mut client = server.client();
    assert!(!client.ask("/readyz").closes());
    server.signal(Signal::TERM);
    loop {
        let answer = client.ask("/readyz");
        if answer.status == 503 {
            assert!(answer.closes());
            break;
        }
    }
    client.expect_end();
    server.expect_health();
    server.signal(Signal::QUIT);
    assert_eq!(server.status(), Some(0));
}

fn the_second_interrupt_ends_what_is_under_way(model: &str) {
    check_immediate(model, |server| {
        server.signal(Signal::INT);
        server.expect_refusal();
        server.signal(Signal::INT);
    });
}

fn quit_ends_what_is_under_way(model: &str) {
    check_immediate(model, |server| server.signal(Signal::QUIT));
}

/// The only request, and what computes it, end with the server.
fn check_immediate(model: &str, end: impl FnOnce(&Server)) {
    let mut server = Server::with(&one_slot(model));
    let mut client = server.asked("/spin?ms=60000");
    server.expect_work();
    let processes: Vec<Process> = children(server.pid())
        .into_iter()
        .map(Process::of)
        .collect();
    end(&server);
    assert_eq!(server.status(), Some(0));
    client.expect_end();
    for process in processes {
        process.expect_end();
    }
}

fn the_graceful_timeout_ends_what_is_under_way(model: &str) {
    let arguments = format!("--graceful-timeout 50ms {}", one_slot(model));
    let mut server = Server::with(&arguments);
    let mut client = server.asked("/spin?ms=60000");
    server.expect_work();
    server.signal(Signal::TERM);
    assert_eq!(server.status(), Some(0));
    client.expect_end();
}

fn requests_that_wait_when_the_graceful_timeout_passes_are_closed(model: &str) {
    let arguments = format!("--graceful-timeout 50ms {}", one_slot(model));
    let mut server = Server::with(&arguments);
    let mut clients: Vec<Client> = (0..3).map(|_| server.asked(FOR_EVER)).collect();
    server.signal(Signal::TERM);
    assert_eq!(server.status(), Some(0));
    for client in &mut clients {
        client.expect_end();
    }
}

/// As in Python, where a server at its limit of children waits for one and hears nothing.
#[test]
fn a_server_of_forks_at_its_limit_hears_signals() {
    let mut server = Server::with("--model forks --max-children 2");
    let mut clients = [0; 4].map(|_| server.asked("/sleep?ms=300"));
    server.expect_children(2);
    server.signal(Signal::TERM);
    server.expect_refusal();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(server.status(), Some(0));
}
