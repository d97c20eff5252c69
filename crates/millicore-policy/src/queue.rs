//! One tenant's instance of the order: its requests in line, the aged ones before the others.

mod ageing;
mod ranking;
mod shares;

use crate::heap::{Heap, Rank};
use crate::order::Order;
use crate::policy::Policy;
use crate::request::{Request, Slab};
use crate::virtual_time::SystemVirtualTime;
use crate::work::Work;
use ageing::Ageing;
use alloc::boxed::Box;
use alloc::vec::Vec;
use shares::Shares;

#[derive(Debug)]
pub(crate) struct Queue {
    order: Box<dyn Order>,
    /// Where a newcomer enters, for orders that go by virtual time.
    system: SystemVirtualTime,
    members: Members,
    /// The members that could start a chunk now.
    line: Heap,
    ageing: Option<Ageing>,
    shares: Option<Shares>,
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

impl Queue {
    pub(crate) fn new(policy: &Policy, ageing_ns: Option<u64>) -> Self {
        let definition = policy.definition();
        Self {
            order: (definition.build)(policy.parameter()),
            system: SystemVirtualTime::new(),
            members: Members::default(),
            line: Heap::new(),
            ageing: ageing_ns.map(Ageing::new),
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
            ageing.make_room(members);
        }
        if let Some(shares) = &mut self.shares {
            shares.make_room(members);
        }
    }

    pub(crate) fn enter(&mut self, slot: u32, request: &mut Request) {
        request.member = self.members.add(slot);
        self.make_room(self.members.slots.len());
        request.work.virtual_time = self.system.entry();
        if let Some(shares) = &mut self.shares {
            shares.enter(request);
        }
        self.place(request);
    }

    /// Puts a request where it belongs after anything about it has changed.
    pub(crate) fn place(&mut self, request: &Request) {
        let member = request.member;
        if let Some(shares) = &mut self.shares {
            shares.note(request);
        }
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
        if let Some(ageing) = &mut self.ageing {
            ageing.stand_in_line(request);
        }
    }

    /// Forgets a request that is cancelled or complete.
    pub(crate) fn leave(&mut self, request: &Request) {
        let member = request.member;
        self.line.remove(member);
        if let Some(ageing) = &mut self.ageing {
            ageing.leave(member);
        }
        if let Some(shares) = &mut self.shares {
            shares.leave(member);
        }
        self.members.remove(member);
    }

    /// Ranks the members anew, for orders that divide by rank: after somebody has come or gone.
    pub(crate) fn settle(&mut self, requests: &Slab) {
        if let Some(shares) = &mut self.shares {
            shares.settle(|member| &requests[self.members.slot(member)]);
        }
    }

    pub(crate) fn rank(&self, request: &Request) -> Rank {
        request.rank(self.order.key(&request.work))
    }

    /// Whose turn it is.
    pub(crate) fn first(&mut self, now_ns: u64, requests: &Slab) -> Option<u32> {
        let request_of = |member| &requests[self.members.slot(member)];
        let aged = match &mut self.ageing {
            Some(ageing) => ageing.first(now_ns, &self.line, request_of),
            None => None,
        };
        let member = aged.or_else(|| self.line.first().map(|(member, _)| member))?;
        Some(self.members.slot(member))
    }

    pub(crate) fn on_dispatch(&mut self, slot: u32, planned_ns: u64, requests: &mut Slab) {
        if let Some(shares) = &self.shares {
            let request = &mut requests[slot];
            let (rank, live) = shares.rank(request.member);
            request.work.rank_share = self.order.share_of_rank(rank, live);
        }
        let request = &mut requests[slot];
        let work = &mut request.work;
        if let Some(cost) = self.order.virtual_cost(work, planned_ns, work.rank_share) {
            self.system.on_dispatch(work.virtual_time);
            work.virtual_time = work.virtual_time.saturating_add(cost);
        }
        if let Some(ageing) = &mut self.ageing {
            ageing.on_dispatch(request);
        }
    }

    /// Corrects what a slice was charged at its start to what it used. It was charged at the share
    /// that the request had then.
    pub(crate) fn reconcile(
        &self,
        work: &mut Work,
        planned_ns: u64,
        used_ns: u64,
        rank_share: u64,
    ) {
        let cost = |cost_ns| self.order.virtual_cost(work, cost_ns, rank_share);
        if let (Some(planned), Some(used)) = (cost(planned_ns), cost(used_ns)) {
            let before = work.virtual_time.saturating_sub(planned);
            work.virtual_time = before.saturating_add(used);
        }
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

    fn slot(&self, member: u32) -> u32 {
        self.slots[member as usize]
    }

    fn remove(&mut self, member: u32) {
        self.free.push(member);
    }
}
