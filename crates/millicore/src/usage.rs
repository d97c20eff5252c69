//! What a request has used: CPU time, slices, cores, and when it started and ended.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// The account of a request at run time. Written under the executor's lock, read at any time.
#[derive(Debug)]
pub(crate) struct Usage {
    arrived_ns: u64,
    started_ns: AtomicU64,
    ended_ns: AtomicU64,
    cpu_ns: AtomicU64,
    slices: AtomicU32,
    cores: AtomicU32,
    most_cores: AtomicU32,
}

const NOT_YET: u64 = u64::MAX;

impl Usage {
    pub(crate) const fn new(arrived_ns: u64) -> Self {
        Self {
            arrived_ns,
            started_ns: AtomicU64::new(NOT_YET),
            ended_ns: AtomicU64::new(NOT_YET),
            cpu_ns: AtomicU64::new(0),
            slices: AtomicU32::new(0),
            cores: AtomicU32::new(0),
            most_cores: AtomicU32::new(0),
        }
    }

    pub(crate) fn on_slice_start(&self, now_ns: u64) {
        if self.started_ns.load(Ordering::Relaxed) == NOT_YET {
            self.started_ns.store(now_ns, Ordering::Relaxed);
        }
        self.slices.fetch_add(1, Ordering::Relaxed);
        let cores = self.cores.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_cores.fetch_max(cores, Ordering::Relaxed);
    }

    pub(crate) fn on_slice_end(&self, cpu_ns: u64) {
        self.cores.fetch_sub(1, Ordering::Relaxed);
        self.cpu_ns.fetch_add(cpu_ns, Ordering::Relaxed);
    }

    pub(crate) fn on_end(&self, now_ns: u64) {
        self.ended_ns.store(now_ns, Ordering::Relaxed);
    }

    /// Whether the request has ended, though cores may still be at its last chunks.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended_ns.load(Ordering::Relaxed) != NOT_YET
    }

    /// How many cores are at work on it.
    pub(crate) fn cores(&self) -> u32 {
        self.cores.load(Ordering::Relaxed)
    }

    pub(crate) fn cpu_ns(&self) -> u64 {
        self.cpu_ns.load(Ordering::Relaxed)
    }

    /// A copy for the caller, as of `now_ns`.
    pub(crate) fn snapshot(&self, now_ns: u64, loops: (u64, u64)) -> Progress {
        let until = |time: &AtomicU64| match time.load(Ordering::Relaxed) {
            NOT_YET => now_ns,
            time_ns => time_ns,
        };
        let since_arrival =
            |time_ns: u64| Duration::from_nanos(time_ns.saturating_sub(self.arrived_ns));
        Progress {
            waited: since_arrival(until(&self.started_ns).min(until(&self.ended_ns))),
            age: since_arrival(until(&self.ended_ns)),
            cpu_time: Duration::from_nanos(self.cpu_ns()),
            slices: self.slices.load(Ordering::Relaxed),
            cores: self.cores.load(Ordering::Relaxed),
            most_cores: self.most_cores.load(Ordering::Relaxed),
            loop_indexes: loops.0,
            loop_indexes_claimed: loops.1,
        }
    }
}

/// How far a request is, and what it has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// From its arrival to its first slice, or to now if it waits still.
    pub waited: Duration,
    /// From its arrival to its end, or to now: once it has ended, the response time.
    pub age: Duration,
    /// CPU time by the clocks of the threads that worked on it, up to the last slice that ended.
    pub cpu_time: Duration,
    /// Slices started.
    pub slices: u32,
    /// Cores at work on it now.
    pub cores: u32,
    /// The most cores that worked on it at once.
    pub most_cores: u32,
    /// Indexes of the parallel loops that are open now.
    pub loop_indexes: u64,
    /// How many of them have been claimed by a core.
    pub loop_indexes_claimed: u64,
}
