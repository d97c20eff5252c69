//! What a core does next, and which core should ask again soon.

use super::{Decision, Running, Scheduler};
use crate::heap::Rank;
use crate::request::{RequestKey, Stage};

impl Scheduler {
    /// What an idle core does next. A slice is charged in full here, at its start.
    ///
    /// O(log n) in the number of live requests and without allocation.
    pub fn pick(&mut self, now_ns: u64, core: usize) -> Decision {
        let Some(state) = self.cores[..self.online].get(core) else {
            return Decision::Idle { until_ns: None };
        };
        debug_assert!(state.running.is_none(), "core {core} works already");
        let keeps = state.keeps;
        if let Some(until_ns) = self
            .machine
            .as_mut()
            .and_then(|limit| limit.shut_until_ns(now_ns))
        {
            return self.idle(Some(until_ns));
        }
        if let Some(slot) = keeps {
            let tenant = self.requests[slot].tenant;
            return match self.tenants.shut_until_ns(tenant, now_ns) {
                Some(until_ns) => self.idle(Some(until_ns)),
                None => self.dispatch(now_ns, core, slot),
            };
        }
        let first = self
            .tenants
            .first(now_ns)
            .and_then(|tenant| self.tenants.queue(tenant).first(now_ns, &self.requests));
        match first {
            Some(slot) => self.dispatch(now_ns, core, slot),
            None => self.idle(self.tenants.opens_at_ns()),
        }
    }

    fn idle(&self, until_ns: Option<u64>) -> Decision {
        let until_ns = until_ns
            .into_iter()
            .chain(self.waiting.next_expiry_ns())
            .min();
        Decision::Idle { until_ns }
    }

    fn dispatch(&mut self, now_ns: u64, core: usize, slot: u32) -> Decision {
        let keeps_cores = self.keeps_cores();
        let request = &mut self.requests[slot];
        let planned_ns = request.planned_ns(self.slice_ns);
        let tenant = request.tenant;
        request.last_start_ns = now_ns;
        let queue = self.tenants.queue(tenant);
        queue.on_dispatch(slot, planned_ns, &mut self.requests);

        let request = &mut self.requests[slot];
        request.work.dispatched_ns = request.work.dispatched_ns.saturating_add(planned_ns);
        request.in_flight += 1;
        if request.claimable != u32::MAX {
            request.claimable -= 1;
        }
        if request.stage == Stage::Waiting {
            request.stage = Stage::Started;
            self.waiting.start(now_ns, slot);
        }
        if keeps_cores && request.stage == Stage::Started {
            // Cores are numbered below the most slots, which are `u32`.
            request.stage = Stage::Kept {
                core: u32::try_from(core).unwrap_or(u32::MAX),
            };
            self.cores[core].keeps = Some(slot);
        }
        let id = request.id;
        let rank_share = request.work.rank_share;
        self.cores[core].running = Some(Running {
            slot,
            planned_ns,
            rank_share,
            is_known_to_order: true,
        });

        self.tenants.charge(tenant, now_ns, planned_ns);
        if let Some(limit) = &mut self.machine {
            limit.charge(planned_ns);
        }
        self.place(now_ns, slot);
        Decision::Run {
            request: self.requests.key_of(slot),
            id,
            planned_ns,
        }
    }

    /// Which core should end its slice early for a request that could start: the one whose request
    /// comes last in line, if it comes after this one. Nothing is recalled while a core is idle,
    /// and a kept core never is. The core is marked until its slice ends. O(cores).
    pub fn recall(&mut self, now_ns: u64, request: RequestKey) -> Option<usize> {
        let slot = self.requests.find(request)?;
        let request = &self.requests[slot];
        let machine = self.machine.as_mut();
        if !request.stands_in_line()
            || machine.is_some_and(|limit| limit.shut_until_ns(now_ns).is_some())
            || self.tenants.shut_until_ns(request.tenant, now_ns).is_some()
            || self.has_idle_core()
        {
            return None;
        }
        let own = self.standing(slot);
        let (core, _) = self.cores[..self.online]
            .iter()
            .enumerate()
            .filter(|(_, core)| core.keeps.is_none() && !core.recalled)
            .filter_map(|(index, core)| Some((index, self.standing(core.running?.slot))))
            .max_by_key(|&(_, standing)| standing)
            .filter(|(_, standing)| *standing > own)?;
        self.cores[core].recalled = true;
        Some(core)
    }

    fn has_idle_core(&self) -> bool {
        let mut online = self.cores[..self.online].iter();
        online.any(|core| core.running.is_none() && core.keeps.is_none())
    }

    /// Where a request stands among all: its tenant first, then its rank inside it. One that is
    /// gone gives way to everybody.
    fn standing(&self, slot: u32) -> (bool, Rank, Rank) {
        let request = &self.requests[slot];
        let tenant = self.tenants.rank(request.tenant);
        (
            request.stage == Stage::Gone,
            tenant,
            self.tenants.rank_inside(request),
        )
    }
}
