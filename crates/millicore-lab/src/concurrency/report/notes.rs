//! What a reader should know before believing the figures.

use crate::concurrency::contender::PartKind;
use crate::concurrency::measurement::Measurement;
use crate::concurrency::report::Report;
use crate::concurrency::run::Round;
use millicore_sim::duration::Display as Length;

/// A burst that leaves over more than this of the time of one request is none, in per cent.
const SPREAD_PERCENT: f64 = 1.0;
/// Waiting longer than this for a core disturbs the figures, in per cent of the last response.
const WAITING_PERCENT: f64 = 5.0;
/// CPU times that differ from what was asked for by more than this are told, in per cent.
const SIZE_PERCENT: f64 = 2.0;
/// Less than this is not worth a note, in per cent of the time of the cores.
const ELSEWHERE_PERCENT: f64 = 3.0;

pub(super) fn about(report: &Report) -> Vec<String> {
    let notes = [
        stopped(report),
        spread(report),
        busy(report),
        sender(report),
        size(report),
        limit(report),
    ];
    notes.into_iter().flatten().collect()
}

fn stopped(report: &Report) -> Option<String> {
    report.was_stopped.then(|| {
        "The run was stopped before its end; these are the servers that were done.".to_owned()
    })
}

/// Printed always: many a tool that says "at once" sends one request first and the others later.
fn spread(report: &Report) -> Option<String> {
    let most = report.rounds.iter().max_by_key(|round| round.spread_ns)?;
    let percent = 100.0 * most.spread_ns as f64 / most.part.length_ns() as f64;
    let judgement = match percent > SPREAD_PERCENT {
        true => ", which is not at once for requests as short as that",
        false => "",
    };
    let whole_us_ns = most.spread_ns.div_ceil(1000) * 1000;
    Some(format!(
        "All requests of a burst left within {} of each other{judgement}.",
        Length(whole_us_ns)
    ))
}

/// How much of the time of the cores went elsewhere, if the last response of what computes came so
/// much later than it should with the CPU times that were measured.
fn busy(report: &Report) -> Option<String> {
    let spin = report
        .parts
        .iter()
        .find(|it| it.part.kind == PartKind::Spin)?;
    let size_ns = spin.part.length_ns() as f64;
    let elsewhere = |it: &Measurement| {
        let should_ns = it.theory.last_ns? * (it.cpu_ns? / size_ns);
        Some((it.contender, 100.0 * (1.0 - should_ns / it.last_ns)))
    };
    let measured = spin.measurements.iter().filter_map(elsewhere);
    let most = measured.max_by(|(_, a), (_, b)| a.total_cmp(b));
    let (contender, percent) = most.filter(|(_, percent)| *percent > ELSEWHERE_PERCENT)?;
    Some(format!(
        "Up to {percent:.0} % of the time of the cores went elsewhere ({contender}), to other work \
         on this machine first of all: what computes is later than theory by that."
    ))
}

/// The machine that asks is the machine that answers.
fn sender(report: &Report) -> Option<String> {
    let share = |round: &Round| {
        let last_ns = round.responses.iter().map(|it| it.response_ns).max()?;
        Some(100.0 * round.sender_waited_ns? as f64 / last_ns.max(1) as f64)
    };
    let percent = report.rounds.iter().filter_map(share).fold(0.0, f64::max);
    (percent > WAITING_PERCENT).then(|| {
        format!(
            "Whoever sent the requests runs on the same cores, and waited for one for up to \
             {percent:.0} % of a burst: a response may have come a little earlier than it says."
        )
    })
}

fn size(report: &Report) -> Option<String> {
    let measured = report.parts.iter().flat_map(|part| {
        let asked_ns = part.part.length_ns() as f64;
        let all = part.measurements.iter();
        all.filter_map(move |it| Some((it.contender, 100.0 * (it.cpu_ns? / asked_ns - 1.0))))
    });
    let furthest = measured.max_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs()));
    let (contender, percent) = furthest.filter(|(_, percent)| percent.abs() > SIZE_PERCENT)?;
    Some(format!(
        "A request did not take exactly the CPU time it was asked for: up to {percent:+.1} % \
         ({contender}), which is in the difference from theory."
    ))
}

fn limit(report: &Report) -> Option<String> {
    report.plan.is_held_back().then(|| {
        "The CPU limit holds the cores back: theory makes what computes slower in proportion, \
         without the kernel's periods."
            .to_owned()
    })
}
