//! The report: what each group received and how long it waited, as a table, JSON or CSV.

mod csv;
mod json;
mod notes;
mod picture;
mod table;

use crate::machine::{MachineState, Watched};
use crate::place::PlaceKind;
use crate::saturate::case::{Case, Workload};
use crate::saturate::fairness::{fair_shares, jain_index};
use crate::saturate::plan::Plan;
use crate::saturate::run::{CaseResult, GroupResult, Outcome};
use crate::saturate::staircase::Staircase;

/// Everything that a run has to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What was asked for.
    pub plan: Plan,
    /// Where the groups were.
    pub place: PlaceKind,
    /// What kept their limits.
    pub kept_by: String,
    /// The machine before the run.
    pub machine: MachineState,
    /// What it did during the run.
    pub watched: Watched,
    /// Whether the run was stopped before its end.
    pub was_stopped: bool,
    /// The cases that were done.
    pub cases: Vec<CaseReport>,
    /// Requests at once to pools of several sizes, if it came to that.
    pub staircase: Option<Staircase>,
}

/// A case, with what follows from what was measured; a group has the same place in every list.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseReport {
    /// What was measured.
    pub result: CaseResult,
    /// What all groups together can get at the most, in millicores.
    pub capacity_m: f64,
    /// What each would get if it were shared out fairly.
    pub fair_m: Vec<f64>,
    /// What each received, by the clocks of its threads; by the kernel's counters, if it is a server.
    pub received_m: Vec<f64>,
    /// The part of its periods in which its quota was used up.
    pub throttled_ratio: Vec<f64>,
    /// How long a thread of it stood still, at the most.
    pub longest_stall_s: Vec<f64>,
    /// What all received.
    pub total_m: f64,
    /// What the kernel counted in all groups, over the same time.
    pub counted_m: f64,
    /// How alike they received.
    pub jain: f64,
}

impl Report {
    /// Sums up a run of the plan.
    #[must_use]
    pub fn new(plan: &Plan, machine: MachineState, outcome: Outcome) -> Self {
        let machine_m = f64::from(machine.limit_millicores);
        let cases = outcome.cases.into_iter();
        Self {
            plan: plan.clone(),
            place: plan.place,
            kept_by: outcome.kept_by,
            watched: outcome.watched,
            was_stopped: outcome.was_stopped,
            cases: cases.map(|it| CaseReport::new(it, machine_m)).collect(),
            staircase: outcome.staircase,
            machine,
        }
    }
}

impl CaseReport {
    fn new(result: CaseResult, machine_m: f64) -> Self {
        let case = result.case;
        let window_s = case.window_ns as f64 / 1e9;
        let millicores = |cpu_s: f64| 1000.0 * cpu_s / window_s;
        let each = |of: &dyn Fn(&GroupResult) -> f64| result.groups.iter().map(of).collect();
        let received_m: Vec<f64> = each(&|it| millicores(it.burnt.cpu_s));
        let counted_s = result.groups.iter();
        let counted_s: f64 = counted_s.map(|it| it.counters.cpu.as_secs_f64()).sum();
        let capacity_m = case.capacity_m(machine_m);
        Self {
            capacity_m,
            fair_m: fair_shares(&case.limits_m(), capacity_m),
            throttled_ratio: each(&|it| it.counters.throttled_ratio()),
            longest_stall_s: each(&|it| it.burnt.longest_stall_s),
            total_m: received_m.iter().sum(),
            counted_m: millicores(counted_s),
            jain: jain_index(&received_m),
            received_m,
            result,
        }
    }

    fn case(&self) -> &Case {
        &self.result.case
    }

    /// The mean response of each group that has done a request.
    fn mean_responses_s(&self) -> Vec<Option<f64>> {
        let requests = self.result.groups.iter().map(|it| &it.burnt.requests);
        requests.map(|it| it.as_ref()?.mean_s).collect()
    }

    fn p99_responses_s(&self) -> Vec<Option<f64>> {
        let requests = self.result.groups.iter().map(|it| &it.burnt.requests);
        requests.map(|it| it.as_ref()?.p99_s).collect()
    }

    fn requests_done(&self) -> Vec<usize> {
        let requests = self.result.groups.iter().map(|it| &it.burnt.requests);
        requests
            .map(|it| it.as_ref().map_or(0, |it| it.count))
            .collect()
    }

    /// How often threads of all groups left their core, to wait or because it was taken from them;
    /// servers do not tell.
    fn switches(&self) -> Option<u64> {
        let threads = self.result.groups.iter().flat_map(|it| &it.burnt.threads);
        let has_burners = self.case().workload == Workload::Spin;
        has_burners.then(|| threads.map(|it| it.waited + it.pushed_out).sum())
    }

    /// By how much the burners' clocks differ from what the kernel counted, in per cent.
    fn difference_percent(&self) -> f64 {
        100.0 * (self.total_m / self.counted_m.max(1e-9) - 1.0)
    }
}

#[cfg(test)]
mod tests;
