//! `srpt`: least remaining work first, on all cores (Schrage and Miller 1966).

use crate::order::{Definition, Order};
use crate::policy::Width;
use crate::work::Work;
use alloc::boxed::Box;

pub(super) const DEFINITION: Definition = Definition {
    name: "srpt",
    order: "least remaining",
    width: Width::All,
    needs_size: true,
    divides_by_rank: false,
    parameter: None,
    build: |_| Box::new(Srpt),
};

#[derive(Debug)]
struct Srpt;

impl Order for Srpt {
    fn key(&self, work: &Work) -> u128 {
        work.remaining_ns().into()
    }
}
