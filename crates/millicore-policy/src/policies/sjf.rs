//! `sjf`: the smallest request takes one core and keeps it until it is done.

use crate::order::{Definition, Order};
use crate::policy::Width;
use crate::work::Work;
use alloc::boxed::Box;

pub(super) const DEFINITION: Definition = Definition {
    name: "sjf",
    order: "smallest size",
    width: Width::Kept,
    needs_size: true,
    divides_by_rank: false,
    parameter: None,
    build: |_| Box::new(Sjf),
};

#[derive(Debug)]
struct Sjf;

impl Order for Sjf {
    fn key(&self, work: &Work) -> u128 {
        work.size_ns().into()
    }
}
