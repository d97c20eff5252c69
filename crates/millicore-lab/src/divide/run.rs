//! The run: every policy in turn, as often as it is to be repeated.

use crate::divide::plan::Plan;
use crate::divide::round::{Round, RoundPlan};
use crate::divide::work::Work;
use crate::machine::{Watch, Watched};
use crate::place::PlaceRecord;
use crate::stop::Stop;
use millicore::{BuildError, Error, Policy};
use millicore_workload::primes::PrimesError;
use millicore_workload::spin::CalibrationError;

/// Runs every policy in turn, `plan.repeats` times.
///
/// Policies take turns within a repeat, and each repeat begins with another one, so that whatever
/// changes on the machine changes for all of them. `watch` hears of the progress ten times a
/// second. When it is stopped, the repeats that were finished are the outcome.
///
/// # Errors
///
/// Says what a round failed by.
pub fn run(
    plan: &Plan,
    work: &Work,
    stop: &Stop,
    watch: &mut dyn FnMut(Progress),
) -> Result<Outcome, RunError> {
    let watched = Watch::begin();
    let mut repeats = Vec::new();
    for repeat in 0..plan.repeats {
        match run_repeat(plan, work, stop, repeat, watch)? {
            Some(rounds) => repeats.push(rounds),
            None => break,
        }
    }
    Ok(Outcome {
        was_stopped: repeats.len() < plan.repeats,
        repeats,
        work: work.to_string(),
        watched: watched.end(),
        place: PlaceRecord::beside(plan.site),
    })
}

/// One round of each policy, in the order of the plan; nothing if it was stopped.
fn run_repeat(
    plan: &Plan,
    work: &Work,
    stop: &Stop,
    repeat: usize,
    watch: &mut dyn FnMut(Progress),
) -> Result<Option<Vec<Round>>, RunError> {
    let count = plan.policies.len();
    let mut rounds: Vec<Option<Round>> = vec![None; count];
    for turn in 0..count {
        let index = (turn + repeat) % count;
        let round = RoundPlan {
            policy: plan.policies[index],
            cores: plan.cores,
            cpu_limit: plan.cpu_limit,
            requests: plan.requests,
            size_ns: plan.size_ns,
        };
        let progress = Progress {
            rounds_done: repeat * count + turn,
            policy: round.policy,
            repeat: repeat + 1,
        };
        rounds[index] = round.run(work, stop, &mut || watch(progress))?;
        if rounds[index].is_none() {
            return Ok(None);
        }
    }
    Ok(rounds.into_iter().collect())
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many rounds are done.
    pub rounds_done: usize,
    /// The policy that runs now.
    pub policy: Policy,
    /// The repeat, counted from 1.
    pub repeat: usize,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The finished repeats: a round of each policy, in the order of the plan.
    pub repeats: Vec<Vec<Round>>,
    /// Whether it was stopped before its end.
    pub was_stopped: bool,
    /// What each request did.
    pub work: String,
    /// What the machine did during the run.
    pub watched: Watched,
    /// Where it ran, and what was counted there.
    pub place: PlaceRecord,
}

/// What a run failed by.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The executor could not be set up.
    #[error("the executor could not be set up: {0}")]
    Executor(#[from] BuildError),
    /// A request failed.
    #[error("a request failed: {0}")]
    Request(#[from] Error),
    /// The primes could not be counted.
    #[error(transparent)]
    Primes(#[from] PrimesError),
    /// The cores could not be calibrated.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// Two requests with the same work have different answers.
    #[error(
        "under {policy} the same work has two answers, {} and {}: chunks were lost or run twice; \
         please report it",
        answers[0],
        answers[1]
    )]
    WrongAnswer {
        /// The policy in force.
        policy: Policy,
        /// The answers.
        answers: [u64; 2],
    },
    /// The journal does not say when each request arrived and completed.
    #[error("the journal of a round under {policy} is incomplete; please report it")]
    Incomplete {
        /// The policy in force.
        policy: Policy,
    },
}

#[cfg(test)]
mod tests;
