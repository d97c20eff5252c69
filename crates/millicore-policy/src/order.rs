//! The order half of a policy: whose turn it is.

use crate::policy::Width;
use crate::virtual_time::VirtualTime;
use crate::work::Work;
use alloc::boxed::Box;
use core::fmt;

/// Whose turn it is. One instance serves one tenant; ties are broken by the order of arrival.
pub trait Order: fmt::Debug + Send {
    /// What requests are compared by: the smaller goes first.
    fn key(&self, work: &Work) -> u128;

    /// Where the order goes by virtual time: how much of it `cost_ns` takes for a request that has
    /// the given share of the machine, if ranks decide shares.
    fn virtual_cost(&self, _work: &Work, _cost_ns: u64, _rank_share: u64) -> Option<VirtualTime> {
        None
    }

    /// Where the order divides the machine by rank: the share of the request with the given rank
    /// (1 is the largest remaining) among `live`, in units of 2^-32.
    fn share_of_rank(&self, _rank: usize, _live: usize) -> u64 {
        0
    }
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
