//! `fair`: all cores to who has had the least work for its weight (start-time fair queueing).

use crate::order::{Definition, Order};
use crate::policy::Width;
use crate::virtual_time::{VirtualTime, charge};
use crate::work::Work;
use alloc::boxed::Box;

pub(super) const DEFINITION: Definition = Definition {
    name: "fair",
    order: "least virtual time",
    width: Width::All,
    needs_size: false,
    divides_by_rank: false,
    parameter: None,
    build: |_| Box::new(Fair),
};

#[derive(Debug)]
struct Fair;

impl Order for Fair {
    fn key(&self, work: &Work) -> u128 {
        work.virtual_time()
    }

    fn virtual_cost(&self, work: &Work, cost_ns: u64, _rank_share: u64) -> Option<VirtualTime> {
        Some(charge(cost_ns, work.weight))
    }
}
