//! Reading and writing the limits of a group, in an order that never fails half-way.

use crate::bandwidth::Bandwidth;
use crate::files::{read, write};
use crate::membership::Version;
use std::io;
use std::path::Path;

/// The numbers of the CFS bandwidth controller, as a group's files have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    /// No bound without.
    quota_us: Option<u64>,
    period_us: u64,
    burst_us: u64,
}

/// One write to one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Quota(Option<u64>),
    Period(u64),
    /// Both at once, where the kernel has one file for them.
    Max(Option<u64>, u64),
    Burst(u64),
}

impl State {
    pub(crate) fn of(bandwidth: Option<Bandwidth>) -> Self {
        let micros =
            |duration: std::time::Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let period = bandwidth.map_or(Bandwidth::USUAL_PERIOD, Bandwidth::period);
        Self {
            quota_us: bandwidth.map(|it| micros(it.quota())),
            period_us: micros(period),
            burst_us: bandwidth.map_or(0, |it| micros(it.burst())),
        }
    }

    pub(crate) fn bandwidth(self) -> Option<Bandwidth> {
        let quota_us = self.quota_us?;
        Some(Bandwidth::from_kernel(
            quota_us,
            self.period_us,
            self.burst_us,
        ))
    }

    pub(crate) fn read(version: Version, directory: &Path) -> io::Result<Self> {
        let (quota, period) = match version {
            Version::V1 => {
                let period = read(directory, "cpu.cfs_period_us")?;
                (read(directory, "cpu.cfs_quota_us")?, period)
            }
            Version::V2 => {
                let text = read(directory, "cpu.max")?;
                let (quota, period) = text.split_once(' ').unwrap_or((&text, ""));
                (quota.to_owned(), period.to_owned())
            }
        };
        // A kernel before 5.14 has no bursts.
        let burst_us = match read(directory, burst_file(version)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            text => number(&text?)?,
        };
        let quota_us = match quota.as_str() {
            "-1" | "max" => None,
            quota => Some(number(quota)?),
        };
        Ok(Self {
            quota_us,
            period_us: number(&period)?,
            burst_us,
        })
    }

    /// Sets the limits of a group, from whatever they are now; a failure leaves them as they were.
    pub(crate) fn write(self, version: Version, directory: &Path) -> io::Result<()> {
        let before = Self::read(version, directory)?;
        let plans = [
            before.steps_to(self, version),
            before.steps_through_no_limit(self, version),
        ];
        let mut outcome = Ok(());
        for plan in plans {
            outcome = perform(&plan, version, directory);
            if outcome.is_ok() {
                return Ok(());
            }
            // From the middle of a plan every bound may be in the way; without one none is.
            let middle = Self::read(version, directory)?;
            let back = middle.steps_through_no_limit(before, version);
            perform(&back, version, directory)?;
        }
        outcome
    }

    /// The burst never exceeds the quota, and the ratio of quota to period never exceeds the larger
    /// of the old and the new, so that a bound of the group above that admits both admits the way.
    fn steps_to(self, to: Self, version: Version) -> Vec<Step> {
        let mut steps = vec![Step::Burst(self.burst_us.min(to.burst_us))];
        let (quota, period) = (Step::Quota(to.quota_us), Step::Period(to.period_us));
        steps.extend(match version {
            Version::V2 => vec![Step::Max(to.quota_us, to.period_us)],
            // With a longer period in which the same quota is less, or with none so far.
            Version::V1 if to.period_us > self.period_us || self.quota_us.is_none() => {
                vec![period, quota]
            }
            Version::V1 => vec![quota, period],
        });
        steps.push(Step::Burst(to.burst_us));
        self.without_idle_steps(steps)
    }

    /// In version 1 a group below can be in the way of the smaller ratio that stands in between. A
    /// group without a limit is bounded by those above it alone, and admits any below it.
    fn steps_through_no_limit(self, to: Self, version: Version) -> Vec<Step> {
        let mut steps = vec![Step::Burst(0)];
        steps.extend(match version {
            Version::V1 => vec![
                Step::Quota(None),
                Step::Period(to.period_us),
                Step::Quota(to.quota_us),
            ],
            Version::V2 => vec![Step::Max(to.quota_us, to.period_us)],
        });
        steps.push(Step::Burst(to.burst_us));
        self.without_idle_steps(steps)
    }

    /// Bursts are left alone where there is none before and after: the kernel may not have the file.
    fn without_idle_steps(self, steps: Vec<Step>) -> Vec<Step> {
        let mut burst_us = self.burst_us;
        let changes = |step: &Step| match *step {
            Step::Burst(to_us) => std::mem::replace(&mut burst_us, to_us) != to_us,
            _ => true,
        };
        steps.into_iter().filter(changes).collect()
    }
}

fn perform(steps: &[Step], version: Version, directory: &Path) -> io::Result<()> {
    let quota_text = |quota_us: Option<u64>, none: &str| {
        quota_us.map_or_else(|| none.to_owned(), |quota_us| quota_us.to_string())
    };
    for step in steps {
        let (file, text) = match *step {
            Step::Quota(quota_us) => ("cpu.cfs_quota_us", quota_text(quota_us, "-1")),
            Step::Period(period_us) => ("cpu.cfs_period_us", period_us.to_string()),
            Step::Max(quota_us, period_us) => {
                let quota = quota_text(quota_us, "max");
                ("cpu.max", format!("{quota} {period_us}"))
            }
            Step::Burst(burst_us) => (burst_file(version), burst_us.to_string()),
        };
        write(directory, file, &text)?;
    }
    Ok(())
}

pub(crate) fn burst_file(version: Version) -> &'static str {
    match version {
        Version::V1 => "cpu.cfs_burst_us",
        Version::V2 => "cpu.max.burst",
    }
}

/// The share beside neighbours, 100 unless it was set.
pub(crate) fn read_weight(version: Version, directory: &Path) -> io::Result<u32> {
    let weight = match version {
        Version::V1 => (number(&read(directory, "cpu.shares")?)? * 100 + 512) / 1024,
        Version::V2 => number(&read(directory, "cpu.weight")?)?,
    };
    Ok(u32::try_from(weight.max(1)).unwrap_or(u32::MAX))
}

/// In version 1 the usual share is 1024 and the smallest 2.
pub(crate) fn write_weight(version: Version, directory: &Path, weight: u32) -> io::Result<()> {
    match version {
        Version::V1 => {
            let shares = (u64::from(weight) * 1024 + 50) / 100;
            write(directory, "cpu.shares", &shares.to_string())
        }
        Version::V2 => write(directory, "cpu.weight", &weight.to_string()),
    }
}

fn number(text: &str) -> io::Result<u64> {
    text.parse()
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("{text:?} is no number")))
}

#[cfg(test)]
mod tests;
