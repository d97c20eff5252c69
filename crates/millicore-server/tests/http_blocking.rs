//! HTTP in the models that block: what every model must do alike, and handlers that take their
//! process with them.
//!
//! Models that fork need a program that has one thread, which a test harness is not. So this program
//! is started again for each server, and runs its tests one after the other.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops where it fails, and says so"
)]

#[path = "http/application.rs"]
mod application;
#[path = "http/behaviour.rs"]
mod behaviour;
#[path = "http/client.rs"]
#[expect(dead_code, reason = "its other tests do more with it")]
mod client;
#[path = "http/gate.rs"]
#[expect(dead_code, reason = "its other tests do more with it")]
mod gate;
#[path = "socket_servers/harness.rs"]
mod harness;
#[path = "http/malformed.rs"]
mod malformed;
#[path = "http_blocking/server.rs"]
mod server;

use crate::client::Client;
use crate::harness::{Test, test};
use crate::server::Server;
use millicore_server::model::ConcurrencyModel::{self, Forks, Prefork, Sync, Threads};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [serve, model] = &arguments[..]
        && serve == "--serve"
    {
        server::serve(model.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    let mut tests = Vec::new();
    for model in [Sync, Threads, Forks, Prefork] {
        tests.push(of(model, "behaves_as_every_model_does", |server| {
            behaviour::check_all(server.address);
        }));
        tests.push(of(model, "refuses_what_is_malformed", |server| {
            malformed::check_all(server.address);
            malformed::check_two_framings(server.address);
        }));
    }
    for model in [Forks, Prefork] {
        tests.push(of(model, "outlives_processes_that_end", |server| {
            for path in ["/exit/7", "/exit/0", "/abort"] {
                a_process_that_ends_takes_one_request_with_it(server, path);
            }
        }));
    }
    harness::run(&arguments, tests)
}

/// A test of a server of this model, which ends well afterwards.
fn of(model: ConcurrencyModel, name: &str, body: impl FnOnce(&Server) + 'static) -> Test {
    test(format!("{model}::{name}"), move || {
        let server = Server::start(model);
        body(&server);
        server.stop();
    })
}

fn a_process_that_ends_takes_one_request_with_it(server: &Server, path: &str) {
    let mut other = Client::connect(server.address);
    other.get("/hello");
    assert_eq!(other.answer().text(), "hello");
    let mut client = Client::connect(server.address);
    client.get(path);
    assert!(client.is_closed(), "{path}");
    // A connection that is idle has nothing to do with it.
    other.get("/hello");
    assert_eq!(other.answer().text(), "hello", "after {path}");
}
