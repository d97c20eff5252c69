//! The report: who answered what and when, beside theory, as a table, JSON or CSV.

mod csv;
mod json;
mod notes;
mod responses;
mod table;

use crate::concurrency::contender::Part;
use crate::concurrency::measurement::Measurement;
use crate::concurrency::plan::Plan;
use crate::concurrency::run::{Outcome, Round};
use crate::concurrency::theory::Theory;
use crate::concurrency::verdict::verdict;
use crate::machine::{MachineState, Watched};
use crate::text::Unit;
use millicore_sim::SimulateError;

/// Everything that a run has to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What was asked for.
    pub plan: Plan,
    /// The machine before the run.
    pub machine: MachineState,
    /// What it did during the run.
    pub watched: Watched,
    /// Whether the run was stopped before its end.
    pub was_stopped: bool,
    /// Each part of the plan.
    pub parts: Vec<PartReport>,
    /// Every burst, by time.
    pub rounds: Vec<Round>,
}

/// What one part came to.
#[derive(Clone, Debug, PartialEq)]
pub struct PartReport {
    /// What was asked for.
    pub part: Part,
    /// Each contender that was done at least once, in the order of the plan.
    pub measurements: Vec<Measurement>,
}

impl Report {
    /// Sums up a run of the plan.
    ///
    /// # Errors
    ///
    /// Says why a contender cannot be simulated.
    pub fn new(
        plan: &Plan,
        machine: MachineState,
        outcome: Outcome,
    ) -> Result<Self, SimulateError> {
        let part_report = |&part: &Part| {
            let mut measurements = Vec::new();
            for contender in plan.contenders(part.kind) {
                let theory = Theory::new(plan, part, contender)?;
                measurements.extend(Measurement::new(&outcome.rounds, part, contender, theory));
            }
            Ok::<_, SimulateError>(PartReport { part, measurements })
        };
        Ok(Self {
            parts: plan
                .parts
                .iter()
                .map(part_report)
                .collect::<Result<_, _>>()?,
            plan: plan.clone(),
            machine,
            watched: outcome.watched,
            was_stopped: outcome.was_stopped,
            rounds: outcome.rounds,
        })
    }

    /// What was found in a part, as sentences; nothing if nothing was compared.
    fn verdict(&self, part: &PartReport) -> String {
        verdict(&self.plan, part.part, &part.measurements, part.unit())
    }

    /// A sentence for each thing that a reader should know before believing the figures.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        notes::about(self)
    }
}

impl PartReport {
    /// The unit of all its times.
    fn unit(&self) -> Unit {
        let longest_ns = |it: &Measurement| it.last_ns.max(it.theory.last_ns.unwrap_or(0.0));
        let longest_ns = self.measurements.iter().map(longest_ns);
        Unit::for_times_to(longest_ns.fold(0.0, f64::max))
    }
}

#[cfg(test)]
mod tests;
