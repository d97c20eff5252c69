//! What a reader should know before believing the figures of a report: first of all, where the
//! generator and not the server was the limit.

use crate::load::plan::{Arrivals, Plan};
use crate::load::run::Outcome;
use crate::text::count;
use millicore_server::descriptors;
use millicore_sim::duration::{Display as Length, MILLISECOND_NS};

/// The generator counts as the limit when it is busier than this, in per cent of a core.
const BUSY_PERCENT: f64 = 90.0;
/// Waiting for a core longer than this disturbs the figures, in per cent of the run.
const WAITING_PERCENT: f64 = 5.0;
/// A burst is spread too far beyond this, in per cent of the shortest latency.
const SPREAD_PERCENT: f64 = 1.0;
/// The two latencies are not told apart below this, in per cent.
const SHIFT_PERCENT: f64 = 5.0;

/// A sentence for each thing that spoils the figures.
pub(super) fn about(plan: &Plan, outcome: &Outcome) -> Vec<String> {
    let notes = [
        stopped(outcome),
        unsent(outcome),
        descriptors(outcome),
        ports(outcome),
        busy(outcome),
        waiting(outcome),
        late(plan, outcome),
        shifted(outcome),
        spread(outcome),
        censored(outcome),
        omission(plan, outcome),
        malformed(outcome),
        resent(outcome),
        left_out(outcome),
    ];
    notes.into_iter().flatten().collect()
}

fn requests(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "request")
}

fn length(ns: f64) -> Length {
    Length(
        crate::load::latency::Figure {
            value: ns,
            is_lower_bound: false,
        }
        .whole_ns(),
    )
}

fn stopped(outcome: &Outcome) -> Option<String> {
    outcome.was_stopped.then(|| {
        "The run was stopped before its end; these are the requests until then.".to_owned()
    })
}

fn unsent(outcome: &Outcome) -> Option<String> {
    let unsent = outcome
        .asked
        .checked_sub(outcome.sent)
        .filter(|it| *it > 0)?;
    Some(format!(
        "Of {} asked for, {unsent} never left.",
        requests(outcome.asked)
    ))
}

fn descriptors(outcome: &Outcome) -> Option<String> {
    let failed = outcome.failed.get("descriptors")?;
    let limit = descriptors::limit().map_or("no limit".to_owned(), |it| it.to_string());
    Some(format!(
        "{} found no descriptor for a connection: this process may have {limit}; raise it with \
         ulimit -n.",
        requests(*failed)
    ))
}

fn ports(outcome: &Outcome) -> Option<String> {
    let failed = outcome.failed.get("ports")?;
    Some(format!(
        "{} found no free port for a connection: ask for fewer at a time, or widen \
         net.ipv4.ip_local_port_range.",
        requests(*failed)
    ))
}

fn busy(outcome: &Outcome) -> Option<String> {
    let percent = outcome.generator.busy_percent();
    (percent > BUSY_PERCENT).then(|| {
        format!(
            "The generator was the limit: it used {percent:.0} % of the core it runs on, so the \
             server may be faster than this."
        )
    })
}

fn waiting(outcome: &Outcome) -> Option<String> {
    let percent = outcome.generator.waiting_percent()?;
    (percent > WAITING_PERCENT).then(|| {
        format!(
            "The generator waited for a core {percent:.0} % of the time: it shares the cores with \
             other work, perhaps with the server, and every figure has some of that in it."
        )
    })
}

/// In open loop: the generator did not keep the times it was given.
fn late(plan: &Plan, outcome: &Outcome) -> Option<String> {
    let is_open = matches!(
        plan.arrivals,
        Arrivals::Constant { .. } | Arrivals::Poisson { .. }
    );
    let late_ns = outcome
        .lateness
        .quantile_ns(0.99)
        .filter(|_| is_open)?
        .value;
    let median_ns = outcome.latency.quantile_ns(0.5)?.value;
    (late_ns > MILLISECOND_NS as f64 && late_ns > median_ns / 10.0).then(|| {
        format!(
            "The generator was late: one request in a hundred started {} or more after its time, \
             and that is in its latency.",
            length(late_ns)
        )
    })
}

fn shifted(outcome: &Outcome) -> Option<String> {
    let intended_ns = outcome.latency.mean_ns()?.value;
    let sent_ns = outcome.latency_from_send.mean_ns()?.value;
    let late_ns = outcome.lateness.mean_ns()?.value;
    let shift_ns = intended_ns - sent_ns;
    let percent = 100.0 * shift_ns / intended_ns.max(1.0);
    (percent > SHIFT_PERCENT).then(|| {
        format!(
            "On average {percent:.0} % of the latency passed before the request left: {} until \
             the generator turned to it, {} until it had a connection.",
            length(late_ns.min(shift_ns)),
            length((shift_ns - late_ns).max(0.0))
        )
    })
}

fn spread(outcome: &Outcome) -> Option<String> {
    /// Only a connection that opened late spreads a burst by so much.
    const SHORT_QUEUE_NS: u64 = 100 * MILLISECOND_NS;
    let spread_ns = outcome.spread_ns?;
    let shortest_ns = outcome.latency.min_ns()?;
    let percent = 100.0 * spread_ns as f64 / shortest_ns.max(1) as f64;
    let queue = match spread_ns >= SHORT_QUEUE_NS {
        true => {
            " Some connections opened only when others had been answered: the server's queue of \
             connections (its backlog) is shorter than the burst."
        }
        false => "",
    };
    (percent > SPREAD_PERCENT).then(|| {
        format!(
            "The burst was spread over {}, {percent:.1} % of the shortest latency.{queue}",
            Length(spread_ns)
        )
    })
}

fn censored(outcome: &Outcome) -> Option<String> {
    let censored = outcome.latency.censored();
    (censored > 0).then(|| {
        format!(
            "{} given up without an answer and counted with the time that was waited: what is \
             marked >= is at least that.",
            match censored {
                1 => "1 request was".to_owned(),
                more => format!("{more} requests were"),
            }
        )
    })
}

/// In closed loop a stall delays a request for each connection, where at a rate it delays all that
/// come meanwhile.
fn omission(plan: &Plan, outcome: &Outcome) -> Option<String> {
    const MUCH: f64 = 10.0;
    let is_closed = matches!(plan.arrivals, Arrivals::Closed { .. });
    let max_ns = outcome.latency.max_ns().filter(|_| is_closed)?.value;
    let median_ns = outcome.latency.quantile_ns(0.5)?.value;
    (max_ns > MUCH * median_ns && max_ns > 10.0 * MILLISECOND_NS as f64).then(|| {
        "The slowest request took much longer than most; in a closed loop few requests meet a \
         stall, because no others are sent meanwhile. --rate shows what it costs."
            .to_owned()
    })
}

fn malformed(outcome: &Outcome) -> Option<String> {
    let reason = outcome.first_malformed?;
    Some(format!("The first malformed answer: {reason}."))
}

fn resent(outcome: &Outcome) -> Option<String> {
    (outcome.resent > 0).then(|| {
        format!(
            "{} sent again, because the server closed a connection it had kept.",
            match outcome.resent {
                1 => "1 request was".to_owned(),
                more => format!("{more} requests were"),
            }
        )
    })
}

fn left_out(outcome: &Outcome) -> Option<String> {
    (outcome.rows_left_out > 0).then(|| {
        format!(
            "The {} are not listed one by one; --format csv lists them all.",
            requests(outcome.rows_left_out)
        )
    })
}
