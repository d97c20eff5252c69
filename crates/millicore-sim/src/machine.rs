//! The machine: runs a workload under a policy on simulated cores, to the nanosecond.
//!
//! Time jumps from event to event. At one instant chunks end by core index, then requests are
//! cancelled, then requests arrive by id, then idle cores pick by ascending index; limits
//! replenish inside the scheduler. An event costs O(log cores + log requests), however many cores
//! are idle.

mod chunk_ends;
mod completions;
mod core_set;
mod idle_cores;
mod line_up;

use crate::kernel::Counters;
use crate::setup::{Setup, SetupError};
use crate::workload::{Workload, WorkloadError};
use chunk_ends::ChunkEnds;
use idle_cores::IdleCores;
use line_up::LineUp;
use millicore_policy::scheduler::{AfterSlice, Arrival, Decision, Scheduler};
use millicore_policy::work::Size;
use millicore_policy::{TenantId, Width};
use std::num::NonZeroU64;

/// Runs a workload to its end.
///
/// # Errors
///
/// Says what is wrong with the setup or the workload, or that the clock of 64 bits runs over.
pub fn simulate(workload: &Workload, setup: &Setup) -> Result<Schedule, SimulateError> {
    simulate_observed(workload, setup, |_| ())
}

/// Runs a workload to its end and tells of every chunk as it starts, in the order of starts.
///
/// # Errors
///
/// As [`simulate`].
pub fn simulate_observed(
    workload: &Workload,
    setup: &Setup,
    observe: impl FnMut(Dispatch),
) -> Result<Schedule, SimulateError> {
    setup.check()?;
    workload.check()?;
    Machine::new(workload, setup, observe)?.run()
}

/// What became of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// In the order of the workload. Nothing completes at 0, because a size is at least 1.
    completions_ns: Vec<Option<NonZeroU64>>,
    makespan_ns: Option<NonZeroU64>,
    chunks: u64,
    kernel: Option<Counters>,
}

impl Schedule {
    /// When the request at this index of the workload completed, in nanoseconds; nothing if it was
    /// cancelled.
    #[must_use]
    pub fn completion_ns(&self, index: usize) -> Option<u64> {
        self.completions_ns
            .get(index)
            .copied()
            .flatten()
            .map(NonZeroU64::get)
    }

    /// When each request completed, in the order of the workload.
    pub fn completions_ns(&self) -> impl ExactSizeIterator<Item = Option<u64>> {
        self.completions_ns
            .iter()
            .map(|completion| completion.map(NonZeroU64::get))
    }

    /// The last completion, on the clock that starts at 0; nothing if there was none.
    #[must_use]
    pub fn makespan_ns(&self) -> Option<u64> {
        self.makespan_ns.map(NonZeroU64::get)
    }

    /// How many chunks ran.
    #[must_use]
    pub const fn chunks(&self) -> u64 {
        self.chunks
    }

    /// What the kernel below the cores has counted, if there is one.
    #[must_use]
    pub const fn kernel(&self) -> Option<Counters> {
        self.kernel
    }
}

/// A chunk starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// When, in nanoseconds.
    pub now_ns: u64,
    /// On which core, counted from 0.
    pub core: usize,
    /// The id of its request.
    pub id: u64,
    /// Where its request stands in the workload.
    pub index: usize,
    /// The CPU time it is charged, in nanoseconds; it holds its core for the overhead longer.
    pub cost_ns: u64,
}

/// Why a workload cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SimulateError {
    /// The setup makes no sense.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The workload makes no sense.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    /// The schedule does not fit the clock.
    #[error(
        "request {id} would end after {} ns, the last instant of the clock (584 years): \
         make sizes or arrivals smaller, or limits wider",
        u64::MAX
    )]
    ClockOverflow {
        /// The id of a request that cannot end in time.
        id: u64,
    },
}

struct Machine<'a, F> {
    workload: &'a Workload,
    overhead_ns: u64,
    keeps_cores: bool,
    scheduler: Scheduler,
    /// The scheduler's name for each of the workload's tenants.
    tenants: Vec<TenantId>,
    line_up: LineUp,
    chunk_ends: ChunkEnds,
    /// What each core works on, or worked on last.
    chunks: Vec<Chunk>,
    idle: IdleCores,
    schedule: Schedule,
    observe: F,
}

#[derive(Clone, Copy, Debug)]
struct Chunk {
    cost_ns: u64,
    request: u32,
}

impl<'a, F: FnMut(Dispatch)> Machine<'a, F> {
    fn new(workload: &'a Workload, setup: &Setup, observe: F) -> Result<Self, SimulateError> {
        let mut scheduler = Scheduler::new(&setup.scheduler_config());
        // Room for all at once spares the copies of growing; memory that stays unused is never
        // touched.
        scheduler.reserve(workload.requests.len());
        let tenants = setup.add_tenants(&workload.tenants, &mut scheduler)?;
        let keeps_cores = setup.policy.width() == Width::Kept;
        let kept_lines = if keeps_cores { tenants.len() } else { 0 };
        let idle_chunk = Chunk {
            cost_ns: 0,
            request: u32::MAX,
        };
        Ok(Self {
            workload,
            overhead_ns: setup.overhead_ns,
            keeps_cores,
            scheduler,
            tenants,
            line_up: LineUp::new(workload, keeps_cores),
            chunk_ends: ChunkEnds::new(setup.kernel.as_ref(), setup.cores),
            chunks: vec![idle_chunk; setup.cores],
            idle: IdleCores::new(setup.cores, kept_lines),
            schedule: Schedule {
                completions_ns: vec![None; workload.requests.len()],
                makespan_ns: None,
                chunks: 0,
                kernel: None,
            },
            observe,
        })
    }

    fn run(mut self) -> Result<Schedule, SimulateError> {
        while let Some(now_ns) = self.next_event_ns() {
            if now_ns == u64::MAX && self.chunk_ends.are_told() {
                return Err(self.never_ends());
            }
            while let Some(core) = self.chunk_ends.pop_at(now_ns) {
                self.end_chunk(now_ns, core);
            }
            while let Some(request) = self.line_up.next_cancellation(now_ns) {
                self.cancel(now_ns, request);
            }
            while let Some(request) = self.line_up.next_arrival(self.workload, now_ns) {
                self.arrive(now_ns, request);
            }
            self.pick(now_ns)?;
        }
        debug_assert_eq!(
            self.scheduler.live(),
            0,
            "requests wait and nothing happens"
        );
        self.schedule.kernel = self.chunk_ends.counters();
        Ok(self.schedule)
    }

    fn next_event_ns(&mut self) -> Option<u64> {
        let others = [self.line_up.next_ns(self.workload), self.idle.wakes_at_ns()];
        let others_ns = others.into_iter().flatten().min();
        let ends_ns = self.chunk_ends.next_ns(others_ns);
        ends_ns.into_iter().chain(others_ns).min()
    }

    fn end_chunk(&mut self, now_ns: u64, core: usize) {
        let Chunk { cost_ns, request } = self.chunks[core];
        let after = self.scheduler.end_slice(now_ns, core, cost_ns, u32::MAX);
        if after == AfterSlice::Finished {
            let completion_ns = NonZeroU64::new(now_ns);
            self.schedule.completions_ns[request as usize] = completion_ns;
            self.schedule.makespan_ns = completion_ns;
        }
        if self.keeps_cores && after == AfterSlice::Live {
            self.idle.add_kept(self.tenant_of(request), core);
        } else {
            self.idle.add_free(core);
        }
    }

    fn cancel(&mut self, now_ns: u64, request: u32) {
        let Some(entered) = self.line_up.entered(request) else {
            return;
        };
        let was_live = self.scheduler.cancel(now_ns, entered.key);
        if was_live && let Some(core) = entered.core {
            self.idle.free_kept(self.tenant_of(request), core);
        }
    }

    fn arrive(&mut self, now_ns: u64, request: u32) {
        let spec = &self.workload.requests[request as usize];
        let arrival = Arrival {
            id: request.into(),
            size: Size::Exact(spec.size_ns),
            priority: spec.priority,
            weight: spec.weight,
            max_cores: spec.max_cores,
            deadline_ns: spec.deadline_ns,
            tenant: self.tenants[spec.tenant as usize],
            claimable: u32::MAX,
        };
        let admitted = self.scheduler.arrive(now_ns, &arrival);
        debug_assert!(admitted.is_ok(), "checked before: {admitted:?}");
        if let Ok(key) = admitted {
            self.line_up.enter(request, key);
        }
    }

    /// Lets idle cores pick, by ascending index. Where one is told to wait, all others with the
    /// same claim would be told the same, and are not asked.
    fn pick(&mut self, now_ns: u64) -> Result<(), SimulateError> {
        self.idle.begin(now_ns);
        while let Some(core) = self.idle.next() {
            match self.scheduler.pick(now_ns, core) {
                Decision::Run { id, planned_ns, .. } => {
                    self.idle.take();
                    self.start_chunk(now_ns, core, id, planned_ns)?;
                }
                Decision::Idle { until_ns } => {
                    if until_ns == Some(u64::MAX) {
                        return Err(self.never_ends());
                    }
                    self.idle.wait(until_ns);
                }
            }
        }
        Ok(())
    }

    fn start_chunk(
        &mut self,
        now_ns: u64,
        core: usize,
        index: u64,
        cost_ns: u64,
    ) -> Result<(), SimulateError> {
        // The scheduler repeats the number it was given, which is an index of 32 bits.
        let request = u32::try_from(index).unwrap_or(u32::MAX);
        let id = self.workload.requests[request as usize].id;
        let ends_ns = cost_ns
            .checked_add(self.overhead_ns)
            .and_then(|held_ns| now_ns.checked_add(held_ns))
            .ok_or(SimulateError::ClockOverflow { id })?;
        self.chunks[core] = Chunk { cost_ns, request };
        self.chunk_ends.start(now_ns, core, ends_ns);
        self.line_up.start(request, core);
        self.schedule.chunks += 1;
        (self.observe)(Dispatch {
            now_ns,
            core,
            id,
            index: request as usize,
            cost_ns,
        });
        Ok(())
    }

    fn tenant_of(&self, request: u32) -> usize {
        self.workload.requests[request as usize].tenant as usize
    }

    /// A limit opens only after the end of time: some request that waits never ends.
    fn never_ends(&self) -> SimulateError {
        let unfinished = self
            .workload
            .requests
            .iter()
            .zip(&self.schedule.completions_ns)
            .find(|(request, completion)| completion.is_none() && request.cancel_ns.is_none());
        let id = unfinished.map_or(0, |(request, _)| request.id);
        SimulateError::ClockOverflow { id }
    }
}

#[cfg(test)]
mod tests;
