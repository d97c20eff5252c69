//! The report: each round beside its bounds and its prediction, as a table, JSON or CSV.

mod csv;
mod json;
mod table;

use crate::fork::bounds::{Bounds, Position};
use crate::fork::event::Event;
use crate::fork::measurement::{Doubling, RoundTime, core_share, doublings, rounds};
use crate::fork::plan::Plan;
use crate::fork::prediction::Prediction;
use crate::fork::run::Outcome;
use crate::machine::{MachineState, Watched};
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
    /// Each round, from the one process alone.
    pub rounds: Vec<RoundReport>,
    /// All rounds together; nothing without a round.
    pub whole: Option<WholeRun>,
    /// Which part of the time of the cores that the processes could have used went to computing,
    /// from 0 to 1: the rest went to other work on the machine, the kernel's included.
    pub core_share: f64,
    /// Each fork.
    pub doublings: Vec<Doubling>,
    /// What happened, by time.
    pub events: Vec<Event>,
}

/// A round beside what was expected of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoundReport {
    /// What was measured.
    pub time: RoundTime,
    /// Between what times it should lie.
    pub bounds: Bounds,
    /// Where it lies; nothing of round 0, which is the measure.
    pub position: Option<Position>,
    /// What the simulator says.
    pub prediction: Prediction,
}

/// All rounds together: what a round takes longer because the one before was not over, this does
/// not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WholeRun {
    /// From the first start to the last end, in nanoseconds.
    pub took_ns: u64,
    /// The sums of the bounds of the rounds. Nobody can be faster than the lower one, with or
    /// without waiting between rounds.
    pub bounds: Bounds,
    /// Where it lies.
    pub position: Position,
    /// The sum of what the simulator says of the rounds under `fair/one`, in nanoseconds.
    pub fair_ns: u64,
}

impl WholeRun {
    fn new(rounds: &[RoundReport]) -> Option<Self> {
        let start_ns = rounds.iter().map(|round| round.time.start_ns).min()?;
        let ends_ns = rounds
            .iter()
            .map(|round| round.time.start_ns + round.time.took_ns);
        let took_ns = ends_ns.max()?.saturating_sub(start_ns);
        let sum = |of: fn(&RoundReport) -> u64| rounds.iter().map(of).sum();
        let bounds = Bounds {
            perfect_ns: sum(|round| round.bounds.perfect_ns),
            whole_ns: sum(|round| round.bounds.whole_ns),
        };
        Some(Self {
            took_ns,
            bounds,
            position: bounds.position(took_ns),
            fair_ns: sum(|round| round.prediction.fair_ns),
        })
    }
}

impl Report {
    /// Sums up a run of the plan. Round 0, the one process alone, is what all is compared with.
    ///
    /// # Errors
    ///
    /// Says why a round cannot be simulated.
    pub fn new(
        plan: &Plan,
        machine: MachineState,
        outcome: Outcome,
    ) -> Result<Self, SimulateError> {
        let times = rounds(&outcome.events, plan.rounds).unwrap_or_default();
        let one_ns = times.first().map_or(0, |time| time.took_ns);
        let cores = plan.cores.get();
        let report = |time: &RoundTime| {
            let bounds = Bounds::new(one_ns, time.members, cores);
            Ok::<_, SimulateError>(RoundReport {
                time: *time,
                bounds,
                position: (time.round > 0).then(|| bounds.position(time.took_ns)),
                prediction: Prediction::new(one_ns, time.members, cores, plan.slicing)?,
            })
        };
        let rounds: Vec<RoundReport> = times.iter().map(report).collect::<Result<_, _>>()?;
        Ok(Self {
            plan: plan.clone(),
            machine,
            watched: outcome.watched,
            whole: WholeRun::new(&rounds),
            rounds,
            core_share: core_share(&outcome.events, cores),
            doublings: doublings(&outcome.events),
            events: outcome.events,
        })
    }

    /// How long the one process alone took, in nanoseconds: the measure of all rounds.
    #[must_use]
    pub fn one_ns(&self) -> u64 {
        self.rounds.first().map_or(0, |round| round.time.took_ns)
    }
}

#[cfg(test)]
mod tests;
