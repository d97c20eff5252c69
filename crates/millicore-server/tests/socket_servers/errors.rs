//! What fails is reported, costs its own request, and the server goes on.

use crate::harness::Test;
use crate::observed::{children, eventually};
use crate::server::Server;
use crate::setup::{Kind, for_each};

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = for_each(
        "errors",
        |_, _| true,
        &[
            ("handler_fails", handler_fails),
            ("handler_panics", handler_panics),
            ("reporter_panics", reporter_panics),
            ("setup_fails", setup_fails),
            ("handler_exits", handler_exits),
            ("refused", refused),
            ("hooks_panic", hooks_panic),
        ],
    );
    let has_children = |_, model: &str| matches!(model, "forks" | "prefork");
    tests.extend(for_each(
        "errors",
        has_children,
        &[("child_dies", child_dies)],
    ));
    tests
}

/// The answer to what failed: a connection ends, a datagram is answered with what was written.
#[track_caller]
fn fails(server: &Server, line: &str) {
    assert_eq!(server.ask(line).answer().unwrap(), "");
}

fn handler_fails(kind: Kind, model: &str) {
    let mut server = Server::start(kind, model, &["finish=says"]);
    fails(&server, "error");
    server.expect(&["called", "finished", "error as asked"]);
    server.echoes();
    server.expect(&["finished"]);
    server.stop();
}

fn handler_panics(kind: Kind, model: &str) {
    let mut server = Server::start(kind, model, &["finish=says"]);
    fails(&server, "panic");
    server.expect(&["called", "finished", "error panicked: as asked"]);
    server.echoes();
    server.expect(&["finished"]);
    server.stop();
}

fn reporter_panics(kind: Kind, model: &str) {
    let mut server = Server::start(kind, model, &["reporter=panics"]);
    for _ in 0..2 {
        fails(&server, "error");
        // The second report is of the panic in the first.
        let panicked = "error panicked: in handle_error";
        server.expect(&["called", "error as asked", panicked]);
    }
    server.echoes();
    server.stop();
}

/// Neither the handler nor its end is called, and a datagram is not answered.
fn setup_fails(kind: Kind, model: &str) {
    let mut server = Server::start(kind, model, &["setup=fails", "finish=says"]);
    for _ in 0..2 {
        let mut client = server.ask("hello world");
        server.expect(&["error not set up"]);
        if kind.is_stream() {
            assert!(client.ends());
        }
    }
    server.stop();
}

/// An exit is no error: `sync` passes it to its caller, elsewhere it ends the thread or process.
fn handler_exits(kind: Kind, model: &str) {
    let mut server = Server::start(kind, model, &[]);
    fails(&server, "exit 7");
    server.expect(&["called"]);
    if model == "sync" {
        let left = "left: a handler asked to exit with status 7";
        server.expect(&[left, "active 0", "closed 0 0", "children 0"]);
        server.end();
        return;
    }
    server.echoes();
    server.stop();
}

/// A request that is not wanted is closed, a datagram without an answer.
fn refused(kind: Kind, model: &str) {
    for (words, report) in [
        ("verify=refuses the first", None),
        (
            "verify=panics first",
            Some("error panicked: in verify_request"),
        ),
    ] {
        let mut server = Server::start(kind, model, &[words, "finish=says"]);
        let mut client = server.ask("first");
        if kind.is_stream() {
            assert!(client.ends());
        }
        if let Some(report) = report {
            server.expect(&[report]);
        }
        client = match kind.is_stream() {
            true => server.client(),
            false => client,
        };
        client.send(b"second\n").unwrap();
        assert_eq!(client.answer().unwrap(), "second\n");
        server.expect(&["finished"]);
        server.stop();
    }
}

fn hooks_panic(kind: Kind, model: &str) {
    let mut server = Server::start(kind, model, &["service=panics"]);
    for _ in 0..3 {
        server.echoes();
        server.expect(&["error panicked: in service_actions"]);
    }
    server.stop();
}

/// Several in a row, so that there is no worker left that was there before.
fn child_dies(kind: Kind, model: &str) {
    let server = Server::start(kind, model, &[]);
    for line in ["kill", "die 7", "kill", "die 7"] {
        let mut client = server.ask(line);
        if kind.is_stream() {
            assert!(client.ends());
        }
    }
    server.echoes();
    let lasting = usize::from(model == "prefork");
    eventually("the dead are reaped", || {
        children(server.pid()).len() == lasting
    });
    server.stop();
}
