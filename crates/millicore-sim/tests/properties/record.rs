//! The record of a run: its chunks, in the order in which they started.

use millicore_sim::{Schedule, Setup, Workload, simulate_observed};

pub(crate) struct Record {
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) schedule: Schedule,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) start_ns: u64,
    /// When its core is free again.
    pub(crate) end_ns: u64,
    pub(crate) core: usize,
    pub(crate) id: u64,
    /// The place of its request in the workload.
    pub(crate) index: usize,
    pub(crate) cost_ns: u64,
}

impl Record {
    pub(crate) fn of(workload: &Workload, setup: &Setup) -> Self {
        let mut chunks = Vec::new();
        let schedule = simulate_observed(workload, setup, |dispatch| {
            chunks.push(Chunk {
                start_ns: dispatch.now_ns,
                end_ns: dispatch.now_ns + dispatch.cost_ns + setup.overhead_ns,
                core: dispatch.core,
                id: dispatch.id,
                index: dispatch.index,
                cost_ns: dispatch.cost_ns,
            });
        });
        Self {
            chunks,
            schedule: schedule.unwrap(),
        }
    }

    pub(crate) fn chunks_of(&self, index: usize) -> impl Iterator<Item = &Chunk> {
        self.chunks.iter().filter(move |chunk| chunk.index == index)
    }

    /// Every time at which a chunk starts or ends.
    pub(crate) fn instants(&self) -> Vec<u64> {
        let starts = self.chunks.iter().map(|chunk| chunk.start_ns);
        let mut instants: Vec<u64> = starts
            .chain(self.chunks.iter().map(|chunk| chunk.end_ns))
            .collect();
        instants.sort_unstable();
        instants.dedup();
        instants
    }
}

impl Chunk {
    pub(crate) fn runs_at(&self, now_ns: u64) -> bool {
        (self.start_ns..self.end_ns).contains(&now_ns)
    }
}
