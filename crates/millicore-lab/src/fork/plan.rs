//! The plan: what was asked for, checked, with nothing left open.

use crate::flags::{self, FlagError, number, time};
use crate::text::count;
use millicore_quota::ProcessLimit;
use millicore_sim::duration::{MILLISECOND_NS, SECOND_NS};
use serde::Serialize;
use std::fmt;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;

/// What was typed, by the names of the flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// Whose factorial is computed, 1 to 1 000 000.
    pub number: String,
    /// How often the processes double, 1 to 6.
    pub rounds: String,
    /// How many cores they may use; all that this process may use, if it is not said.
    pub cores: Option<String>,
    /// `forks` or `threads`.
    pub with: String,
    /// The slice of the predicted scheduler, 1ms to 1s.
    pub slice: String,
    /// What each of its slices costs beyond, up to 1s.
    pub overhead: String,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            number: "200000".to_owned(),
            rounds: "3".to_owned(),
            cores: None,
            with: "forks".to_owned(),
            slice: "4ms".to_owned(),
            overhead: "0".to_owned(),
        }
    }
}

/// An experiment that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Whose factorial each of them computes.
    pub number: u64,
    /// How often they double: round 0 is one alone, round `rounds` is 2^`rounds` of them.
    pub rounds: u32,
    /// How many cores they may use.
    pub cores: NonZeroUsize,
    /// What doubles.
    pub with: With,
    /// The scheduler that the measurement is compared with.
    pub slicing: Slicing,
    /// Whether a CPU limit keeps the cores from working all the time.
    pub is_held_back: bool,
}

/// What doubles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum With {
    /// Processes, by fork(2).
    Forks,
    /// Threads of one process.
    Threads,
}

impl With {
    /// The names that a flag takes.
    pub const NAMES: [&str; 2] = ["forks", "threads"];

    /// What one of them is called.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Forks => "process",
            Self::Threads => "thread",
        }
    }

    /// What several of them are called.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Forks => "processes",
            Self::Threads => "threads",
        }
    }
}

/// A scheduler that gives every process an equal share of the cores, slice by slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slicing {
    /// The longest that one has a core before the next in line gets it.
    pub slice_ns: u64,
    /// How much longer each slice holds its core, where there are more processes than cores. One
    /// with a core of its own is never switched, and pays nothing.
    pub overhead_ns: u64,
}

const NUMBERS: RangeInclusive<u64> = 1..=1_000_000;
/// After six rounds 64 processes compute at once and 127 factorials are computed in all.
pub(crate) const ROUNDS: RangeInclusive<u64> = 1..=6;
const SLICES_NS: RangeInclusive<u64> = MILLISECOND_NS..=SECOND_NS;
const OVERHEADS_NS: RangeInclusive<u64> = 0..=SECOND_NS;

impl Plan {
    /// Checks what was typed against itself and against the limit of this process.
    ///
    /// # Errors
    ///
    /// Says which flag cannot be, and what it can be.
    pub fn new(wishes: &Wishes, process: &ProcessLimit) -> Result<Self, PlanError> {
        let cores = match wishes.cores.as_deref() {
            Some(given) => flags::cores(given, process)?,
            None => process.cores(),
        };
        Ok(Self {
            number: number("--number", &wishes.number, &NUMBERS)? as u64,
            rounds: rounds(&wishes.rounds)?,
            cores,
            with: with(&wishes.with)?,
            slicing: Slicing::new(&wishes.slice, &wishes.overhead)?,
            is_held_back: u64::from(process.capacity().get()) < 1000 * cores.get() as u64,
        })
    }

    /// How many factorials are computed in all.
    #[must_use]
    pub const fn computations(&self) -> usize {
        (1 << (self.rounds + 1)) - 1
    }
}

impl Slicing {
    pub(crate) fn new(slice: &str, overhead: &str) -> Result<Self, FlagError> {
        Ok(Self {
            slice_ns: time("--slice", slice, &SLICES_NS, "")?,
            overhead_ns: time("--overhead", overhead, &OVERHEADS_NS, "")?,
        })
    }
}

/// How many compute at once in a round.
pub(crate) const fn members(round: u32) -> usize {
    1 << round
}

pub(crate) fn rounds(given: &str) -> Result<u32, FlagError> {
    let rounds = number("--rounds", given, &ROUNDS)?;
    // The range fits.
    Ok(u32::try_from(rounds).unwrap_or(u32::MAX))
}

fn with(given: &str) -> Result<With, PlanError> {
    match given {
        "forks" => Ok(With::Forks),
        "threads" => Ok(With::Threads),
        _ => Err(PlanError::With {
            given: given.to_owned(),
        }),
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}! by the naive product, {} of doubling {} on {}",
            self.number,
            count(self.rounds as usize, "round"),
            self.with.plural(),
            count(self.cores.get(), "core")
        )
    }
}

/// What cannot be planned, by the flag that says it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A number, a time or cores.
    #[error(transparent)]
    Flag(#[from] FlagError),
    /// Neither processes nor threads.
    #[error("--with {given}: the known ones are {}", With::NAMES.join(", "))]
    With {
        /// What was typed.
        given: String,
    },
}

#[cfg(test)]
mod tests {
    use super::{Plan, Wishes};
    use millicore_quota::ProcessLimit;
    use std::num::NonZeroUsize;

    /// A machine with four cores and no limit.
    fn four_cores() -> ProcessLimit {
        ProcessLimit {
            group: None,
            affinity_cores: NonZeroUsize::new(4).unwrap(),
            warnings: Vec::new(),
        }
    }

    /// The default plan with one flag changed is refused with this message; with none, accepted.
    #[track_caller]
    fn check(flag: &str, value: &str, expected: Option<&str>) {
        let value = value.to_owned();
        let mut wishes = Wishes::default();
        match flag {
            "--number" => wishes.number = value,
            "--rounds" => wishes.rounds = value,
            "--cores" => wishes.cores = Some(value),
            "--with" => wishes.with = value,
            "--slice" => wishes.slice = value,
            "--overhead" => wishes.overhead = value,
            _ => panic!("no flag is called {flag}"),
        }
        let refusal = Plan::new(&wishes, &four_cores()).map_err(|error| error.to_string());
        assert_eq!(refusal.err().as_deref(), expected);
    }

    #[test]
    fn numbers_have_a_range() {
        for (flag, most) in [("--number", "1000000"), ("--rounds", "6")] {
            check(flag, "1", None);
            check(flag, most, None);
            for bad in ["0", "1000001", "-1", "1.5", ""] {
                let expected = format!("{flag} {bad}: give a whole number from 1 to {most}");
                check(flag, bad, Some(&expected));
            }
        }
    }

    #[test]
    fn times_have_a_range() {
        check("--slice", "1s", None);
        check("--slice", "999us", Some("--slice 999us: give 1ms to 1s"));
        check("--overhead", "1s", None);
        check("--overhead", "2s", Some("--overhead 2s: give 0s to 1s"));
    }

    #[test]
    fn cores_are_those_of_the_affinity_mask() {
        check("--cores", "4", None);
        for bad in ["0", "5"] {
            let expected = format!(
                "--cores {bad}: give a whole number from 1 to 4, the cores in the affinity mask \
                 of this process"
            );
            check("--cores", bad, Some(&expected));
        }
        let plan = Plan::new(&Wishes::default(), &four_cores()).unwrap();
        assert_eq!((plan.cores.get(), plan.is_held_back), (4, false));
    }

    #[test]
    fn processes_and_threads_double() {
        check("--with", "threads", None);
        let expected = "--with fibers: the known ones are forks, threads";
        check("--with", "fibers", Some(expected));
    }

    #[test]
    fn every_round_doubles() {
        let computations = |rounds: &str| {
            let wishes = Wishes {
                rounds: rounds.to_owned(),
                ..Wishes::default()
            };
            Plan::new(&wishes, &four_cores()).unwrap().computations()
        };
        assert_eq!(["1", "3", "6"].map(computations), [3, 15, 127]);
    }
}
