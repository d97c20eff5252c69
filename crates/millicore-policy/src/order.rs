//! The order half of a policy: whose turn it is.

use crate::policy::Width;
use crate::work::Work;
use alloc::boxed::Box;
use core::fmt;

/// Whose turn it is. One instance serves one tenant; ties are broken by the order of arrival.
pub trait Order: fmt::Debug + Send {
    /// What requests are compared by: the smaller goes first.
    fn key(&self, work: &Work) -> u128;

    /// A request arrives.
    fn on_arrival(&mut self, _work: &mut Work) {}

    /// A slice of `cost_ns` starts; `dispatched` does not yet include it.
    fn on_dispatch(&mut self, _work: &mut Work, _cost_ns: u64) {}

    /// A slice ends; `dispatched` is already reconciled to what it used.
    fn on_slice_end(&mut self, _work: &mut Work, _slice: &Slice) {}

    /// Where the order divides the machine by rank: the share of the request with the given rank
    /// (1 is the largest remaining) among `live`, in units of 2^-32.
    fn share_of_rank(&self, _rank: usize, _live: usize) -> u64 {
        0
    }
}

/// One stay of a request on a core, as planned and as measured.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// What was charged at its start, in nanoseconds of CPU time.
    pub planned_ns: u64,
    /// What it took, in nanoseconds of CPU time.
    pub used_ns: u64,
    /// The request's share of the machine at its start, where ranks decide it.
    pub rank_share: u64,
}

/// What a policy is, as data: its file states it, the list names it.
#[derive(Debug)]
pub struct Definition {
    /// The name a user types.
    pub name: &'static str,
    /// Who comes first, in a few words.
    pub order: &'static str,
    /// How many cores a request may hold unless the user says otherwise.
    pub width: Width,
    /// Whether a request without a size is refused.
    pub needs_size: bool,
    /// Whether the machine is divided by the rank of what remains, see [`Order::share_of_rank`].
    pub divides_by_rank: bool,
    /// The number a user may give after a colon, if the policy takes one.
    pub parameter: Option<Parameter>,
    /// Makes an instance, from the parameter where there is one.
    pub build: fn(u32) -> Box<dyn Order>,
}

/// The number a policy takes after a colon.
#[derive(Debug)]
pub struct Parameter {
    /// What it is when the user gives none.
    pub default: u32,
    /// The least and the greatest that is accepted.
    pub range: core::ops::RangeInclusive<u32>,
}
