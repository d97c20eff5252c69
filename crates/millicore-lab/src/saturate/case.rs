//! A case: so many groups with one limit, perhaps inside of another.

use millicore_quota::{Bandwidth, Millicores};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// So many groups with something in each, and a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// How many groups.
    pub count: usize,
    /// What runs in each.
    pub workload: Workload,
    /// The limit of each.
    pub limit: Millicores,
    /// The limit of a group around all of them, if there is one.
    pub parent: Option<Millicores>,
    /// How many threads burn in each, or how many clients each server has.
    pub threads: usize,
    /// For how long all are measured, in nanoseconds.
    pub window_ns: u64,
    /// The CPU time of a request, in nanoseconds.
    pub request_ns: u64,
}

/// What runs in a group, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Workload {
    /// A burner.
    Spin,
    /// A server, with clients that always ask.
    Serve,
}

impl FromStr for Workload {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "spin" => Ok(Self::Spin),
            "serve" => Ok(Self::Serve),
            _ => Err(()),
        }
    }
}

const SECOND_NS: u64 = 1_000_000_000;
/// How many periods are measured at the least: the last is cut off anywhere.
const PERIODS: u32 = 25;
/// Below this limit the kernel's tick, by which it enforces limits, is not small beside a quota.
const COARSE_M: u32 = 100;

impl Case {
    /// With what was not said: as many threads as the limit is of use to, at least 25 periods, and
    /// a request that is done a few times meanwhile.
    pub(super) fn new(count: usize, limit: Millicores, parent: Option<Millicores>) -> Self {
        let period = Bandwidth::of(limit).period();
        let at_least_s = if limit.get() < COARSE_M { 10 } else { 5 };
        let window = (period * PERIODS).max(Duration::from_secs(at_least_s));
        let request_ms = if period > Bandwidth::USUAL_PERIOD {
            1
        } else {
            20
        };
        Self {
            count,
            workload: Workload::Spin,
            limit,
            parent,
            threads: limit.cores_rounded_up().get(),
            window_ns: u64::try_from(window.as_nanos()).unwrap_or(SECOND_NS),
            request_ns: request_ms * 1_000_000,
        }
    }

    /// What all groups together can get at the most, of a machine with this capacity.
    #[must_use]
    pub fn capacity_m(&self, machine_m: f64) -> f64 {
        let parent_m = self.parent.map_or(f64::INFINITY, |it| f64::from(it.get()));
        machine_m.min(parent_m)
    }

    /// Limits that the groups have, in millicores.
    pub(super) fn limits_m(&self) -> Vec<f64> {
        vec![f64::from(self.limit.get()); self.count]
    }
}

/// `40 x 100m`, `4 x 500m in 1000m`.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("{} x {}m", self.count, self.limit.get());
        if let Some(parent) = self.parent {
            text += &format!(" in {}m", parent.get());
        }
        f.pad(&text)
    }
}
