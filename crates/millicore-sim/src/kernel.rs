//! The kernel below the simulated cores: the processors that their threads share, and the CFS
//! bandwidth controller that throttles them.
//!
//! Without a kernel a simulated core is a processor of its own, and a limit is kept by the policy.
//! With one, cores are threads of one group: they take turns on the processors, the group has a
//! quota of CPU time in every period, and who has used it up stands still, in the middle of a chunk
//! too. The policy knows nothing of it.
//!
//! What is modelled, as in `kernel/sched/fair.c` of Linux:
//!
//! - A group has a pool, which a period fills up to the quota (and what was left, up to the burst).
//!   A processor takes from it in slices of 5 ms, and gives back all but 1 ms when none of the
//!   group's threads wants it any more.
//! - CPU time is accounted at ticks, when a thread's chunk ends, and when it leaves its processor: so
//!   a group can overrun its quota by a tick on each processor, and repays that before it runs again.
//!   At the end of a chunk because the executor reads the thread's CPU clock there, which makes the
//!   kernel look too. For a program that does not, let a chunk be a whole request.
//! - Threads of a processor take turns from tick to tick, the one that has run least first. A
//!   processor without threads takes one over.
//!
//! [`crowd()`] asks the other way round: many groups of threads that never sleep on the same
//! processors, each with a quota, and what each receives.
//!
//! Sources: kernel documentation, `scheduler/sched-bwc`; Turner, Rao and Rao, "CPU bandwidth control
//! for CFS", Linux Symposium 2010.
//!
//! ```
//! use millicore_sim::kernel::Kernel;
//! use millicore_sim::{Policy, Setup, Workload, simulate};
//!
//! const MS: u64 = 1_000_000;
//! // Half a core: 50 ms in every period of 100 ms.
//! let kernel = Kernel::new(1).with_quota(50 * MS, 100 * MS);
//! let setup = Setup { kernel: Some(kernel), ..Setup::new(Policy::fifo(), 1) };
//! let schedule = simulate(&Workload::batch(&[120 * MS]), &setup)?;
//! assert_eq!(schedule.makespan_ns(), Some(220 * MS));
//! # Ok::<(), millicore_sim::SimulateError>(())
//! ```

mod controller;
mod crowd;
mod processors;

pub use crowd::{Crowd, LONGEST_WINDOW_NS, MOST_THREADS, Received, crowd};
pub(crate) use processors::Processors;

use crate::duration::MILLISECOND_NS;

/// The processors, their ticks, and the quota of the group of threads that share them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// How many processors the threads share, at least 1.
    pub processors: usize,
    /// What the threads may use together, if there is a bound.
    pub bandwidth: Option<Bandwidth>,
    /// How often a processor accounts for what runs on it and lets another thread run, in
    /// nanoseconds, at least 1. The first tick is at this time.
    pub tick_ns: u64,
}

/// A quota as the kernel keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bandwidth {
    /// CPU time a period, in nanoseconds.
    pub quota_ns: u64,
    /// Length of a period in nanoseconds.
    pub period_ns: u64,
    /// The most CPU time that unused periods add to one, in nanoseconds.
    pub burst_ns: u64,
    /// How long ago the period has begun at time 0, in nanoseconds.
    pub phase_ns: u64,
    /// The most that a processor takes out of the pool at a time, in nanoseconds.
    pub slice_ns: u64,
}

impl Kernel {
    /// So many processors without a quota, with a tick of 4 ms.
    #[must_use]
    pub const fn new(processors: usize) -> Self {
        Self {
            processors,
            bandwidth: None,
            tick_ns: 4 * MILLISECOND_NS,
        }
    }

    /// The same with this quota a period, which begins at time 0.
    #[must_use]
    pub const fn with_quota(self, quota_ns: u64, period_ns: u64) -> Self {
        let bandwidth = Some(Bandwidth {
            quota_ns,
            period_ns,
            burst_ns: 0,
            phase_ns: 0,
            slice_ns: 5 * MILLISECOND_NS,
        });
        Self { bandwidth, ..self }
    }

    /// Whether a kernel would take it.
    ///
    /// # Errors
    ///
    /// Says what it would not, and what it would.
    pub fn check(&self) -> Result<(), KernelError> {
        if !(1..=MOST_PROCESSORS).contains(&self.processors) {
            let processors = self.processors;
            return Err(KernelError::Processors { processors });
        }
        if self.tick_ns == 0 {
            return Err(KernelError::NoTick);
        }
        self.bandwidth.map_or(Ok(()), Bandwidth::check)
    }
}

impl Bandwidth {
    fn check(self) -> Result<(), KernelError> {
        let Self {
            quota_ns,
            period_ns,
            burst_ns,
            phase_ns,
            slice_ns,
        } = self;
        if !(MILLISECOND_NS..=1000 * MILLISECOND_NS).contains(&period_ns) {
            return Err(KernelError::Period { period_ns });
        }
        if quota_ns < MILLISECOND_NS {
            return Err(KernelError::Quota {
                quota_ns,
                period_ns,
            });
        }
        if burst_ns > quota_ns {
            return Err(KernelError::Burst { burst_ns, quota_ns });
        }
        if phase_ns >= period_ns {
            return Err(KernelError::Phase {
                phase_ns,
                period_ns,
            });
        }
        if slice_ns == 0 {
            return Err(KernelError::NoSlice);
        }
        Ok(())
    }
}

/// The most processors that threads share.
pub const MOST_PROCESSORS: usize = 8192;

/// What the kernel has counted of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Periods in which the group wanted to run.
    pub periods: u64,
    /// Periods at whose end it stood still somewhere.
    pub throttled_periods: u64,
    /// For how long it stood still, in nanoseconds, added up over the processors.
    pub throttled_ns: u64,
    /// The CPU time of its threads, in nanoseconds.
    pub cpu_ns: u64,
    /// The longest that one of its threads had work and did not run, in nanoseconds.
    pub longest_stall_ns: u64,
}

/// What a kernel would not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// No processors, or more than there can be.
    #[error("{processors} processors: threads share 1 to {MOST_PROCESSORS}")]
    Processors {
        /// How many were asked for.
        processors: usize,
    },
    /// No threads, or more than a crowd has.
    #[error("{threads} threads in all groups: a crowd has 1 to {MOST_THREADS}")]
    Threads {
        /// How many were asked for.
        threads: usize,
    },
    /// Nothing to look at.
    #[error("a window is at least 1 ns")]
    NoWindow,
    /// A window, or what comes before it, that is too long.
    #[error(
        "a window or a warm-up of {}: a crowd is looked at for up to 3600s, after up to 3600s",
        crate::duration::Display(*.window_ns)
    )]
    Window {
        /// The length given.
        window_ns: u64,
    },
    /// Ticks without time between them.
    #[error("a tick is at least 1 ns")]
    NoTick,
    /// A period out of range.
    #[error(
        "a period of {}: the kernel takes 1ms to 1s", crate::duration::Display(*.period_ns)
    )]
    Period {
        /// The period.
        period_ns: u64,
    },
    /// A quota out of range.
    #[error(
        "a quota of {} a period: the kernel takes 1ms at least; for the same limit make the period \
         of {} longer, up to 1s", crate::duration::Display(*.quota_ns),
        crate::duration::Display(*.period_ns)
    )]
    Quota {
        /// The quota.
        quota_ns: u64,
        /// Its period.
        period_ns: u64,
    },
    /// More burst than quota.
    #[error(
        "a burst of {}: the kernel takes no more than the quota of {}",
        crate::duration::Display(*.burst_ns), crate::duration::Display(*.quota_ns)
    )]
    Burst {
        /// The burst.
        burst_ns: u64,
        /// The quota.
        quota_ns: u64,
    },
    /// A phase that is no part of a period.
    #[error(
        "a phase of {}: it is shorter than the period of {}",
        crate::duration::Display(*.phase_ns), crate::duration::Display(*.period_ns)
    )]
    Phase {
        /// The phase.
        phase_ns: u64,
        /// The period.
        period_ns: u64,
    },
    /// Slices of nothing.
    #[error("a slice of the quota is at least 1 ns")]
    NoSlice,
}

#[cfg(test)]
mod tests;
