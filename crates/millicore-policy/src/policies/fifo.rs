//! `fifo`: the earliest arrival takes one core and keeps it until it is done.

use crate::order::{Definition, Order};
use crate::policy::Width;
use crate::work::Work;
use alloc::boxed::Box;

pub(super) const DEFINITION: Definition = Definition {
    name: "fifo",
    order: "earliest arrival",
    width: Width::Kept,
    needs_size: false,
    divides_by_rank: false,
    parameter: None,
    build: |_| Box::new(Fifo),
};

#[derive(Debug)]
struct Fifo;

impl Order for Fifo {
    fn key(&self, _work: &Work) -> u128 {
        0
    }
}
