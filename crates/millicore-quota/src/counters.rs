//! What the kernel counted in a group: CPU time used, and how often and how long it was throttled.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// What a group has used and missed since it was made, its groups below included.
///
/// A group that is held back by the quota of one above it is not counted as throttled here: only the
/// group whose quota is exhausted is.
///
/// Source: kernel documentation, `scheduler/sched-bwc` (version 1) and `admin-guide/cgroup-v2`. The
/// files have nanoseconds in version 1 and microseconds in version 2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// CPU time used.
    pub cpu: Duration,
    /// Periods in which something wanted to run, while there was a quota.
    pub periods: u64,
    /// Those of them in which the quota was exhausted.
    pub throttled_periods: u64,
    /// For how long, summed over the processors that were throttled.
    pub throttled: Duration,
}

impl Counters {
    /// Reads them from the directories of a group of version 1; `cpu` and `cpuacct` may be one.
    ///
    /// # Errors
    ///
    /// Says which file could not be read.
    pub fn read_v1(cpu: &Path, cpuacct: &Path) -> io::Result<Self> {
        let usage = read(&cpuacct.join("cpuacct.usage"))?;
        let stat = Stat(read(&cpu.join("cpu.stat"))?);
        Ok(Self {
            cpu: Duration::from_nanos(usage.trim_end().parse().unwrap_or(0)),
            throttled: Duration::from_nanos(stat.value("throttled_time")),
            ..stat.periods()
        })
    }

    /// Reads them from the directory of a group of version 2.
    ///
    /// # Errors
    ///
    /// Says which file could not be read.
    pub fn read_v2(directory: &Path) -> io::Result<Self> {
        let stat = Stat(read(&directory.join("cpu.stat"))?);
        Ok(Self {
            cpu: Duration::from_micros(stat.value("usage_usec")),
            throttled: Duration::from_micros(stat.value("throttled_usec")),
            ..stat.periods()
        })
    }

    /// What was counted since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            periods: self.periods.saturating_sub(earlier.periods),
            throttled_periods: self
                .throttled_periods
                .saturating_sub(earlier.throttled_periods),
            throttled: self.throttled.saturating_sub(earlier.throttled),
        }
    }

    /// The part of the periods in which the quota was exhausted, from 0 to 1.
    #[must_use]
    pub fn throttled_ratio(self) -> f64 {
        self.throttled_periods as f64 / self.periods.max(1) as f64
    }

    /// CPU time over the time that passed, in millicores.
    #[must_use]
    pub fn received_m(self, elapsed: Duration) -> f64 {
        1000.0 * self.cpu.as_secs_f64() / elapsed.as_secs_f64().max(1e-9)
    }
}

/// The text of `cpu.stat`: a name and a number a line.
struct Stat(String);

impl Stat {
    /// What is not there has not been counted: a group without the controller has only its CPU time.
    fn value(&self, name: &str) -> u64 {
        let mut fields = self.0.lines().filter_map(|line| line.split_once(' '));
        let found = fields.find(|(field, _)| *field == name);
        found.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
    }

    fn periods(&self) -> Counters {
        Counters {
            periods: self.value("nr_periods"),
            throttled_periods: self.value("nr_throttled"),
            ..Counters::default()
        }
    }
}

fn read(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
