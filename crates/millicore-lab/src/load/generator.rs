//! The generator watches itself: what it used, and what it had to wait for.

use millicore_workload::spin::thread_cpu_time;
use std::fs;
use std::time::{Duration, Instant};

/// What the thread that made the load did during the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneratorUse {
    /// CPU time it used, in nanoseconds.
    pub cpu_ns: u64,
    /// How long it could have run, but no core was free; nothing where the kernel does not count it.
    pub waited_for_core_ns: Option<u64>,
    /// How long the run took, in nanoseconds.
    pub wall_ns: u64,
}

impl GeneratorUse {
    /// The part of the time in which it was busy, in per cent.
    #[must_use]
    pub fn busy_percent(&self) -> f64 {
        100.0 * self.cpu_ns as f64 / self.wall_ns.max(1) as f64
    }

    /// The part of the time in which it waited for a core, in per cent.
    #[must_use]
    pub fn waiting_percent(&self) -> Option<f64> {
        let waited_ns = self.waited_for_core_ns?;
        Some(100.0 * waited_ns as f64 / self.wall_ns.max(1) as f64)
    }
}

/// What the counters of the calling thread were when the run began.
#[derive(Debug)]
pub(super) struct Watch {
    began: Instant,
    cpu: Duration,
    waited_ns: Option<u64>,
}

impl Watch {
    pub(super) fn begin() -> Self {
        Self {
            began: Instant::now(),
            cpu: thread_cpu_time(),
            waited_ns: waited_for_core_ns(),
        }
    }

    /// The difference until now; call it from the same thread.
    pub(super) fn read(&self) -> GeneratorUse {
        let waited = waited_for_core_ns().zip(self.waited_ns);
        GeneratorUse {
            cpu_ns: whole_ns(thread_cpu_time().saturating_sub(self.cpu)),
            waited_for_core_ns: waited.map(|(now, then)| now.saturating_sub(then)),
            wall_ns: whole_ns(self.began.elapsed()),
        }
    }
}

fn whole_ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Kernel documentation, `scheduler/sched-stats`: time on a core, time waiting for one, turns.
fn waited_for_core_ns() -> Option<u64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}
