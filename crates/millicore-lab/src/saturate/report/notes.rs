//! What a reader should know before believing the figures.

use crate::saturate::case::Workload;
use crate::saturate::report::{CaseReport, Report};
use crate::saturate::staircase::Step;
use millicore_quota::Bandwidth;

/// The clocks of the burners and the counters of the kernel should agree so far, in per cent.
const AGREE_PERCENT: f64 = 3.0;
/// Less than this is not worth a note, in per cent of the time of the cores.
const STOLEN_PERCENT: f64 = 1.0;
/// A group gets less than this part of its fair share only where something else ran.
const SHORT_SHARE: f64 = 0.9;
/// Where less than this part of the CPU is asked for, nobody waits long for a core.
const FREE_SHARE: f64 = 0.75;

impl Report {
    /// A sentence for each thing to know.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let stopped = self.was_stopped.then(|| {
            "The run was stopped before its end; these are the cases that were done.".to_owned()
        });
        let notes = [
            stopped,
            agreement(self),
            nested(self),
            coarse(self),
            served(self),
            elsewhere(self),
            stolen(self),
            mispredicted(self),
            removal(self),
        ];
        notes.into_iter().flatten().collect()
    }
}

/// Told always: whoever measures CPU with two clocks should say whether they agree.
fn agreement(report: &Report) -> Option<String> {
    let burners = report.cases.iter();
    let burners = burners.filter(|it| it.case().workload == Workload::Spin);
    let differences = burners.map(CaseReport::difference_percent);
    let largest = differences.max_by(|a, b| a.abs().total_cmp(&b.abs()))?;
    let judgement = if largest.abs() > AGREE_PERCENT {
        "more than they should: something else ran in the groups, or a counter came late"
    } else {
        "at the most"
    };
    Some(format!(
        "What the burners received by their own clocks differs from what the kernel counted in \
         their groups by {:.1} %, {judgement}.",
        largest.abs()
    ))
}

/// The trap of nested limits: who looks only at a container's own counters sees nothing.
fn nested(report: &Report) -> Option<String> {
    let told = report.cases.iter().filter_map(|it| {
        let parent = it.result.parent?;
        let most = it.throttled_ratio.iter().copied().fold(0.0, f64::max);
        Some(format!(
            "in {} it was used up in {:.0} % of its periods, their own limits in {:.0} % at the \
             most",
            it.case(),
            100.0 * parent.throttled_ratio(),
            100.0 * most
        ))
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| {
        format!(
            "A limit around groups freezes them without a trace in their own counters: {}.",
            told.join("; ")
        )
    })
}

/// Told where it is seen, and where a core was free, so that nothing else explains it.
fn coarse(report: &Report) -> Option<String> {
    /// Below this limit a quota may be about as long as the kernel's tick.
    const COARSE_M: u32 = 50;
    /// So many periods without CPU are more than what is left of one.
    const LONG_PERIODS: f64 = 1.5;
    let is_coarse = |it: &&CaseReport| {
        let case = it.case();
        let period_s = Bandwidth::of(case.limit).period().as_secs_f64();
        let longest_s = it.longest_stall_s.iter().copied().fold(0.0, f64::max);
        let asked_m: f64 = case.limits_m().iter().sum();
        case.workload == Workload::Spin
            && case.limit.get() < COARSE_M
            && asked_m < FREE_SHARE * it.capacity_m
            && longest_s > LONG_PERIODS * period_s
    };
    let case = report.cases.iter().find(is_coarse)?;
    Some(format!(
        "The kernel looks at a quota once a tick, so under {}m a thread ran for longer than its \
         quota, and then stood still for longer than a period.",
        case.case().limit.get()
    ))
}

/// What stands for what only burners can tell.
fn served(report: &Report) -> Option<String> {
    let is_served = |it: &CaseReport| it.case().workload == Workload::Serve;
    report.cases.iter().any(is_served).then(|| {
        "What a server received is what the kernel counted, and its stall is the longest time that \
         a client waited."
            .to_owned()
    })
}

fn elsewhere(report: &Report) -> Option<String> {
    let short = report.cases.iter().filter_map(|it| {
        let fair_m: f64 = it.fair_m.iter().sum();
        let share = it.total_m / fair_m.max(1e-9);
        (share < SHORT_SHARE).then(|| format!("{} {:.0} %", it.case(), 100.0 * share))
    });
    let short: Vec<String> = short.collect();
    (!short.is_empty()).then(|| {
        format!(
            "All groups together received less than the machine had for them: {}. Other work ran \
             beside them.",
            short.join(", ")
        )
    })
}

fn stolen(report: &Report) -> Option<String> {
    let steals = report
        .cases
        .iter()
        .filter_map(|it| it.result.meanwhile.cpu_use);
    let most = steals.map(|it| it.steal_percent).fold(0.0, f64::max);
    (most > STOLEN_PERCENT).then(|| {
        format!("Up to {most:.0} % of the time of the cores went to other machines on this host.")
    })
}

/// The simulated kernel has nothing else to do.
fn mispredicted(report: &Report) -> Option<String> {
    /// So far a simulation of the kernel should agree with the kernel.
    const CLOSE_PERCENT: f64 = 5.0;
    let is_far = |step: &&Step| {
        let (mean, last) = step.differences_percent();
        mean.abs().max(last.abs()) > CLOSE_PERCENT
    };
    let far = report.staircase.iter().flat_map(|it| &it.steps);
    let far: Vec<String> = far
        .filter(is_far)
        .map(|it| it.workers.to_string())
        .collect();
    (!far.is_empty()).then(|| {
        format!(
            "The prediction is more than {CLOSE_PERCENT:.0} % off for {} workers: other work on \
             the cores is not in it.",
            far.join(", ")
        )
    })
}

/// Told always: a run that leaves groups behind is no run.
fn removal(report: &Report) -> Option<String> {
    let longest = report.cases.iter().max_by_key(|it| it.result.removed_in)?;
    Some(format!(
        "Nothing is left behind; {} took {:.1} s to start and {:.1} s to remove.",
        longest.case(),
        longest.result.started_in.as_secs_f64(),
        longest.result.removed_in.as_secs_f64()
    ))
}
