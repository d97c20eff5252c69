//! When the running chunks end: known as they start where every core is a processor of its own, and
//! told by the kernel where cores are threads that share processors.

use super::completions::Completions;
use crate::kernel::{Counters, Kernel, Processors};

#[derive(Debug)]
pub(super) enum ChunkEnds {
    Known(Completions),
    Told(Box<Processors>),
}

impl ChunkEnds {
    pub(super) fn new(kernel: Option<&Kernel>, cores: usize) -> Self {
        match kernel {
            Some(kernel) => Self::Told(Box::new(Processors::new(kernel, cores))),
            None => Self::Known(Completions::default()),
        }
    }

    /// A chunk of so much CPU time starts on a core and ends, undisturbed, at `ends_ns`.
    pub(super) fn start(&mut self, now_ns: u64, core: usize, ends_ns: u64) {
        match self {
            Self::Known(completions) => completions.push(ends_ns, core),
            Self::Told(processors) => processors.start(now_ns, core, ends_ns - now_ns),
        }
    }

    /// When the next chunk ends, if that is not after `until_ns`; one that ends later may be told too.
    pub(super) fn next_ns(&mut self, until_ns: Option<u64>) -> Option<u64> {
        match self {
            Self::Known(completions) => completions.first_ns(),
            Self::Told(processors) => processors.next_end_ns(until_ns),
        }
    }

    /// Takes the core of least index whose chunk ends at this time.
    pub(super) fn pop_at(&mut self, now_ns: u64) -> Option<usize> {
        match self {
            Self::Known(completions) => completions.pop_at(now_ns),
            Self::Told(processors) => processors.pop_ended(),
        }
    }

    /// Whether they are told: at the end of time that means that there is none.
    pub(super) const fn are_told(&self) -> bool {
        matches!(self, Self::Told(_))
    }

    /// What the kernel has counted, if there is one.
    pub(super) fn counters(&self) -> Option<Counters> {
        match self {
            Self::Known(_) => None,
            Self::Told(processors) => Some(processors.counters()),
        }
    }
}
