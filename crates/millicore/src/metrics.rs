//! What the executor has counted, as a copy.

use std::time::Duration;

/// Everything the executor counts, at one moment. Counters count from its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Requests submitted, refused ones included.
    pub submitted: u64,
    /// Requests that returned a result.
    pub completed: u64,
    /// Requests cancelled by their callers or by a shutdown.
    pub cancelled: u64,
    /// Requests that panicked.
    pub panicked: u64,
    /// Requests refused at submission.
    pub refused: u64,
    /// Requests that waited too long, or past their deadline, for a first chunk.
    pub expired: u64,
    /// Requests live now: submitted and not ended.
    pub live: usize,
    /// Live requests that have not had a chunk.
    pub waiting: u32,
    /// Slices ended early because another request should go first.
    pub recalls: u64,
    /// CPU time that ended requests used.
    pub cpu_time: Duration,
    /// Time that ended requests waited for their first chunk, added up.
    pub waited: Duration,
    /// Every core.
    pub cores: Vec<CoreMetrics>,
}

/// What one core has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CoreMetrics {
    /// CPU time spent on requests.
    pub busy: Duration,
    /// Slices worked.
    pub slices: u64,
}
