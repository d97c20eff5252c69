//! `las`: who has had the least CPU time goes first, on all cores; needs no sizes.

use crate::order::{Definition, Order};
use crate::policy::Width;
use crate::work::Work;
use alloc::boxed::Box;

pub(super) const DEFINITION: Definition = Definition {
    name: "las",
    order: "least attained",
    width: Width::All,
    needs_size: false,
    divides_by_rank: false,
    parameter: None,
    build: |_| Box::new(Las),
};

#[derive(Debug)]
struct Las;

impl Order for Las {
    fn key(&self, work: &Work) -> u128 {
        work.dispatched_ns().into()
    }
}
