//! What an order may look at: the account of one request's work.

use crate::virtual_time::VirtualTime;

/// The size of a request: the CPU time it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Known to the nanosecond: no chunk starts past it and the request ends with it.
    Exact(u64),
    /// A guess in nanoseconds, that orders and bounds nothing.
    Estimate(u64),
    /// Nothing is known; policies that need a size refuse it.
    Unknown,
}

/// The last instant of the clock stands for no deadline.
pub(crate) const NO_DEADLINE: u64 = u64::MAX;

/// The account of one request that orders compare by.
#[derive(Clone, Debug)]
pub struct Work {
    pub(crate) size: Size,
    pub(crate) dispatched_ns: u64,
    pub(crate) virtual_time: VirtualTime,
    /// [`NO_DEADLINE`] where there is none: half the memory of an option.
    pub(crate) deadline_ns: u64,
    pub(crate) weight: u32,
    /// The request's share of the machine in units of 2^-32, where ranks decide it.
    pub(crate) rank_share: u64,
}

impl Work {
    /// CPU time charged so far, in nanoseconds: at the start of each slice as planned, at its end
    /// as measured.
    #[must_use]
    pub const fn dispatched_ns(&self) -> u64 {
        self.dispatched_ns
    }

    /// The size in nanoseconds. Work that has outgrown its estimate is as large as what it has
    /// had, and an unknown size is taken for that too.
    #[must_use]
    pub fn size_ns(&self) -> u64 {
        match self.size {
            Size::Exact(size_ns) | Size::Estimate(size_ns) => size_ns.max(self.dispatched_ns),
            Size::Unknown => self.dispatched_ns,
        }
    }

    /// What remains to be dispatched, in nanoseconds. Once the work dispatched reaches an
    /// estimate, remaining is as much as was dispatched, so that an underestimate loses its rank.
    #[must_use]
    pub const fn remaining_ns(&self) -> u64 {
        match self.size {
            Size::Exact(size_ns) => size_ns.saturating_sub(self.dispatched_ns),
            Size::Estimate(size_ns) if self.dispatched_ns < size_ns => size_ns - self.dispatched_ns,
            Size::Estimate(_) | Size::Unknown => self.dispatched_ns,
        }
    }

    /// Where the request stands in virtual time.
    #[must_use]
    pub const fn virtual_time(&self) -> VirtualTime {
        self.virtual_time
    }

    /// When the request should be done, in nanoseconds on the driver's clock.
    #[must_use]
    pub const fn deadline_ns(&self) -> Option<u64> {
        if self.deadline_ns == NO_DEADLINE {
            None
        } else {
            Some(self.deadline_ns)
        }
    }
}
