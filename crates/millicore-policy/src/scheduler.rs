//! The scheduler: events in, decisions out. Start here.
//!
//! A driver tells what happened ([`Scheduler::arrive`], [`Scheduler::offer`],
//! [`Scheduler::end_slice`], [`Scheduler::cancel`], [`Scheduler::complete`]) and asks what to do
//! ([`Scheduler::pick`], [`Scheduler::recall`], [`Scheduler::expire`]). Time is an argument, in
//! nanoseconds on the driver's clock, and never goes back. At one instant events go in this
//! order: slice ends by core index, cancellations, arrivals by id; then cores pick by ascending
//! index. Limits replenish by themselves.

mod change;
mod pick;

pub use change::SizesUnknown;

use crate::admission::{Admission, Expiry, Refusal, Waiting};
use crate::limit::{Limit, LimitSpec};
use crate::policy::{Policy, Width};
use crate::queue::Queue;
use crate::request::{Request, RequestKey, Slab, Stage};
use crate::tenant::{TenantId, TenantSpec, Tenants};
use crate::work::{NO_DEADLINE, Size, Work};
use alloc::string::String;
use alloc::vec::Vec;
use core::num::NonZeroU32;

/// How a scheduler starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whose turn it is, and how wide.
    pub policy: Policy,
    /// How many cores pick, at least 1.
    pub cores: usize,
    /// The longest a core works on one request before it asks again, in nanoseconds, at least 1.
    pub slice_ns: u64,
    /// The starvation bound: a request without a chunk start for so long, in nanoseconds, goes
    /// before all others of its tenant, the earliest arrival first.
    pub ageing_ns: Option<u64>,
    /// The CPU time that all tenants may use together.
    pub machine_limit: Option<LimitSpec>,
    /// What may wait.
    pub admission: Admission,
}

/// A request as it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The caller's number for it, repeated in decisions. Requests that arrive at one instant
    /// must arrive in the order of their ids, because ties are broken so.
    pub id: u64,
    /// Its CPU time; an exact size is at least 1.
    pub size: Size,
    /// A higher one goes before everything below, inside a tenant.
    pub priority: i32,
    /// Its share under `fair`, 1 to 10 000.
    pub weight: u32,
    /// The most cores it can use at once.
    pub max_cores: Option<NonZeroU32>,
    /// When it should be done, in nanoseconds on the driver's clock.
    pub deadline_ns: Option<u64>,
    /// Whose it is.
    pub tenant: TenantId,
    /// How many slices could start now; `u32::MAX` when only the size bounds them.
    pub claimable: u32,
}

impl Arrival {
    /// A request of nobody's with priority 0, weight 1, no deadline, on any number of cores.
    #[must_use]
    pub const fn new(id: u64, size: Size) -> Self {
        Self {
            id,
            size,
            priority: 0,
            weight: 1,
            max_cores: None,
            deadline_ns: None,
            tenant: TenantId::NOBODY,
            claimable: u32::MAX,
        }
    }
}

/// What a core does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Work on this request for a slice.
    Run {
        /// The request.
        request: RequestKey,
        /// The caller's number for it.
        id: u64,
        /// What was charged, in nanoseconds of CPU time: the length of the slice.
        planned_ns: u64,
    },
    /// Nothing may start. Ask again after the next event, or at this time if one is given.
    Idle {
        /// When a limit opens or a waiting request expires, in nanoseconds.
        until_ns: Option<u64>,
    },
}

/// What became of a request when a slice of it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterSlice {
    /// It is still live.
    Live,
    /// It had an exact size and this was the end of its last chunk; it is forgotten.
    Finished,
    /// It had been cancelled or completed before.
    Gone,
}

/// Decides which request each core works on. See the [module](self) for the order of calls.
#[derive(Debug)]
pub struct Scheduler {
    policy: Policy,
    slice_ns: u64,
    ageing_ns: Option<u64>,
    machine: Option<Limit>,
    requests: Slab,
    tenants: Tenants,
    waiting: Waiting,
    /// Every core there has been; those from `online` on pick no more.
    cores: Vec<Core>,
    online: usize,
    arrivals: u64,
    live: usize,
}

#[derive(Clone, Copy, Debug)]
struct Core {
    running: Option<Running>,
    /// The request that keeps this core.
    keeps: Option<u32>,
    /// Whether its slice has been asked to end early.
    recalled: bool,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    slot: u32,
    planned_ns: u64,
    rank_share: u64,
    /// Whether it started under the policy in force, so that its charge is there to be corrected.
    is_known_to_order: bool,
}

const IDLE_CORE: Core = Core {
    running: None,
    keeps: None,
    recalled: false,
};

impl Scheduler {
    /// A scheduler with nothing to do. Time starts at 0.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let mut tenants = Tenants::new();
        let nobody = TenantSpec {
            name: String::new(),
            weight: 1,
            limit: None,
        };
        tenants.add(nobody, Queue::new(&config.policy, config.ageing_ns), 0);
        Self {
            policy: config.policy,
            slice_ns: config.slice_ns.max(1),
            ageing_ns: config.ageing_ns,
            machine: config.machine_limit.map(|limit| Limit::new(limit, 0)),
            requests: Slab::new(),
            tenants,
            waiting: Waiting::new(config.admission),
            cores: alloc::vec![IDLE_CORE; config.cores.max(1)],
            online: config.cores.max(1),
            arrivals: 0,
            live: 0,
        }
    }

    /// Makes room for so many live requests at once.
    pub fn reserve(&mut self, requests: usize) {
        self.requests.reserve(requests);
        self.tenants.queue(TenantId::NOBODY.0).make_room(requests);
    }

    /// How many requests are live: arrived, not cancelled, not complete.
    #[must_use]
    pub const fn live(&self) -> usize {
        self.live
    }

    /// How many live requests have not had a chunk.
    #[must_use]
    pub const fn waiting(&self) -> u32 {
        self.waiting.count()
    }

    /// Whether somebody could start a chunk now if a core asked: nobody's limit keeps him.
    #[must_use]
    pub const fn somebody_in_line(&self) -> bool {
        self.tenants.somebody_in_line()
    }

    /// Whether a request keeps this core, so that nothing else starts on it.
    #[must_use]
    pub fn is_kept(&self, core: usize) -> bool {
        self.cores
            .get(core)
            .is_some_and(|core| core.keeps.is_some())
    }

    /// How many cores pick.
    #[must_use]
    pub const fn cores(&self) -> usize {
        self.online
    }

    /// The policy in force.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The account of a live request's work.
    #[must_use]
    pub fn work(&self, request: RequestKey) -> Option<&Work> {
        self.requests
            .find(request)
            .map(|slot| &self.requests[slot].work)
    }

    /// A request arrives. O(log n); `hesrpt` also ranks anew those that have run since the last
    /// arrival or departure.
    ///
    /// # Errors
    ///
    /// Says why it is not admitted; nothing is kept of it then.
    pub fn arrive(&mut self, now_ns: u64, arrival: &Arrival) -> Result<RequestKey, Refusal> {
        if self.policy.definition().needs_size && arrival.size == Size::Unknown {
            return Err(Refusal::SizeUnknown);
        }
        let tenant = arrival.tenant.0;
        if !self.tenants.exists(tenant) {
            return Err(Refusal::UnknownTenant);
        }
        self.waiting.admit(now_ns, arrival.deadline_ns)?;
        let request = self.admitted(now_ns, arrival);
        let key = self.requests.insert(request).ok_or(Refusal::TooMany)?;
        self.arrivals += 1;
        self.live += 1;
        self.waiting.enter(now_ns, key.slot, arrival.deadline_ns);
        self.tenants.on_arrival(tenant);
        let queue = self.tenants.queue(tenant);
        queue.enter(key.slot, &mut self.requests[key.slot]);
        queue.settle(&self.requests);
        self.tenants.settle(tenant, now_ns);
        Ok(key)
    }

    fn admitted(&self, now_ns: u64, arrival: &Arrival) -> Request {
        Request {
            work: Work {
                size: arrival.size,
                dispatched_ns: 0,
                virtual_time: 0,
                deadline_ns: arrival.deadline_ns.unwrap_or(NO_DEADLINE),
                weight: arrival.weight,
                rank_share: 0,
            },
            id: arrival.id,
            sequence: self.arrivals,
            last_start_ns: now_ns,
            precedence: !arrival.priority,
            tenant: arrival.tenant.0,
            max_cores: arrival.max_cores,
            most_in_flight: self.policy.width().most_in_flight(arrival.max_cores),
            in_flight: 0,
            claimable: arrival.claimable,
            stage: Stage::Waiting,
            member: 0,
            generation: 0,
        }
    }

    /// The driver could start so many more slices of a request now.
    pub fn offer(&mut self, now_ns: u64, request: RequestKey, claimable: u32) {
        if let Some(slot) = self.requests.find(request) {
            self.requests[slot].claimable = claimable;
            self.release_if_out_of_work(slot);
            self.place(now_ns, slot);
        }
    }

    /// A core's slice ends: it took `used_ns`, and `claimable` more could start now.
    ///
    /// Without a slice on that core it is [`AfterSlice::Gone`] and changes nothing.
    pub fn end_slice(
        &mut self,
        now_ns: u64,
        core: usize,
        used_ns: u64,
        claimable: u32,
    ) -> AfterSlice {
        let Some(running) = self.cores.get_mut(core).and_then(|core| {
            core.recalled = false;
            core.running.take()
        }) else {
            return AfterSlice::Gone;
        };
        let slot = running.slot;
        self.requests[slot].in_flight -= 1;
        self.reconcile(now_ns, &running, used_ns);
        let after = self.after_slice(now_ns, slot, claimable);
        if core >= self.online || after != AfterSlice::Live {
            self.release(core);
        }
        if after == AfterSlice::Live {
            self.release_if_out_of_work(slot);
            self.place(now_ns, slot);
        }
        after
    }

    fn after_slice(&mut self, now_ns: u64, slot: u32, claimable: u32) -> AfterSlice {
        let request = &mut self.requests[slot];
        if request.stage == Stage::Gone {
            let tenant = request.tenant;
            if request.in_flight == 0 {
                self.requests.remove(slot);
            }
            self.tenants.settle(tenant, now_ns);
            return AfterSlice::Gone;
        }
        request.claimable = claimable;
        let work = &request.work;
        if request.in_flight == 0
            && matches!(work.size, Size::Exact(ns) if work.dispatched_ns >= ns)
        {
            self.depart(now_ns, slot);
            return AfterSlice::Finished;
        }
        AfterSlice::Live
    }

    fn reconcile(&mut self, now_ns: u64, running: &Running, used_ns: u64) {
        let planned_ns = running.planned_ns;
        if used_ns == planned_ns {
            return;
        }
        let request = &mut self.requests[running.slot];
        let dispatched_ns = request.work.dispatched_ns - planned_ns;
        request.work.dispatched_ns = dispatched_ns.saturating_add(used_ns);
        let tenant = request.tenant;
        if running.is_known_to_order {
            let rank_share = running.rank_share;
            let queue = self.tenants.queue(tenant);
            queue.reconcile(&mut request.work, planned_ns, used_ns, rank_share);
        }
        self.tenants.reconcile(tenant, now_ns, planned_ns, used_ns);
        if let Some(limit) = &mut self.machine {
            limit.reconcile(now_ns, planned_ns, used_ns);
        }
    }

    /// Starts no further chunk of a request; false if it was not live.
    pub fn cancel(&mut self, now_ns: u64, request: RequestKey) -> bool {
        let slot = self.requests.find(request);
        if let Some(slot) = slot {
            self.depart(now_ns, slot);
        }
        slot.is_some()
    }

    /// The driver's word that a request without an exact size is done; false if it was not live.
    pub fn complete(&mut self, now_ns: u64, request: RequestKey) -> bool {
        self.cancel(now_ns, request)
    }

    /// Gives up a waiting request whose patience or deadline has run out, if there is one. Call
    /// until there is none.
    pub fn expire(&mut self, now_ns: u64) -> Option<(RequestKey, Expiry)> {
        let slot = self.waiting.expired(now_ns)?;
        let key = self.requests.key_of(slot);
        let late = self.waiting.bounds().refuse_late
            && self.requests[slot]
                .work
                .deadline_ns()
                .is_some_and(|deadline| deadline <= now_ns);
        self.depart(now_ns, slot);
        let retry_after_ns = self.waiting.retry_after_ns();
        let expiry = if late {
            Expiry::DeadlinePassed
        } else {
            Expiry::WaitedTooLong { retry_after_ns }
        };
        Some((key, expiry))
    }

    /// Forgets a live request; its slot lives on while chunks run.
    fn depart(&mut self, now_ns: u64, slot: u32) {
        let request = &mut self.requests[slot];
        let (tenant, stage) = (request.tenant, request.stage);
        request.stage = Stage::Gone;
        let idle = request.in_flight == 0;
        self.live -= 1;
        match stage {
            Stage::Waiting => self.waiting.leave(slot),
            Stage::Kept { core } if idle => self.cores[core as usize].keeps = None,
            Stage::Kept { .. } | Stage::Started | Stage::Gone => {}
        }
        let queue = self.tenants.queue(tenant);
        queue.leave(&self.requests[slot]);
        queue.settle(&self.requests);
        self.tenants.on_departure(tenant);
        self.tenants.settle(tenant, now_ns);
        if idle {
            self.requests.remove(slot);
        }
    }

    /// Puts a live request and its tenant where they belong.
    fn place(&mut self, now_ns: u64, slot: u32) {
        let request = &self.requests[slot];
        let tenant = request.tenant;
        self.tenants.queue(tenant).place(request);
        self.tenants.settle(tenant, now_ns);
    }

    /// A kept core is free when its request has nothing to run on it: who waits holds no core.
    fn release_if_out_of_work(&mut self, slot: u32) {
        let request = &self.requests[slot];
        if let Stage::Kept { core } = request.stage
            && request.in_flight == 0
            && !request.has_work()
        {
            self.release(core as usize);
        }
    }

    fn release(&mut self, core: usize) {
        if let Some(slot) = self.cores[core].keeps.take()
            && let Some(request) = self.requests.get_mut(slot)
            && matches!(request.stage, Stage::Kept { core: kept } if kept as usize == core)
        {
            request.stage = Stage::Started;
        }
    }

    fn keeps_cores(&self) -> bool {
        matches!(self.policy.width(), Width::Kept)
    }
}
