//! One tenant's instance of the order: its requests in line, the aged ones before the others.

use crate::heap::{Heap, Rank};
use crate::order::{Order, Slice};
use crate::policy::Policy;
use crate::request::{Request, Slab};
use alloc::boxed::Box;
use alloc::vec::Vec;

#[derive(Debug)]
pub(crate) struct Queue {
    order: Box<dyn Order>,
    /// The requests that could start a chunk now.
    line: Heap,
    ageing: Option<Ageing>,
    shares: Option<Shares>,
}

/// The starvation bound: a request without a chunk start for so long goes before all others.
#[derive(Debug)]
struct Ageing {
    bound_ns: u64,
    /// By the last start. An entry may be older than the truth; it is corrected when it comes up,
    /// so that a start costs nothing here.
    by_start: Heap,
    /// Those past the bound, by arrival.
    aged: Heap,
}

/// Who shares the machine by rank, for orders that divide it so.
#[derive(Debug, Default)]
struct Shares {
    members: Vec<u32>,
    stale: bool,
}

impl Queue {
    pub(crate) fn new(policy: &Policy, ageing_ns: Option<u64>) -> Self {
        let definition = policy.definition();
        Self {
            order: (definition.build)(policy.parameter()),
            line: Heap::new(),
            ageing: ageing_ns.map(|bound_ns| Ageing {
                bound_ns,
                by_start: Heap::new(),
                aged: Heap::new(),
            }),
            shares: definition.divides_by_rank.then(Shares::default),
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    pub(crate) fn make_room(&mut self, slots: usize) {
        self.line.make_room(slots);
        if let Some(ageing) = &mut self.ageing {
            ageing.by_start.make_room(slots);
            ageing.aged.make_room(slots);
        }
    }

    pub(crate) fn enter(&mut self, slot: u32, request: &mut Request) {
        self.order.on_arrival(&mut request.work);
        if let Some(shares) = &mut self.shares {
            shares.members.push(slot);
            shares.stale = true;
        }
        self.place(slot, request);
    }

    /// Puts a request where it belongs after anything about it has changed.
    pub(crate) fn place(&mut self, slot: u32, request: &Request) {
        if !request.stands_in_line() {
            self.line.remove(slot);
            return;
        }
        let rank = self.rank(request);
        if self.line.contains(slot) {
            self.line.update(slot, rank);
            return;
        }
        self.line.insert(slot, rank);
        if let Some(ageing) = &mut self.ageing
            && !ageing.aged.contains(slot)
            && !ageing.by_start.contains(slot)
        {
            ageing
                .by_start
                .insert(slot, Rank::plain(request.last_start_ns.into(), 0));
        }
    }

    /// Forgets a request that is cancelled or complete.
    pub(crate) fn leave(&mut self, slot: u32) {
        self.line.remove(slot);
        if let Some(ageing) = &mut self.ageing {
            ageing.by_start.remove(slot);
            ageing.aged.remove(slot);
        }
        if let Some(shares) = &mut self.shares {
            shares.members.retain(|&member| member != slot);
            shares.stale = true;
        }
    }

    pub(crate) fn rank(&self, request: &Request) -> Rank {
        request.rank(self.order.key(&request.work))
    }

    /// Whose turn it is.
    pub(crate) fn first(&mut self, now_ns: u64, requests: &Slab) -> Option<u32> {
        if let Some(ageing) = &mut self.ageing
            && let Some(aged) = ageing.first(now_ns, &self.line, requests)
        {
            return Some(aged);
        }
        self.line.first().map(|(slot, _)| slot)
    }

    pub(crate) fn on_dispatch(&mut self, slot: u32, planned_ns: u64, requests: &mut Slab) {
        if let Some(shares) = &mut self.shares {
            shares.settle(requests, self.order.as_ref());
        }
        self.order.on_dispatch(&mut requests[slot].work, planned_ns);
        if let Some(ageing) = &mut self.ageing
            && ageing.aged.remove(slot)
        {
            let start_ns = requests[slot].last_start_ns;
            ageing
                .by_start
                .insert(slot, Rank::plain(start_ns.into(), 0));
        }
    }

    pub(crate) fn on_slice_end(&mut self, request: &mut Request, slice: &Slice) {
        self.order.on_slice_end(&mut request.work, slice);
    }
}

impl Ageing {
    fn first(&mut self, now_ns: u64, line: &Heap, requests: &Slab) -> Option<u32> {
        while let Some((slot, rank)) = self.by_start.first()
            && rank.key + u128::from(self.bound_ns) <= u128::from(now_ns)
        {
            let started_ns = u128::from(requests[slot].last_start_ns);
            if !line.contains(slot) {
                self.by_start.remove(slot);
            } else if started_ns + u128::from(self.bound_ns) <= u128::from(now_ns) {
                self.by_start.remove(slot);
                self.aged
                    .insert(slot, Rank::plain(0, requests[slot].sequence));
            } else {
                self.by_start.update(slot, Rank::plain(started_ns, 0));
            }
        }
        while let Some((slot, _)) = self.aged.first() {
            if line.contains(slot) {
                return Some(slot);
            }
            self.aged.remove(slot);
        }
        None
    }
}

impl Shares {
    /// Gives every member the share of its rank, if the membership has changed.
    fn settle(&mut self, requests: &mut Slab, order: &dyn Order) {
        if !self.stale {
            return;
        }
        self.stale = false;
        self.members.sort_unstable_by_key(|&slot| {
            let request = &requests[slot];
            core::cmp::Reverse((request.work.remaining_ns(), request.sequence))
        });
        for (index, &slot) in self.members.iter().enumerate() {
            requests[slot].work.rank_share = order.share_of_rank(index + 1, self.members.len());
        }
    }
}
