//! What a reader should know before believing the numbers of a report.

use crate::divide::report::Report;
use millicore_sim::duration::Display as Length;
use std::time::Duration;

/// Less than this is not worth a note, in per cent.
const TRUSTED_PERCENT: f64 = 3.0;

/// A sentence for each thing that spoils the numbers.
pub(super) fn about(report: &Report) -> Vec<String> {
    let notes = [
        other_work(report),
        calibration(report),
        submission(report),
        limit(report),
    ];
    notes.into_iter().flatten().collect()
}

fn other_work(report: &Report) -> Option<String> {
    let shares = report.measurements.iter().map(|it| it.core_share);
    let taken_percent = 100.0 * (1.0 - shares.fold(1.0, f64::min));
    (taken_percent > TRUSTED_PERCENT).then(|| {
        format!(
            "Other work took up to {taken_percent:.0} % of the time of the cores from the \
             requests; on a quiet machine they are done earlier."
        )
    })
}

fn calibration(report: &Report) -> Option<String> {
    let size_ns = report.plan.size_ns as f64;
    let deviations = report
        .measurements
        .iter()
        .map(|it| 100.0 * (it.cpu_ns / size_ns - 1.0));
    let largest = deviations.max_by(|a, b| a.abs().total_cmp(&b.abs()))?;
    let (amount, speed) = if largest > 0.0 {
        ("more", "slower")
    } else {
        ("less", "faster")
    };
    (largest.abs() > TRUSTED_PERCENT).then(|| {
        format!(
            "A request used {:.1} % {amount} CPU time than its size: the cores ran {speed} than \
             when they were calibrated, and the response times differ by as much.",
            largest.abs()
        )
    })
}

fn submission(report: &Report) -> Option<String> {
    let spreads_ns = report.measurements.iter().map(|it| it.submission_spread_ns);
    let spread_ns = spreads_ns.fold(0.0, f64::max);
    let share_percent = 100.0 * spread_ns / report.plan.size_ns as f64;
    (share_percent > TRUSTED_PERCENT).then(|| {
        let spread = Duration::from_secs_f64(spread_ns / 1e9);
        let spread = Length(u64::try_from(spread.as_nanos()).unwrap_or(u64::MAX));
        format!("The last request arrived {spread} after the first.")
    })
}

fn limit(report: &Report) -> Option<String> {
    let plan = &report.plan;
    if plan.cores.get() == 1 && plan.capacity.get() <= 1000 && plan.policies.len() > 1 {
        return Some(format!(
            "{} is work for one core: there is no second one to divide a request over, so that \
             width no longer helps, and focus does what fifo does. Order still decides: who shares \
             the core ends when all end.",
            plan.capacity
        ));
    }
    plan.is_held_back()
        .then(|| "The CPU limit holds the cores back: prediction and theory know it.".to_owned())
}
