//! What was typed after a flag, read and held to what it can be.

use crate::place::UnknownPlace;
use millicore_quota::{MillicoresError, ProcessLimit};
use millicore_sim::duration::{Display as Length, DurationError, parse_duration};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;

/// A whole number.
pub(crate) fn number(
    flag: &'static str,
    given: &str,
    range: &RangeInclusive<u64>,
) -> Result<usize, FlagError> {
    let number: Option<u64> = given.parse().ok().filter(|number| range.contains(number));
    let number = number.and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| FlagError::Number {
        flag,
        given: given.to_owned(),
        range: range.clone(),
    })
}

/// A time in nanoseconds; `of_what` ends the sentence that refuses it.
pub(crate) fn time(
    flag: &'static str,
    given: &str,
    range_ns: &RangeInclusive<u64>,
    of_what: &'static str,
) -> Result<u64, FlagError> {
    let given = given.to_owned();
    match parse_duration(&given) {
        Ok(time_ns) if range_ns.contains(&time_ns) => Ok(time_ns),
        Ok(_) => Err(FlagError::TimeRange {
            flag,
            given,
            range_ns: range_ns.clone(),
            of_what,
        }),
        Err(source) => Err(FlagError::Time {
            flag,
            given,
            source,
        }),
    }
}

/// A number of cores that this process has.
pub(crate) fn cores(given: &str, process: &ProcessLimit) -> Result<NonZeroUsize, FlagError> {
    let most = process.affinity_cores.get();
    let cores = given
        .parse()
        .ok()
        .filter(|cores| (1..=most).contains(cores));
    cores
        .and_then(NonZeroUsize::new)
        .ok_or_else(|| FlagError::Cores {
            given: given.to_owned(),
            most,
        })
}

/// What a flag cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlagError {
    /// Not a number, or out of range.
    #[error("{flag} {given}: give a whole number from {} to {}", range.start(), range.end())]
    Number {
        /// The flag.
        flag: &'static str,
        /// What was typed.
        given: String,
        /// What it can be.
        range: RangeInclusive<u64>,
    },
    /// Not a duration.
    #[error("{flag} {given}: {source}")]
    Time {
        /// The flag.
        flag: &'static str,
        /// What was typed.
        given: String,
        /// What is wrong with it.
        source: DurationError,
    },
    /// A duration that is too short or too long.
    #[error(
        "{flag} {given}: give {} to {}{of_what}",
        Length(*range_ns.start()),
        Length(*range_ns.end())
    )]
    TimeRange {
        /// The flag.
        flag: &'static str,
        /// What was typed.
        given: String,
        /// What it can be, in nanoseconds.
        range_ns: RangeInclusive<u64>,
        /// What it is a time of.
        of_what: &'static str,
    },
    /// More cores than this process may run on, or not a number of them.
    #[error(
        "--cores {given}: give a whole number from 1 to {most}, the cores in the affinity mask \
         of this process"
    )]
    Cores {
        /// What was typed.
        given: String,
        /// How many cores are in the affinity mask.
        most: usize,
    },
    /// No such place.
    #[error("--in {given}: {source}")]
    Place {
        /// What was typed.
        given: String,
        /// Which there are.
        source: UnknownPlace,
    },
    /// Not an amount of CPU.
    #[error("--cpu {given}: {source}")]
    Cpu {
        /// What was typed.
        given: String,
        /// What is wrong with it.
        source: MillicoresError,
    },
}
