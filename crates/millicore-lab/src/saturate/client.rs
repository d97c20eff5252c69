//! The clients of a server in a group: each asks again once it is answered, until the window closes.

use crate::burn::{Burnt, Requests, monotonic_ns};
use crate::load::{self, Failure};
use crate::saturate::case::Case;
use crate::saturate::group::GroupError;
use crate::stop::Stop;
use millicore_quota::Counters;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

const MILLISECOND_NS: u64 = 1_000_000;
/// Longer than any window: who has to wait until its end has had no answer.
const PATIENCE: &str = "3600s";

/// Asks from this moment of the monotonic clock until it is stopped.
pub(super) fn ask(
    case: &Case,
    server: SocketAddr,
    start_ns: u64,
    stop: &Stop,
) -> Result<load::Outcome, GroupError> {
    let request_ms = case.request_ns.div_ceil(MILLISECOND_NS);
    let wishes = load::Wishes {
        urls: vec![format!("http://{server}/spin?ms={request_ms}")],
        connections: Some(case.threads.to_string()),
        duration: Some(format!("{}ns", case.window_ns)),
        timeout: Some(PATIENCE.to_owned()),
        ..load::Wishes::default()
    };
    let mut plan = load::Plan::new(&wishes)?;
    plan.most_rows = usize::MAX;
    let left_ns = start_ns.saturating_sub(monotonic_ns());
    thread::sleep(Duration::from_nanos(left_ns));
    Ok(load::run(&plan, stop, &mut |_| {})?)
}

/// What came of it, in the words of a burner: CPU time as the kernel counted it, and for a stall the
/// longest time without an answer.
pub(super) fn served(
    case: &Case,
    outcome: &load::Outcome,
    counters: &Counters,
) -> Result<Burnt, GroupError> {
    let mut responses_s = Vec::with_capacity(outcome.rows.len());
    let mut longest_ns = 0;
    for row in &outcome.rows {
        let seen_ns = row.ended_ns.min(case.window_ns);
        longest_ns = longest_ns.max(seen_ns.saturating_sub(row.intended_ns));
        match row.failure() {
            // Answered after the window, or never.
            Some(Failure::Interrupted) => {}
            Some(failure) => return Err(GroupError::Unanswered { failure }),
            None if row.ended_ns > case.window_ns => {}
            None => responses_s.push((row.ended_ns - row.intended_ns) as f64 / 1e9),
        }
    }
    let window_s = case.window_ns as f64 / 1e9;
    let size_s = case.request_ns as f64 / 1e9;
    Ok(Burnt::seen_from_outside(
        (window_s, counters.cpu.as_secs_f64()),
        longest_ns as f64 / 1e9,
        Requests::new(size_s, responses_s, false),
    ))
}
