//! What may change while requests run: the policy, the cores, the limits, the tenants.

use super::{Core, IDLE_CORE, Scheduler};
use crate::limit::{Limit, LimitSpec};
use crate::policy::{Policy, Width};
use crate::queue::Queue;
use crate::tenant::{TenantId, TenantSpec};
use crate::work::Size;
use alloc::vec::Vec;

impl Scheduler {
    /// Changes the policy. Running slices go on; virtual times start anew.
    ///
    /// # Errors
    ///
    /// Says how many live requests have no size, if the new policy orders by size. Nothing has
    /// changed then.
    pub fn set_policy(&mut self, now_ns: u64, policy: Policy) -> Result<(), SizesUnknown> {
        let unsized_requests = self
            .requests
            .live()
            .filter(|(_, request)| request.work.size == Size::Unknown)
            .count();
        if policy.definition().needs_size && unsized_requests > 0 {
            return Err(SizesUnknown {
                requests: unsized_requests,
            });
        }
        self.policy = policy;
        if policy.width() != Width::Kept {
            for core in 0..self.cores.len() {
                self.release(core);
            }
        }
        for running in self
            .cores
            .iter_mut()
            .filter_map(|core| core.running.as_mut())
        {
            running.is_known_to_order = false;
        }
        let ageing_ns = self.ageing_ns;
        for queue in self.tenants.queues() {
            *queue = Queue::new(&policy, ageing_ns);
        }
        let mut by_arrival: Vec<(u64, u32)> = self
            .requests
            .live()
            .map(|(slot, request)| (request.sequence, slot))
            .collect();
        by_arrival.sort_unstable();
        for (_, slot) in by_arrival {
            let request = &mut self.requests[slot];
            request.most_in_flight = policy.width().most_in_flight(request.max_cores);
            let tenant = request.tenant;
            self.tenants.queue(tenant).enter(slot, request);
            self.tenants.settle(tenant, now_ns);
        }
        for queue in self.tenants.queues() {
            queue.settle(&self.requests);
        }
        Ok(())
    }

    /// Changes how many cores pick, at least 1. A core that goes ends its slice first.
    pub fn set_cores(&mut self, now_ns: u64, cores: usize) {
        let cores = cores.max(1);
        if self.cores.len() < cores {
            self.cores.resize(cores, IDLE_CORE);
        }
        self.online = cores;
        for index in cores..self.cores.len() {
            let Core { running, keeps, .. } = self.cores[index];
            if let Some(slot) = keeps.filter(|_| running.is_none()) {
                self.release(index);
                self.place(now_ns, slot);
            }
        }
    }

    /// Changes the limit on all tenants together; a new one starts full.
    pub fn set_machine_limit(&mut self, now_ns: u64, limit: Option<LimitSpec>) {
        self.machine = limit.map(|limit| Limit::new(limit, now_ns));
    }

    /// Charges the limit on all tenants together with CPU time that no request of this scheduler
    /// used: of the driver itself, or of others who share the limit.
    pub fn charge_machine(&mut self, now_ns: u64, used_ns: u64) {
        if let Some(limit) = &mut self.machine {
            limit.advance(now_ns);
            limit.charge(used_ns);
        }
    }

    /// Adds a tenant, or changes the weight and limit of the one with that name.
    ///
    /// Returns nothing only when more tenants exist than can be numbered.
    pub fn set_tenant(&mut self, now_ns: u64, spec: TenantSpec) -> Option<TenantId> {
        if let Some(id) = self.tenants.find(&spec.name) {
            self.tenants.set(id.0, spec.weight, spec.limit, now_ns);
            return Some(id);
        }
        self.tenants
            .add(spec, Queue::new(&self.policy, self.ageing_ns), now_ns)
    }

    /// The tenant with that name.
    #[must_use]
    pub fn find_tenant(&self, name: &str) -> Option<TenantId> {
        self.tenants.find(name)
    }
}

/// The policy orders by size and some live requests have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizesUnknown {
    /// How many have none.
    pub requests: usize,
}

impl core::fmt::Display for SizesUnknown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "the policy orders by size, and {} live requests have none",
            self.requests
        )
    }
}

impl core::error::Error for SizesUnknown {}
