//! The journal: what a driver told a scheduler and what it answered, for replay.
//!
//! A scheduler is a pure function of its events, so the same events give the same answers on any
//! machine. A driver that records its calls in the order in which it made them lets a simulator
//! check just that.

use crate::admission::{Expiry, Refusal};
use crate::limit::LimitSpec;
use crate::policy::Policy;
use crate::request::RequestKey;
use crate::scheduler::{AfterSlice, Arrival, Decision, Scheduler, SizesUnknown};
use crate::tenant::{TenantId, TenantSpec};
use alloc::boxed::Box;

/// One call and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counts from 0 without gaps.
    pub sequence: u64,
    /// The driver's clock, in nanoseconds.
    pub now_ns: u64,
    /// What was told or asked.
    pub event: Event,
    /// What was answered.
    pub answer: Answer,
}

/// What a driver tells or asks, one for each method of [`Scheduler`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each variant is documented at the method it stands for"
)]
pub enum Event {
    Arrive(Box<Arrival>),
    Offer {
        request: RequestKey,
        claimable: u32,
    },
    EndSlice {
        core: usize,
        used_ns: u64,
        claimable: u32,
    },
    Cancel {
        request: RequestKey,
    },
    Complete {
        request: RequestKey,
    },
    Expire,
    Pick {
        core: usize,
    },
    Recall {
        request: RequestKey,
    },
    SetPolicy(Policy),
    SetCores(usize),
    SetMachineLimit(Option<LimitSpec>),
    ChargeMachine {
        used_ns: u64,
    },
    SetTenant(Box<TenantSpec>),
}

/// What a scheduler answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each variant is documented at the method it stands for"
)]
pub enum Answer {
    Nothing,
    Arrived(Result<RequestKey, Refusal>),
    AfterSlice(AfterSlice),
    WasLive(bool),
    Expired(Option<(RequestKey, Expiry)>),
    Decided(Decision),
    Recalled(Option<usize>),
    PolicySet(Result<(), SizesUnknown>),
    TenantSet(Option<TenantId>),
}

impl Scheduler {
    /// Does what the event says at the given time.
    pub fn apply(&mut self, now_ns: u64, event: &Event) -> Answer {
        match event {
            Event::Arrive(arrival) => Answer::Arrived(self.arrive(now_ns, arrival)),
            Event::Offer { request, claimable } => {
                self.offer(now_ns, *request, *claimable);
                Answer::Nothing
            }
            Event::EndSlice {
                core,
                used_ns,
                claimable,
            } => Answer::AfterSlice(self.end_slice(now_ns, *core, *used_ns, *claimable)),
            Event::Cancel { request } => Answer::WasLive(self.cancel(now_ns, *request)),
            Event::Complete { request } => Answer::WasLive(self.complete(now_ns, *request)),
            Event::Expire => Answer::Expired(self.expire(now_ns)),
            Event::Pick { core } => Answer::Decided(self.pick(now_ns, *core)),
            Event::Recall { request } => Answer::Recalled(self.recall(now_ns, *request)),
            Event::SetPolicy(policy) => Answer::PolicySet(self.set_policy(now_ns, *policy)),
            Event::SetCores(cores) => {
                self.set_cores(now_ns, *cores);
                Answer::Nothing
            }
            Event::SetMachineLimit(limit) => {
                self.set_machine_limit(now_ns, *limit);
                Answer::Nothing
            }
            Event::ChargeMachine { used_ns } => {
                self.charge_machine(now_ns, *used_ns);
                Answer::Nothing
            }
            Event::SetTenant(spec) => {
                Answer::TenantSet(self.set_tenant(now_ns, spec.as_ref().clone()))
            }
        }
    }
}
