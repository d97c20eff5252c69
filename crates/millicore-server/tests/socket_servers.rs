//! Socket servers of every kind and model, each in a process of its own, as its clients see it.
//!
//! Models that fork need a program that has one thread, which a test harness is not. So this program
//! is started again for each server, as `served` says, and runs its tests one after the other.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops where it fails, and says so"
)]

#[path = "socket_servers/harness.rs"]
mod harness;
#[path = "socket_servers/observed.rs"]
mod observed;
#[path = "socket_servers/served.rs"]
mod served;
#[path = "socket_servers/setup.rs"]
mod setup;

#[path = "socket_servers/client.rs"]
mod client;
#[path = "socket_servers/server.rs"]
mod server;

#[path = "socket_servers/errors.rs"]
mod errors;
#[path = "socket_servers/life_cycle.rs"]
mod life_cycle;
#[path = "socket_servers/limits.rs"]
mod limits;
#[path = "socket_servers/shortages.rs"]
mod shortages;
#[path = "socket_servers/transfer.rs"]
mod transfer;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("--serve", rest)) = arguments.split_first().map(|(it, rest)| (&**it, rest)) {
        return served::serve(rest);
    }
    let mut tests = life_cycle::tests();
    tests.extend(errors::tests());
    tests.extend(limits::tests());
    tests.extend(transfer::tests());
    tests.extend(shortages::tests());
    harness::run(&arguments, tests)
}
