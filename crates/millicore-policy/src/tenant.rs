//! Tenants: whose request it is, their weights and limits, and whose turn it is among them.

use crate::heap::{Heap, Rank};
use crate::limit::{Limit, LimitSpec};
use crate::queue::Queue;
use crate::request::Request;
use crate::virtual_time::{SystemVirtualTime, VirtualTime, charge};
use alloc::string::String;
use alloc::vec::Vec;

/// Names a tenant to the scheduler it was added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(pub(crate) u32);

impl TenantId {
    /// The tenant of requests that name none: its name is empty, its weight 1.
    pub const NOBODY: Self = Self(0);
}

/// What a tenant may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantSpec {
    /// The name, which breaks ties.
    pub name: String,
    /// Its share beside other tenants, 1 to 10 000.
    pub weight: u32,
    /// The most CPU time it may use, if there is a limit.
    pub limit: Option<LimitSpec>,
}

#[derive(Debug)]
struct Tenant {
    name: String,
    /// Where the name stands among all names.
    name_rank: u64,
    weight: u32,
    limit: Option<Limit>,
    virtual_time: VirtualTime,
    live: u32,
    queue: Queue,
}

#[derive(Debug)]
pub(crate) struct Tenants {
    tenants: Vec<Tenant>,
    /// Those with somebody in line and an open limit.
    line: Heap,
    /// Those with somebody in line and a limit that is used up, by when it opens.
    shut: Heap,
    system: SystemVirtualTime,
}

impl Tenants {
    pub(crate) const fn new() -> Self {
        Self {
            tenants: Vec::new(),
            line: Heap::new(),
            shut: Heap::new(),
            system: SystemVirtualTime::new(),
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<TenantId> {
        let index = self.tenants.iter().position(|tenant| tenant.name == name)?;
        u32::try_from(index).ok().map(TenantId)
    }

    pub(crate) fn add(&mut self, spec: TenantSpec, queue: Queue, now_ns: u64) -> Option<TenantId> {
        let id = u32::try_from(self.tenants.len())
            .ok()
            .filter(|&id| id < u32::MAX)?;
        self.tenants.push(Tenant {
            name: spec.name,
            name_rank: 0,
            weight: spec.weight,
            limit: spec.limit.map(|limit| Limit::new(limit, now_ns)),
            virtual_time: 0,
            live: 0,
            queue,
        });
        self.line.make_room(self.tenants.len());
        self.shut.make_room(self.tenants.len());
        self.rank_names();
        Some(TenantId(id))
    }

    fn rank_names(&mut self) {
        let mut by_name: Vec<usize> = (0..self.tenants.len()).collect();
        by_name.sort_by(|&a, &b| self.tenants[a].name.cmp(&self.tenants[b].name));
        for (name_rank, index) in (0..).zip(by_name) {
            self.tenants[index].name_rank = name_rank;
        }
        for id in 0..u32::try_from(self.tenants.len()).unwrap_or(u32::MAX) {
            if self.line.contains(id) {
                self.line.update(id, self.rank(id));
            }
        }
    }

    pub(crate) fn set(&mut self, id: u32, weight: u32, limit: Option<LimitSpec>, now_ns: u64) {
        let tenant = &mut self.tenants[id as usize];
        tenant.weight = weight;
        tenant.limit = limit.map(|limit| Limit::new(limit, now_ns));
        self.settle(id, now_ns);
    }

    pub(crate) fn queue(&mut self, id: u32) -> &mut Queue {
        &mut self.tenants[id as usize].queue
    }

    pub(crate) fn queues(&mut self) -> impl Iterator<Item = &mut Queue> {
        self.tenants.iter_mut().map(|tenant| &mut tenant.queue)
    }

    pub(crate) fn exists(&self, id: u32) -> bool {
        (id as usize) < self.tenants.len()
    }

    /// Counts a request in; a tenant that was idle re-enters.
    pub(crate) fn on_arrival(&mut self, id: u32) {
        let entry = self.system.entry();
        let tenant = &mut self.tenants[id as usize];
        if tenant.live == 0 {
            tenant.virtual_time = tenant.virtual_time.max(entry);
        }
        tenant.live += 1;
    }

    pub(crate) fn on_departure(&mut self, id: u32) {
        self.tenants[id as usize].live -= 1;
    }

    pub(crate) fn charge(&mut self, id: u32, now_ns: u64, cost_ns: u64) {
        let tenant = &mut self.tenants[id as usize];
        self.system.on_dispatch(tenant.virtual_time);
        tenant.virtual_time = tenant
            .virtual_time
            .saturating_add(charge(cost_ns, tenant.weight));
        if let Some(limit) = &mut tenant.limit {
            limit.advance(now_ns);
            limit.charge(cost_ns);
        }
    }

    pub(crate) fn reconcile(&mut self, id: u32, now_ns: u64, planned_ns: u64, used_ns: u64) {
        let tenant = &mut self.tenants[id as usize];
        tenant.virtual_time = tenant
            .virtual_time
            .saturating_add(charge(used_ns, tenant.weight))
            .saturating_sub(charge(planned_ns, tenant.weight));
        if let Some(limit) = &mut tenant.limit {
            limit.reconcile(now_ns, planned_ns, used_ns);
        }
    }

    /// Puts a tenant where it belongs after its queue, charge or limit has changed.
    pub(crate) fn settle(&mut self, id: u32, now_ns: u64) {
        let tenant = &mut self.tenants[id as usize];
        let shut_until_ns = tenant
            .limit
            .as_mut()
            .and_then(|limit| limit.shut_until_ns(now_ns));
        let ready = !tenant.queue.is_empty();
        let in_line = (ready && shut_until_ns.is_none()).then(|| self.rank(id));
        self.line.place(id, in_line);
        let shut = shut_until_ns.filter(|_| ready);
        self.shut
            .place(id, shut.map(|at_ns| Rank::plain(at_ns.into(), 0)));
    }

    /// Lets those back in line whose limit has opened, and says whose turn it is.
    pub(crate) fn first(&mut self, now_ns: u64) -> Option<u32> {
        while let Some((id, rank)) = self.shut.first()
            && rank.key <= u128::from(now_ns)
        {
            self.settle(id, now_ns);
        }
        self.line.first().map(|(id, _)| id)
    }

    pub(crate) const fn somebody_in_line(&self) -> bool {
        !self.line.is_empty()
    }

    /// When the first limit opens that keeps somebody from a core.
    pub(crate) fn opens_at_ns(&self) -> Option<u64> {
        self.shut
            .first()
            .map(|(_, rank)| u64::try_from(rank.key).unwrap_or(u64::MAX))
    }

    /// When this tenant's limit opens, if it is shut.
    pub(crate) fn shut_until_ns(&mut self, id: u32, now_ns: u64) -> Option<u64> {
        self.tenants[id as usize]
            .limit
            .as_mut()?
            .shut_until_ns(now_ns)
    }

    /// Where a request stands inside its tenant.
    pub(crate) fn rank_inside(&self, request: &Request) -> Rank {
        self.tenants[request.tenant as usize].queue.rank(request)
    }

    /// Where a tenant stands among tenants.
    pub(crate) fn rank(&self, id: u32) -> Rank {
        let tenant = &self.tenants[id as usize];
        Rank::plain(tenant.virtual_time, tenant.name_rank)
    }
}
