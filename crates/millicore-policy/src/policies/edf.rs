//! `edf`: the earliest deadline first, on all cores; no deadline comes last.

use crate::order::{Definition, Order};
use crate::policy::Width;
use crate::work::Work;
use alloc::boxed::Box;

pub(super) const DEFINITION: Definition = Definition {
    name: "edf",
    order: "earliest deadline",
    width: Width::All,
    needs_size: false,
    divides_by_rank: false,
    parameter: None,
    build: |_| Box::new(Edf),
};

#[derive(Debug)]
struct Edf;

impl Order for Edf {
    fn key(&self, work: &Work) -> u128 {
        work.deadline_ns().map_or(u128::MAX, u128::from)
    }
}
