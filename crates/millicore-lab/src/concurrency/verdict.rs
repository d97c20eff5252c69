//! What was found, in words: whether a server is synchronous, and what decides once it computes.

use crate::concurrency::contender::{Part, PartKind};
use crate::concurrency::measurement::Measurement;
use crate::concurrency::plan::Plan;
use crate::text::{Unit, count};
use millicore_server::model::ConcurrencyModel;
use millicore_sim::duration::Display as Length;

/// Further than this from the time of one request, in per cent, a response has waited for others.
const AT_ONCE_PERCENT: f64 = 50.0;

/// The findings of one part, as sentences.
pub(super) fn verdict(plan: &Plan, part: Part, measured: &[Measurement], unit: Unit) -> String {
    let sentences = match part.kind {
        PartKind::Sleep => vec![is_it_synchronous(plan, part, measured, unit)],
        PartKind::Spin => vec![
            beyond_the_cores(plan, measured, unit),
            policy(measured, unit),
        ],
    };
    let sentences: Vec<String> = sentences.into_iter().flatten().collect();
    sentences.join(" ")
}

/// Who answers one after the other, who all at once, and who something between.
fn is_it_synchronous(
    plan: &Plan,
    part: Part,
    measured: &[Measurement],
    unit: Unit,
) -> Option<String> {
    let length_ns = part.length_ns() as f64;
    let in_a_row_ns = length_ns * plan.requests as f64;
    let (mut in_a_row, mut at_once, mut between) = (Vec::new(), Vec::new(), Vec::new());
    for it in measured {
        let name = it.contender.to_string();
        let after = format!("after {}", with_unit(it.last_ns, unit));
        if it.last_ns < length_ns * (1.0 + AT_ONCE_PERCENT / 100.0) {
            at_once.push((name, it.last_ns));
        } else if it.last_ns > in_a_row_ns * 0.95 {
            in_a_row.push(format!("{name}, whose last response came {after}"));
        } else {
            between.push(format!("{name} takes some at a time: {after}"));
        }
    }
    if plan.requests < 2 || measured.is_empty() {
        return None;
    }
    let latest_ns = at_once
        .iter()
        .map(|(_, last_ns)| *last_ns)
        .fold(0.0, f64::max);
    let at_once = and(&at_once
        .into_iter()
        .map(|(name, _)| name)
        .collect::<Vec<_>>());
    let sentences = [
        (!in_a_row.is_empty()).then(|| {
            format!(
                "Synchronous, one request after the other: {}.",
                and(&in_a_row)
            )
        }),
        (!at_once.is_empty()).then(|| {
            format!(
                "Not synchronous: {at_once}; all {} were back after {}, of requests that wait {}.",
                plan.requests,
                with_unit(latest_ns, unit),
                Length(part.length_ns())
            )
        }),
        (!between.is_empty()).then(|| format!("Between the two: {}.", between.join("; "))),
    ];
    Some(
        sentences
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" "),
    )
}

/// That threads and processes end where the cores end.
fn beyond_the_cores(plan: &Plan, measured: &[Measurement], unit: Unit) -> Option<String> {
    let cores = plan.cores.get();
    let is_wide = |it: &&Measurement| {
        it.contender.slots(plan.requests) > cores
            && it.contender.model != ConcurrencyModel::Scheduled
    };
    let wide: Vec<&Measurement> = measured.iter().filter(is_wide).collect();
    let latest_ns = wide.iter().map(|it| it.last_ns).fold(0.0, f64::max);
    let names = and(&wide
        .iter()
        .map(|it| it.contender.to_string())
        .collect::<Vec<_>>());
    let narrow = measured.iter().find(|it| {
        it.contender.model == ConcurrencyModel::Prefork
            && it.contender.slots(plan.requests) <= cores
    });
    let as_early = narrow.map_or_else(String::new, |it| {
        format!(
            ", and the mean is {} where {} have it at {}",
            range(wide.iter().map(|it| it.mean_ns), unit),
            count(it.contender.slots(plan.requests), "worker"),
            with_unit(it.mean_ns, unit)
        )
    });
    (!wide.is_empty()).then(|| {
        format!(
            "Once the time is CPU time, {names} cannot help beyond the {}: the last response came \
             after {}{as_early}.",
            count(cores, "core"),
            with_unit(latest_ns, unit)
        )
    })
}

/// What the policy decides.
fn policy(measured: &[Measurement], unit: Unit) -> Option<String> {
    let mut by_mean: Vec<(&Measurement, _)> = measured
        .iter()
        .filter_map(|it| Some((it, it.contender.policy?)))
        .collect();
    by_mean.sort_by(|(a, _), (b, _)| a.mean_ns.total_cmp(&b.mean_ns));
    let [_, _, ..] = &*by_mean else {
        return None;
    };
    let of = |(it, policy): &(&Measurement, millicore::Policy)| {
        format!("{} under {policy}", with_unit(it.mean_ns, unit))
    };
    let means = and(&by_mean.iter().map(of).collect::<Vec<_>>());
    Some(format!(
        "Whose turn it is decides: the mean is {means}. {}",
        noise(measured)
    ))
}

/// How far repeats lie apart, so that nobody takes a difference for real that is smaller.
fn noise(measured: &[Measurement]) -> String {
    let spread_percent = |it: &Measurement| {
        let least = it.repeat_means_ns.iter().copied().fold(f64::MAX, f64::min);
        let greatest = it.repeat_means_ns.iter().copied().fold(0.0, f64::max);
        100.0 * (greatest - least) / it.mean_ns
    };
    match measured.first().map(|it| it.repeat_means_ns.len()) {
        None | Some(0 | 1) => {
            "One repeat does not show the noise: a small difference may be none.".to_owned()
        }
        Some(repeats) => {
            let noise_percent = measured.iter().map(spread_percent).fold(0.0, f64::max);
            format!(
                "Over {repeats} repeats a mean varied by up to {noise_percent:.1} %: a smaller \
                 difference is none."
            )
        }
    }
}

fn with_unit(ns: f64, unit: Unit) -> String {
    format!("{} {}", unit.format(ns), unit.name)
}

/// `5.000 s`, or `4.9 to 5.1 s`.
fn range(values_ns: impl Iterator<Item = f64> + Clone, unit: Unit) -> String {
    let least = unit.format(values_ns.clone().fold(f64::MAX, f64::min));
    let greatest = unit.format(values_ns.fold(0.0, f64::max));
    match least == greatest {
        true => format!("{least} {}", unit.name),
        false => format!("{least} to {greatest} {}", unit.name),
    }
}

/// `a, b and c`.
fn and(items: &[String]) -> String {
    match items.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}
