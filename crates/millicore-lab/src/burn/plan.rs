//! The plan: what was asked for, checked, with nothing left open.

use crate::flags::{self, FlagError, number};
use millicore_sim::duration::{MILLISECOND_NS, SECOND_NS};
use std::ops::RangeInclusive;

/// What was typed, by the names of the flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// How many threads, 1 to 1000.
    pub threads: String,
    /// For how long, 1ms to 1h; until it is stopped, if it is not said.
    pub time: Option<String>,
    /// The CPU time of each request, 100us to 600s.
    pub request: Option<String>,
    /// How many requests there are at the start, 1 to 10 000.
    pub at_once: Option<String>,
    /// The period of the quota, at whose renewal the burning begins.
    pub align: Option<String>,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            threads: "1".to_owned(),
            time: None,
            request: None,
            at_once: None,
            align: None,
        }
    }
}

/// What is to be burnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many threads.
    pub threads: usize,
    /// For how long; until it is stopped without.
    pub time_ns: Option<u64>,
    /// The CPU time of each request, if it is cut into requests.
    pub request_ns: Option<u64>,
    /// How many requests there are at the start, which the threads take in order; one after the
    /// other in each thread without.
    pub at_once: Option<usize>,
    /// The period of the quota, at whose renewal the burning begins.
    pub align_ns: Option<u64>,
}

const THREADS: RangeInclusive<u64> = 1..=1000;
const TIMES_NS: RangeInclusive<u64> = MILLISECOND_NS..=3600 * SECOND_NS;
const REQUESTS_NS: RangeInclusive<u64> = MILLISECOND_NS / 10..=600 * SECOND_NS;
const AT_ONCE: RangeInclusive<u64> = 1..=10_000;
const PERIODS_NS: RangeInclusive<u64> = MILLISECOND_NS..=SECOND_NS;

impl Plan {
    /// Checks what was typed.
    ///
    /// # Errors
    ///
    /// Says which flag cannot be, and what it can be.
    pub fn new(wishes: &Wishes) -> Result<Self, PlanError> {
        let time = |flag, given: &Option<String>, range_ns: &RangeInclusive<u64>, of_what| {
            let given = given.as_deref();
            given
                .map(|given| flags::time(flag, given, range_ns, of_what))
                .transpose()
        };
        let at_once = wishes.at_once.as_deref();
        let plan = Self {
            threads: number("--threads", &wishes.threads, &THREADS)?,
            time_ns: time("--for", &wishes.time, &TIMES_NS, "")?,
            request_ns: time("--request", &wishes.request, &REQUESTS_NS, " of CPU time")?,
            at_once: at_once
                .map(|given| number("--at-once", given, &AT_ONCE))
                .transpose()?,
            align_ns: time("--align", &wishes.align, &PERIODS_NS, ", the period")?,
        };
        if plan.at_once.is_some() && plan.request_ns.is_none() {
            return Err(PlanError::AtOnceOfWhat);
        }
        Ok(plan)
    }
}

/// What cannot be planned, by the flag that says it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A number or a time.
    #[error(transparent)]
    Flag(#[from] FlagError),
    /// Requests without a size.
    #[error("--at-once says how many requests there are: --request says how long each computes")]
    AtOnceOfWhat,
}

#[cfg(test)]
mod tests {
    use super::{Plan, Wishes};

    #[track_caller]
    fn check(flag: &str, value: &str, expected: Option<&str>) {
        let value = value.to_owned();
        let mut wishes = Wishes::default();
        match flag {
            "--threads" => wishes.threads = value,
            "--for" => wishes.time = Some(value),
            "--request" => wishes.request = Some(value),
            "--at-once" => wishes.at_once = Some(value),
            "--align" => wishes.align = Some(value),
            _ => panic!("no flag is called {flag}"),
        }
        let refusal = Plan::new(&wishes).map_err(|error| error.to_string());
        assert_eq!(refusal.err().as_deref(), expected);
    }

    #[test]
    fn flags_have_a_range() {
        check("--threads", "8", None);
        let expected = "--threads 0: give a whole number from 1 to 1000";
        check("--threads", "0", Some(expected));
        check("--for", "3s", None);
        check(
            "--for",
            "2h",
            Some(
                "--for 2h: a duration is a number and one of ns, us, ms, s, such as 250us or 1.5s",
            ),
        );
        check("--request", "20ms", None);
        let expected = "--request 1us: give 100us to 600s of CPU time";
        check("--request", "1us", Some(expected));
        check("--align", "100ms", None);
        let expected = "--align 2s: give 1ms to 1s, the period";
        check("--align", "2s", Some(expected));
        let expected =
            "--at-once says how many requests there are: --request says how long each computes";
        check("--at-once", "10", Some(expected));
    }
}
