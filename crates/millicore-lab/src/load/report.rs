//! The report: what was measured, as a table, JSON or CSV.

mod csv;
mod json;
mod notes;
mod table;

use crate::load::expectation::Judgement;
use crate::load::plan::Plan;
use crate::load::run::Outcome;
use crate::machine::MachineState;

/// Everything that a run has to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What was asked for.
    pub plan: Plan,
    /// What the run came to.
    pub outcome: Outcome,
    /// Whether each expectation was met.
    pub judgements: Vec<Judgement>,
    /// The machine of the generator before the run.
    pub machine: MachineState,
}

impl Report {
    /// Holds the outcome against the plan.
    #[must_use]
    pub fn new(plan: Plan, machine: MachineState, outcome: Outcome) -> Self {
        let judge = |expectation: &crate::load::Expectation| expectation.judge(&outcome);
        Self {
            judgements: plan.expectations.iter().map(judge).collect(),
            plan,
            outcome,
            machine,
        }
    }

    /// Whether every expectation was met.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.judgements.iter().all(|judgement| judgement.is_met)
    }

    /// A sentence for each thing that a reader should know before believing the figures.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        notes::about(&self.plan, &self.outcome)
    }

    /// The URL of a row.
    fn url(&self, target: usize) -> &str {
        self.plan.targets.get(target).map_or("", |it| &it.url)
    }
}

#[cfg(test)]
mod tests;
