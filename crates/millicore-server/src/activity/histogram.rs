//! How long requests took, in fixed buckets.

use super::{Latency, add, get};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// The upper bounds of the buckets, inclusive: the usual ones of Prometheus, with finer ones for
/// health checks and coarser ones for long computations.
pub(super) const BOUNDS: [Duration; 15] = [
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_millis(1_000),
    Duration::from_millis(2_500),
    Duration::from_millis(5_000),
    Duration::from_millis(10_000),
    Duration::from_millis(30_000),
    Duration::from_millis(60_000),
];

/// Requests by how long they took.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Histogram {
    /// One for each bound, and one for what took longer than all.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_ns: AtomicU64,
}

impl Histogram {
    pub(super) fn record(&self, elapsed_ns: u64) {
        let elapsed = Duration::from_nanos(elapsed_ns);
        let bucket = BOUNDS.partition_point(|bound| *bound < elapsed);
        add(&self.buckets[bucket], 1);
        add(&self.sum_ns, elapsed_ns);
    }

    pub(super) fn snapshot(&self) -> Latency {
        let mut count = 0;
        let mut at_most = Vec::with_capacity(BOUNDS.len());
        for (bucket, bound) in self.buckets.iter().zip(BOUNDS) {
            count += get(bucket);
            at_most.push((bound, count));
        }
        Latency {
            at_most,
            count: count + self.buckets.last().map_or(0, get),
            sum: Duration::from_nanos(get(&self.sum_ns)),
        }
    }
}
