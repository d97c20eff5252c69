//! The load generator against servers on loopback that do as they are told.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod bodies;
mod bursts;
mod failures;
mod http2;
mod order;
mod server;
mod stalls;

use millicore_lab::load::{Outcome, Plan, Wishes, run};
use millicore_lab::stop::Stop;

/// A plan with these flags, as they would be typed.
fn plan(urls: &[String], flags: &[(&str, &str)]) -> Plan {
    let mut wishes = Wishes {
        urls: urls.to_vec(),
        ..Wishes::default()
    };
    for (flag, value) in flags {
        let value = Some((*value).to_owned());
        match *flag {
            "-n" => wishes.requests = value,
            "-c" => wishes.connections = value,
            "--at-once" => wishes.at_once = value,
            "--rate" => wishes.rate = value,
            "--arrivals" => wishes.arrivals = value,
            "--duration" => wishes.duration = value,
            "--order" => wishes.order = value,
            "--timeout" => wishes.timeout = value,
            "--method" => wishes.method = value,
            "-H" => wishes.headers.extend(value),
            "--body" => wishes.body = value.map(String::into_bytes),
            "--http2" => wishes.http2 = true,
            _ => panic!("no flag is called {flag}"),
        }
    }
    Plan::new(&wishes).unwrap()
}

fn load(urls: &[String], flags: &[(&str, &str)]) -> Outcome {
    run(&plan(urls, flags), &Stop::default(), &mut |_| ()).unwrap()
}

/// How many requests failed, by kind, as text: `2 reset, 1 timeout`.
fn failed(outcome: &Outcome) -> String {
    let kinds = outcome.failed.iter();
    let kinds: Vec<String> = kinds
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    kinds.join(", ")
}
