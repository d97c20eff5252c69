//! The report: what was measured beside what was predicted, as a table, JSON or CSV.

mod csv;
mod json;
mod notes;
mod table;

use crate::divide::measurement::Measurement;
use crate::divide::plan::Plan;
use crate::divide::prediction::Prediction;
use crate::divide::round::Round;
use crate::divide::run::Outcome;
use crate::divide::verdict::Verdict;
use crate::machine::{MachineState, Watched};
use crate::place::PlaceRecord;

/// Everything that a run has to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What was asked for.
    pub plan: Plan,
    /// What each request did.
    pub work: String,
    /// How many repeats were finished.
    pub repeats: usize,
    /// Whether the run was stopped before its end.
    pub was_stopped: bool,
    /// The machine before its cores were calibrated.
    pub machine: MachineState,
    /// What it did during the run.
    pub watched: Watched,
    /// Where it ran, and what was counted there.
    pub place: PlaceRecord,
    /// Each policy, in the order of the plan; none if no repeat was finished.
    pub measurements: Vec<Measurement>,
    /// Who won.
    pub verdict: Verdict,
}

impl Report {
    /// Sums up a run of the plan, whose predictions are in the order of its policies. Read the
    /// machine before its cores are calibrated: afterwards it is busy with that.
    #[must_use]
    pub fn new(
        plan: &Plan,
        predictions: &[Prediction],
        machine: MachineState,
        outcome: Outcome,
    ) -> Self {
        let measurement = |(index, (&policy, &prediction))| {
            let rounds = outcome
                .repeats
                .iter()
                .filter_map(|repeat| repeat.get(index));
            let rounds: Vec<&Round> = rounds.collect();
            Measurement::new(policy, prediction, &rounds)
        };
        let policies = plan.policies.iter().zip(predictions).enumerate();
        let measurements: Vec<Measurement> = policies.filter_map(measurement).collect();
        Self {
            plan: plan.clone(),
            repeats: outcome.repeats.len(),
            work: outcome.work,
            was_stopped: outcome.was_stopped,
            machine,
            watched: outcome.watched,
            place: outcome.place,
            verdict: Verdict::new(&measurements),
            measurements,
        }
    }
}

#[cfg(test)]
mod tests;
