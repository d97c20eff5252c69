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
    members: Members,
    /// The members that could start a chunk now.
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

/// Numbers the live requests of one tenant densely, so that the memory of its queue grows with
/// them and not with those of all tenants.
#[derive(Debug, Default)]
struct Members {
    /// The slot of each number.
    slots: Vec<u32>,
    /// The numbers that nobody has.
    free: Vec<u32>,
}

/// Who shares the machine by rank, for orders that divide it so.
#[derive(Debug, Default)]
struct Shares {
    slots: Vec<u32>,
    stale: bool,
}

impl Queue {
    pub(crate) fn new(policy: &Policy, ageing_ns: Option<u64>) -> Self {
        let definition = policy.definition();
        Self {
            order: (definition.build)(policy.parameter()),
            members: Members::default(),
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

    /// Makes room for so many members, so that nothing but an arrival beyond them allocates.
    pub(crate) fn make_room(&mut self, members: usize) {
        self.members.make_room(members);
        self.line.make_room(members);
        if let Some(ageing) = &mut self.ageing {
            ageing.by_start.make_room(members);
            ageing.aged.make_room(members);
        }
    }

    pub(crate) fn enter(&mut self, slot: u32, request: &mut Request) {
        request.member = self.members.add(slot);
        self.make_room(self.members.slots.len());
        self.order.on_arrival(&mut request.work);
        if let Some(shares) = &mut self.shares {
            shares.slots.push(slot);
            shares.stale = true;
        }
        self.place(request);
    }

    /// Puts a request where it belongs after anything about it has changed.
    pub(crate) fn place(&mut self, request: &Request) {
        let member = request.member;
        if !request.stands_in_line() {
            self.line.remove(member);
            return;
        }
        let rank = self.rank(request);
        if self.line.contains(member) {
            self.line.update(member, rank);
            return;
        }
        self.line.insert(member, rank);
        if let Some(ageing) = &mut self.ageing
            && !ageing.aged.contains(member)
            && !ageing.by_start.contains(member)
        {
            ageing.note_start(request);
        }
    }

    /// Forgets a request that is cancelled or complete.
    pub(crate) fn leave(&mut self, request: &Request) {
        let member = request.member;
        self.line.remove(member);
        if let Some(ageing) = &mut self.ageing {
            ageing.by_start.remove(member);
            ageing.aged.remove(member);
        }
        let slot = self.members.remove(member);
        if let Some(shares) = &mut self.shares {
            shares.slots.retain(|&other| other != slot);
            shares.stale = true;
        }
    }

    pub(crate) fn rank(&self, request: &Request) -> Rank {
        request.rank(self.order.key(&request.work))
    }

    /// Whose turn it is.
    pub(crate) fn first(&mut self, now_ns: u64, requests: &Slab) -> Option<u32> {
        if let Some(ageing) = &mut self.ageing
            && let Some(aged) = ageing.first(now_ns, &self.line, |member| {
                &requests[self.members.slots[member as usize]]
            })
        {
            return Some(self.members.slots[aged as usize]);
        }
        let (member, _) = self.line.first()?;
        Some(self.members.slots[member as usize])
    }

    pub(crate) fn on_dispatch(&mut self, slot: u32, planned_ns: u64, requests: &mut Slab) {
        if let Some(shares) = &mut self.shares {
            shares.settle(requests, self.order.as_ref());
        }
        self.order.on_dispatch(&mut requests[slot].work, planned_ns);
        if let Some(ageing) = &mut self.ageing
            && ageing.aged.remove(requests[slot].member)
        {
            ageing.note_start(&requests[slot]);
        }
    }

    pub(crate) fn on_slice_end(&mut self, request: &mut Request, slice: &Slice) {
        self.order.on_slice_end(&mut request.work, slice);
    }
}

impl Ageing {
    /// Counts a member's waiting from its last start.
    fn note_start(&mut self, request: &Request) {
        let rank = Rank::plain(request.last_start_ns.into(), 0);
        self.by_start.insert(request.member, rank);
    }

    /// The earliest arrival of those in line past the bound.
    fn first<'a>(
        &mut self,
        now_ns: u64,
        line: &Heap,
        request_of: impl Fn(u32) -> &'a Request,
    ) -> Option<u32> {
        let is_past = |start_ns: u128| start_ns + u128::from(self.bound_ns) <= u128::from(now_ns);
        while let Some((member, rank)) = self.by_start.first()
            && is_past(rank.key)
        {
            let request = request_of(member);
            let start_ns = u128::from(request.last_start_ns);
            if !line.contains(member) {
                self.by_start.remove(member);
            } else if is_past(start_ns) {
                self.by_start.remove(member);
                self.aged.insert(member, Rank::plain(0, request.sequence));
            } else {
                self.by_start.update(member, Rank::plain(start_ns, 0));
            }
        }
        while let Some((member, _)) = self.aged.first() {
            if line.contains(member) {
                return Some(member);
            }
            self.aged.remove(member);
        }
        None
    }
}

impl Members {
    fn make_room(&mut self, members: usize) {
        self.slots.reserve(members.saturating_sub(self.slots.len()));
        self.free.reserve(members.saturating_sub(self.free.len()));
    }

    fn add(&mut self, slot: u32) -> u32 {
        if let Some(member) = self.free.pop() {
            self.slots[member as usize] = slot;
            return member;
        }
        self.slots.push(slot);
        // There are no more members than slots, which are `u32`.
        u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
    }

    fn remove(&mut self, member: u32) -> u32 {
        self.free.push(member);
        self.slots[member as usize]
    }
}

impl Shares {
    /// Gives every member the share of its rank, if the membership has changed.
    fn settle(&mut self, requests: &mut Slab, order: &dyn Order) {
        if !self.stale {
            return;
        }
        self.stale = false;
        self.slots.sort_unstable_by_key(|&slot| {
            let request = &requests[slot];
            core::cmp::Reverse((request.work.remaining_ns(), request.sequence))
        });
        for (index, &slot) in self.slots.iter().enumerate() {
            requests[slot].work.rank_share = order.share_of_rank(index + 1, self.slots.len());
        }
    }
}
