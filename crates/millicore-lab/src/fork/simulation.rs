//! The experiment without measuring: bounds and prediction, beside what the article measured.

mod text;

use crate::flags::{FlagError, number, time};
use crate::fork::bounds::{Bounds, Position};
use crate::fork::plan::{self, Slicing, members};
use crate::fork::prediction::Prediction;
use millicore_sim::SimulateError;
use millicore_sim::duration::{MILLISECOND_NS, SECOND_NS};
use millicore_sim::setup::MOST_CORES;

/// What was typed, by the names of the flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulationWishes {
    /// How often the processes double, 1 to 6.
    pub rounds: String,
    /// How many cores there are, 1 to 1 000 000; as many as the article had, if it is not said.
    pub cores: Option<String>,
    /// How long one process alone takes, 1ms to 600s; as long as in the article, if it is not said.
    pub one: Option<String>,
    /// The slice of the scheduler, 1ms to 1s.
    pub slice: String,
    /// What each of its slices costs beyond, up to 1s.
    pub overhead: String,
}

/// A case that can be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimulationPlan {
    /// How often the processes double.
    pub rounds: u32,
    /// How many cores there are.
    pub cores: usize,
    /// How long one process alone takes, in nanoseconds.
    pub one_ns: u64,
    /// The scheduler.
    pub slicing: Slicing,
}

/// Rounds, simulated.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulation {
    /// The case.
    pub plan: SimulationPlan,
    /// Each round, from the one process alone.
    pub rounds: Vec<SimulatedRound>,
    /// What the article measured, where this is its case.
    pub article: Option<Article>,
}

/// A round, simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimulatedRound {
    /// Which: 0 is the one process alone.
    pub round: u32,
    /// How many compute in it.
    pub members: usize,
    /// Between what times it must lie.
    pub bounds: Bounds,
    /// What the simulator says.
    pub prediction: Prediction,
}

/// What the article "Python socketserver ForkingMixIn and ThreadingMixIn" measured: the factorial
/// of 200 000 in CPython, on six cores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Article {
    /// How long each round took, in nanoseconds.
    pub took_ns: [u64; 4],
    /// How far its last round is from perfect sharing, 0, to whole rounds, 100.
    pub way_percent: f64,
    /// Which part of each slice its last round lost, if perfect sharing but for that took so long.
    pub lost_share: f64,
}

const ARTICLE_CORES: usize = 6;
const ARTICLE_ONE_NS: u64 = 9_600 * MILLISECOND_NS;
const ARTICLE_TOOK_NS: [u64; 4] = [
    ARTICLE_ONE_NS,
    10_080 * MILLISECOND_NS,
    9_560 * MILLISECOND_NS,
    13_970 * MILLISECOND_NS,
];

impl SimulationPlan {
    /// Checks what was typed.
    ///
    /// # Errors
    ///
    /// Says which flag cannot be, and what it can be.
    pub fn new(wishes: &SimulationWishes) -> Result<Self, FlagError> {
        let cores = wishes.cores.as_deref().map_or(Ok(ARTICLE_CORES), |given| {
            number("--cores", given, &(1..=MOST_CORES as u64))
        })?;
        let one_ns = wishes.one.as_deref().map_or(Ok(ARTICLE_ONE_NS), |given| {
            time("--one", given, &(MILLISECOND_NS..=600 * SECOND_NS), "")
        })?;
        Ok(Self {
            rounds: plan::rounds(&wishes.rounds)?,
            cores,
            one_ns,
            slicing: Slicing::new(&wishes.slice, &wishes.overhead)?,
        })
    }
}

impl Simulation {
    /// Simulates each round.
    ///
    /// # Errors
    ///
    /// Says why one cannot be simulated.
    pub fn new(plan: SimulationPlan) -> Result<Self, SimulateError> {
        let round = |round| {
            let members = members(round);
            Ok::<_, SimulateError>(SimulatedRound {
                round,
                members,
                bounds: Bounds::new(plan.one_ns, members, plan.cores),
                prediction: Prediction::new(plan.one_ns, members, plan.cores, plan.slicing)?,
            })
        };
        Ok(Self {
            plan,
            rounds: (0..=plan.rounds).map(round).collect::<Result<_, _>>()?,
            article: Article::of(&plan),
        })
    }
}

impl Article {
    /// Its figures, if the case is its own.
    fn of(plan: &SimulationPlan) -> Option<Self> {
        let took_ns = ARTICLE_TOOK_NS;
        let is_its_case = (plan.one_ns, plan.cores) == (ARTICLE_ONE_NS, ARTICLE_CORES)
            && plan.rounds as usize + 1 == took_ns.len();
        let last_ns = took_ns.last().copied().filter(|_| is_its_case)?;
        let bounds = Bounds::new(plan.one_ns, members(plan.rounds), plan.cores);
        let Position::Between { percent } = bounds.position(last_ns) else {
            return None;
        };
        Some(Self {
            took_ns,
            way_percent: percent,
            lost_share: bounds.lost_share(plan.one_ns, last_ns)?,
        })
    }
}

#[cfg(test)]
mod tests;
