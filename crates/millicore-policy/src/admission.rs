//! Admission: how many may wait, for how long, and when a refused request should come back.

use crate::heap::{Heap, Rank};

/// What a request must accept before any CPU time is spent on it. Nothing is bounded by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// The most requests that may wait for their first chunk.
    pub max_waiting: Option<u32>,
    /// The longest a request may wait for its first chunk, in nanoseconds.
    pub max_wait_ns: Option<u64>,
    /// Whether a request whose deadline passes before its first chunk is refused. Otherwise a
    /// deadline only orders.
    pub refuse_late: bool,
}

/// Why a request is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The policy orders by size and the request has none.
    SizeUnknown,
    /// Too many wait already.
    QueueFull {
        /// How many wait.
        waiting: u32,
        /// How long those will take to start, judged by how fast others did.
        retry_after_ns: u64,
    },
    /// The deadline has passed.
    DeadlinePassed,
    /// No tenant has that id.
    UnknownTenant,
    /// More requests are live than can be numbered.
    TooMany,
}

/// Why a request that waited is given up before its first chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Its deadline has passed.
    DeadlinePassed,
    /// It has waited as long as a request may.
    WaitedTooLong {
        /// How long those who wait now will take to start.
        retry_after_ns: u64,
    },
}

/// Who waits for a first chunk, and how fast they get one.
#[derive(Debug)]
pub(crate) struct Waiting {
    bounds: Admission,
    count: u32,
    expiries: Heap,
    /// When somebody last started, or the queue last began to fill.
    since_ns: u64,
    /// Mean time between starts while somebody waits, in nanoseconds.
    mean_gap_ns: u64,
}

/// The weight of the newest gap in the mean is one in so many.
const GAP_MEMORY: u64 = 8;

impl Waiting {
    pub(crate) const fn new(bounds: Admission) -> Self {
        Self {
            bounds,
            count: 0,
            expiries: Heap::new(),
            since_ns: 0,
            mean_gap_ns: 0,
        }
    }

    pub(crate) const fn bounds(&self) -> &Admission {
        &self.bounds
    }

    pub(crate) const fn count(&self) -> u32 {
        self.count
    }

    /// Refuses before anything is kept.
    pub(crate) fn admit(&self, now_ns: u64, deadline_ns: Option<u64>) -> Result<(), Refusal> {
        if self.bounds.refuse_late && deadline_ns.is_some_and(|deadline_ns| deadline_ns <= now_ns) {
            return Err(Refusal::DeadlinePassed);
        }
        match self.bounds.max_waiting {
            Some(most) if self.count >= most => Err(Refusal::QueueFull {
                waiting: self.count,
                retry_after_ns: self.retry_after_ns(),
            }),
            _ => Ok(()),
        }
    }

    /// The time until those who wait have started, by Little's law.
    pub(crate) fn retry_after_ns(&self) -> u64 {
        self.mean_gap_ns.saturating_mul(self.count.max(1).into())
    }

    pub(crate) fn enter(&mut self, now_ns: u64, slot: u32, deadline_ns: Option<u64>) {
        if self.count == 0 {
            self.since_ns = now_ns;
        }
        self.count += 1;
        let patience_ns = self
            .bounds
            .max_wait_ns
            .map(|wait_ns| now_ns.saturating_add(wait_ns));
        let deadline_ns = deadline_ns.filter(|_| self.bounds.refuse_late);
        if let Some(expiry_ns) = patience_ns.into_iter().chain(deadline_ns).min() {
            self.expiries
                .insert(slot, Rank::plain(expiry_ns.into(), slot.into()));
        }
    }

    /// A request got its first chunk.
    pub(crate) fn start(&mut self, now_ns: u64, slot: u32) {
        let gap_ns = now_ns.saturating_sub(self.since_ns);
        self.since_ns = now_ns;
        self.mean_gap_ns = match self.mean_gap_ns {
            0 => gap_ns,
            mean_ns => mean_ns - mean_ns / GAP_MEMORY + gap_ns / GAP_MEMORY,
        };
        self.leave(slot);
    }

    /// A request is gone without a chunk.
    pub(crate) fn leave(&mut self, slot: u32) {
        self.count -= 1;
        self.expiries.remove(slot);
    }

    /// The next request whose patience or deadline has run out.
    pub(crate) fn expired(&self, now_ns: u64) -> Option<u32> {
        let (slot, rank) = self.expiries.first()?;
        (rank.key <= u128::from(now_ns)).then_some(slot)
    }

    pub(crate) fn next_expiry_ns(&self) -> Option<u64> {
        self.expiries
            .first()
            .map(|(_, rank)| u64::try_from(rank.key).unwrap_or(u64::MAX))
    }
}
