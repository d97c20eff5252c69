//! `fair`: all cores to who has had the least work for its weight (start-time fair queueing).

use crate::order::{Definition, Order, Slice};
use crate::policy::Width;
use crate::virtual_time::{SystemVirtualTime, charge};
use crate::work::Work;
use alloc::boxed::Box;

pub(super) const DEFINITION: Definition = Definition {
    name: "fair",
    order: "least virtual time",
    width: Width::All,
    needs_size: false,
    divides_by_rank: false,
    parameter: None,
    build: |_| Box::<Fair>::default(),
};

#[derive(Debug, Default)]
struct Fair {
    system: SystemVirtualTime,
}

impl Order for Fair {
    fn key(&self, work: &Work) -> u128 {
        work.virtual_time()
    }

    fn on_arrival(&mut self, work: &mut Work) {
        work.virtual_time = self.system.entry();
    }

    fn on_dispatch(&mut self, work: &mut Work, cost_ns: u64) {
        self.system.on_dispatch(work.virtual_time);
        work.virtual_time = work.virtual_time.saturating_add(charge(cost_ns, work.weight));
    }

    fn on_slice_end(&mut self, work: &mut Work, slice: &Slice) {
        work.virtual_time = work
            .virtual_time
            .saturating_sub(charge(slice.planned_ns, work.weight))
            .saturating_add(charge(slice.used_ns, work.weight));
    }
}
