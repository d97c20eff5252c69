//! The design's conventions applied the slow way: no heap, no stored rank, everything looked up and
//! compared anew at each question.

use crate::account::Account;
use millicore_policy::admission::Admission;
use millicore_policy::limit::LimitSpec;
use millicore_policy::scheduler::{Arrival, Config};
use millicore_policy::work::Size;
use millicore_policy::{Policy, RequestKey, TenantId, Width};
use std::cmp::Reverse;

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) policy: Policy,
    pub(crate) slice_ns: u64,
    pub(crate) ageing_ns: Option<u64>,
    pub(crate) admission: Admission,
    pub(crate) machine: Option<Account>,
    pub(crate) online: usize,
    pub(crate) cores: Vec<Core>,
    pub(crate) tenants: Vec<Tenant>,
    /// In the order of arrival, those that are gone included.
    pub(crate) requests: Vec<Request>,
    pub(crate) now_ns: u64,
    tenants_system: u128,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Core {
    pub(crate) running: Option<Slice>,
    pub(crate) keeps: Option<usize>,
    pub(crate) recalled: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub(crate) request: usize,
    pub(crate) planned_ns: u64,
    share: u64,
    /// Whether it started under the policy in force.
    of_this_policy: bool,
}

#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) id: TenantId,
    pub(crate) name: &'static str,
    pub(crate) limit: Option<Account>,
    weight: u32,
    virtual_time: u128,
    /// The system's virtual time as its requests see it.
    system: u128,
}

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) key: RequestKey,
    pub(crate) arrival: Arrival,
    pub(crate) tenant: usize,
    pub(crate) dispatched_ns: u64,
    pub(crate) claimable: u32,
    pub(crate) in_flight: u32,
    pub(crate) is_live: bool,
    pub(crate) has_started: bool,
    pub(crate) kept_by: Option<usize>,
    arrived_ns: u64,
    last_start_ns: u64,
    virtual_time: u128,
    share: u64,
}

/// What a core must be told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Run { request: usize, planned_ns: u64 },
    Idle { until_ns: Option<u64> },
}

/// Whose turn it is among all: the smaller goes first.
type Standing = (u128, &'static str, i32, u128, usize);

impl Model {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            policy: config.policy,
            slice_ns: config.slice_ns,
            ageing_ns: config.ageing_ns,
            admission: config.admission,
            machine: config.machine_limit.map(|spec| Account::new(spec, 0)),
            online: config.cores,
            cores: vec![Core::default(); config.cores],
            tenants: Vec::new(),
            requests: Vec::new(),
            now_ns: 0,
            tenants_system: 0,
        }
    }

    pub(crate) fn advance(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
        let limits = self.tenants.iter_mut().map(|tenant| &mut tenant.limit);
        for account in limits.chain([&mut self.machine]).flatten() {
            account.advance(now_ns);
        }
    }

    pub(crate) fn set_tenant(
        &mut self,
        id: TenantId,
        name: &'static str,
        weight: u32,
        limit: Option<LimitSpec>,
    ) {
        let limit = limit.map(|spec| Account::new(spec, self.now_ns));
        if let Some(tenant) = self.tenants.iter_mut().find(|tenant| tenant.name == name) {
            assert_eq!(tenant.id, id, "{name} keeps its id");
            (tenant.weight, tenant.limit) = (weight, limit);
            return;
        }
        let (virtual_time, system) = (0, 0);
        self.tenants.push(Tenant {
            id,
            name,
            limit,
            weight,
            virtual_time,
            system,
        });
    }

    pub(crate) fn live(&self) -> impl Iterator<Item = (usize, &Request)> {
        self.requests
            .iter()
            .enumerate()
            .filter(|(_, request)| request.is_live)
    }

    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Request> {
        self.requests
            .iter()
            .filter(|request| request.is_live && !request.has_started)
    }

    pub(crate) fn arrive(&mut self, key: RequestKey, tenant: usize, arrival: Arrival) {
        let was_idle = !self.live().any(|(_, request)| request.tenant == tenant);
        let owner = &mut self.tenants[tenant];
        if was_idle {
            owner.virtual_time = owner.virtual_time.max(self.tenants_system);
        }
        let virtual_time = owner.system;
        self.requests.push(Request {
            key,
            tenant,
            dispatched_ns: 0,
            claimable: arrival.claimable,
            arrival,
            in_flight: 0,
            is_live: true,
            has_started: false,
            kept_by: None,
            arrived_ns: self.now_ns,
            last_start_ns: self.now_ns,
            virtual_time,
            share: 0,
        });
        self.rank(tenant);
    }

    /// When a waiting request is given up.
    pub(crate) fn expiry_ns(&self, request: &Request) -> Option<u64> {
        let patience_ns = self
            .admission
            .max_wait_ns
            .map(|wait_ns| request.arrived_ns + wait_ns);
        let deadline_ns = request
            .arrival
            .deadline_ns
            .filter(|_| self.admission.refuse_late);
        patience_ns.into_iter().chain(deadline_ns).min()
    }

    pub(crate) fn expected_pick(&self, core: usize) -> Expected {
        if core >= self.online {
            return Expected::Idle { until_ns: None };
        }
        if let Some(machine) = self.machine.as_ref().filter(|machine| !machine.is_open()) {
            return self.idle(Some(machine.opens_at_ns()));
        }
        if let Some(request) = self.cores[core].keeps {
            return match self.shut(request) {
                Some(limit) => self.idle(Some(limit.opens_at_ns())),
                None => self.run(request),
            };
        }
        let startable = self
            .live()
            .filter(|(_, request)| self.may_start_anywhere(request));
        let (shut, open): (Vec<_>, Vec<_>) = startable
            .map(|(index, _)| index)
            .partition(|&index| self.shut(index).is_some());
        match open.into_iter().min_by_key(|&index| self.turn(index)) {
            Some(index) => self.run(index),
            None => self.idle(
                shut.into_iter()
                    .filter_map(|i| Some(self.shut(i)?.opens_at_ns()))
                    .min(),
            ),
        }
    }

    fn run(&self, request: usize) -> Expected {
        let it = &self.requests[request];
        let planned_ns = match it.arrival.size {
            Size::Exact(size_ns) => self.slice_ns.min(size_ns - it.dispatched_ns),
            Size::Estimate(_) | Size::Unknown => self.slice_ns,
        };
        Expected::Run {
            request,
            planned_ns,
        }
    }

    fn idle(&self, until_ns: Option<u64>) -> Expected {
        let expiries = self.waiting().filter_map(|request| self.expiry_ns(request));
        Expected::Idle {
            until_ns: until_ns.into_iter().chain(expiries).min(),
        }
    }

    /// The used-up limit of a request's tenant.
    pub(crate) fn shut(&self, request: usize) -> Option<&Account> {
        let tenant = &self.tenants[self.requests[request].tenant];
        tenant.limit.as_ref().filter(|limit| !limit.is_open())
    }

    pub(crate) fn may_start_anywhere(&self, request: &Request) -> bool {
        let own = request.arrival.max_cores.map_or(u32::MAX, u32::from);
        let most_in_flight = match self.policy.width() {
            Width::Kept | Width::One => 1,
            Width::AtMost(cores) => own.min(cores.get()),
            Width::All => own,
        };
        request.is_live
            && request.kept_by.is_none()
            && request.in_flight < most_in_flight
            && request.has_work()
    }

    /// As [`Self::standing`], but those past the starvation bound go first, by arrival.
    fn turn(&self, index: usize) -> (u128, &'static str, bool, Standing) {
        let request = &self.requests[index];
        let standing = self.standing(index);
        let is_aged = self
            .ageing_ns
            .is_some_and(|bound_ns| request.last_start_ns + bound_ns <= self.now_ns);
        let inside = if is_aged {
            (0, "", 0, 0, index)
        } else {
            standing
        };
        (standing.0, standing.1, !is_aged, inside)
    }

    pub(crate) fn standing(&self, index: usize) -> Standing {
        let request = &self.requests[index];
        let tenant = &self.tenants[request.tenant];
        let key = match self.policy.definition().name {
            "fifo" | "focus" => 0,
            "sjf" => request.size_ns().into(),
            "srpt" => request.remaining_ns().into(),
            "las" => request.dispatched_ns.into(),
            "edf" => request.arrival.deadline_ns.map_or(u128::MAX, u128::from),
            "fair" | "hesrpt" => request.virtual_time,
            other => unreachable!("give the policy {other} a line here"),
        };
        (
            tenant.virtual_time,
            tenant.name,
            !request.arrival.priority,
            key,
            index,
        )
    }

    /// A chunk starts: charges everybody who is charged.
    pub(crate) fn start(&mut self, core: usize, index: usize, planned_ns: u64) {
        let tenant = self.requests[index].tenant;
        let cost = self.virtual_cost(
            &self.requests[index],
            planned_ns,
            self.requests[index].share,
        );
        let (owner, request) = (&mut self.tenants[tenant], &mut self.requests[index]);
        if cost.is_some() {
            owner.system = owner.system.max(request.virtual_time);
        }
        request.virtual_time += cost.unwrap_or(0);
        request.dispatched_ns += planned_ns;
        request.last_start_ns = self.now_ns;
        request.has_started = true;
        request.in_flight += 1;
        if request.claimable != u32::MAX {
            request.claimable -= 1;
        }
        if self.policy.width() == Width::Kept {
            request.kept_by = Some(core);
            self.cores[core].keeps = Some(index);
        }
        self.tenants_system = self.tenants_system.max(owner.virtual_time);
        owner.virtual_time += by_weight(planned_ns, owner.weight);
        for limit in owner.limit.iter_mut().chain(&mut self.machine) {
            limit.charge(planned_ns);
        }
        let share = request.share;
        self.cores[core].running = Some(Slice {
            request: index,
            planned_ns,
            share,
            of_this_policy: true,
        });
    }

    /// Virtual time for so much work, under the policies that have any.
    fn virtual_cost(&self, request: &Request, cost_ns: u64, share: u64) -> Option<u128> {
        match self.policy.definition().name {
            "fair" => Some(by_weight(cost_ns, request.arrival.weight)),
            "hesrpt" => Some((u128::from(cost_ns) << 64) / u128::from(share)),
            _ => None,
        }
    }

    /// Shares by rank, with the exponent 2 that `hesrpt` has by default.
    fn rank(&mut self, tenant: usize) {
        let mut members: Vec<usize> = self
            .live()
            .filter(|(_, request)| request.tenant == tenant)
            .map(|(index, _)| index)
            .collect();
        members.sort_by_key(|&index| Reverse((self.requests[index].remaining_ns(), index)));
        let live = members.len() as u128;
        let square = |rank: u128| {
            let base = (rank << 64) / live;
            if rank == live {
                1 << 64
            } else {
                (base * base) >> 64
            }
        };
        for (below, index) in (0_u128..).zip(members) {
            let share = (square(below + 1) - square(below)) >> 32;
            self.requests[index].share = u64::try_from(share.max(1)).unwrap_or(u64::MAX);
        }
    }

    /// The slice on a core ends. Answers whose it was, and whether it is live and whether finished.
    pub(crate) fn end(&mut self, core: usize, used_ns: u64, claimable: u32) -> Option<Ended> {
        let state = self.cores.get_mut(core)?;
        state.recalled = false;
        let slice = state.running.take()?;
        self.reconcile(&slice, used_ns);
        let index = slice.request;
        self.requests[index].in_flight -= 1;
        let request = &mut self.requests[index];
        if !request.is_live {
            if request.kept_by == Some(core) {
                request.kept_by = None;
                self.cores[core].keeps = None;
            }
            return Some(Ended::Gone);
        }
        request.claimable = claimable;
        if request.in_flight == 0
            && matches!(request.arrival.size, Size::Exact(ns) if request.dispatched_ns >= ns)
        {
            self.depart(index);
            return Some(Ended::Finished);
        }
        if core >= self.online {
            self.release(index);
        }
        self.release_if_out_of_work(index);
        Some(Ended::Live)
    }

    fn reconcile(&mut self, slice: &Slice, used_ns: u64) {
        let planned_ns = slice.planned_ns;
        let cost = |ns| self.virtual_cost(&self.requests[slice.request], ns, slice.share.max(1));
        let costs = cost(planned_ns)
            .zip(cost(used_ns))
            .filter(|_| slice.of_this_policy);
        let request = &mut self.requests[slice.request];
        request.dispatched_ns = request.dispatched_ns - planned_ns + used_ns;
        if let Some((planned, used)) = costs {
            request.virtual_time = request.virtual_time.saturating_sub(planned) + used;
        }
        let owner = &mut self.tenants[request.tenant];
        owner.virtual_time = owner
            .virtual_time
            .saturating_add(by_weight(used_ns, owner.weight))
            .saturating_sub(by_weight(planned_ns, owner.weight));
        for limit in owner.limit.iter_mut().chain(&mut self.machine) {
            limit.reconcile(planned_ns, used_ns);
        }
    }

    /// Cancelled, complete, expired or finished.
    pub(crate) fn depart(&mut self, index: usize) {
        let request = &mut self.requests[index];
        request.is_live = false;
        let tenant = request.tenant;
        if let Some(core) = request.kept_by.filter(|_| request.in_flight == 0) {
            request.kept_by = None;
            self.cores[core].keeps = None;
        }
        self.rank(tenant);
    }

    pub(crate) fn offer(&mut self, index: usize, claimable: u32) {
        self.requests[index].claimable = claimable;
        self.release_if_out_of_work(index);
    }

    fn release_if_out_of_work(&mut self, index: usize) {
        let request = &self.requests[index];
        if request.in_flight == 0 && !request.has_work() {
            self.release(index);
        }
    }

    fn release(&mut self, index: usize) {
        if let Some(core) = self.requests[index].kept_by.take() {
            self.cores[core].keeps = None;
        }
    }

    pub(crate) fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
        for index in 0..self.requests.len() {
            if policy.width() != Width::Kept {
                self.release(index);
            }
            self.requests[index].virtual_time = 0;
        }
        for tenant in 0..self.tenants.len() {
            self.tenants[tenant].system = 0;
            self.rank(tenant);
        }
        for slice in self
            .cores
            .iter_mut()
            .filter_map(|core| core.running.as_mut())
        {
            slice.of_this_policy = false;
        }
    }

    pub(crate) fn set_cores(&mut self, cores: usize) {
        self.online = cores;
        self.cores
            .resize(self.cores.len().max(cores), Core::default());
        for core in cores..self.cores.len() {
            if let Some(index) = self.cores[core].keeps
                && self.cores[core].running.is_none()
            {
                self.release(index);
            }
        }
    }
}

/// What became of a request whose slice ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Live,
    Finished,
    Gone,
}

impl Request {
    pub(crate) fn has_work(&self) -> bool {
        let is_bounded = matches!(self.arrival.size, Size::Exact(ns) if self.dispatched_ns >= ns);
        self.claimable > 0 && !is_bounded
    }

    fn size_ns(&self) -> u64 {
        match self.arrival.size {
            Size::Exact(size_ns) | Size::Estimate(size_ns) => size_ns.max(self.dispatched_ns),
            Size::Unknown => self.dispatched_ns,
        }
    }

    fn remaining_ns(&self) -> u64 {
        match self.arrival.size {
            Size::Exact(size_ns) => size_ns.saturating_sub(self.dispatched_ns),
            Size::Estimate(size_ns) if self.dispatched_ns < size_ns => size_ns - self.dispatched_ns,
            Size::Estimate(_) | Size::Unknown => self.dispatched_ns,
        }
    }
}

/// Work divided by weight, with 32 fractional bits, rounded down.
fn by_weight(cost_ns: u64, weight: u32) -> u128 {
    (u128::from(cost_ns) << 32) / u128::from(weight)
}
