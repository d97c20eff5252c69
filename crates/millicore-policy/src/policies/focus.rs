//! `focus`: all cores on the earliest arrival; what it cannot use goes to the next.

use crate::order::{Definition, Order};
use crate::policy::Width;
use crate::work::Work;
use alloc::boxed::Box;

pub(super) const DEFINITION: Definition = Definition {
    name: "focus",
    order: "earliest arrival",
    width: Width::All,
    needs_size: false,
    divides_by_rank: false,
    parameter: None,
    build: |_| Box::new(Focus),
};

#[derive(Debug)]
struct Focus;

impl Order for Focus {
    fn key(&self, _work: &Work) -> u128 {
        0
    }
}
