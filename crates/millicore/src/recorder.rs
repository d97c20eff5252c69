//! The scheduler with its journal: every call and its answer, in the order they were made.

use millicore_policy::admission::{Expiry, Refusal};
use millicore_policy::journal::{Answer, Entry, Event};
use millicore_policy::limit::LimitSpec;
use millicore_policy::scheduler::{AfterSlice, Arrival, Decision, SizesUnknown};
use millicore_policy::{Policy, RequestKey, Scheduler, TenantId, TenantSpec};

#[derive(Debug)]
pub(crate) struct Recorder {
    scheduler: Scheduler,
    /// `None` when nobody wants a journal.
    entries: Option<Vec<Entry>>,
    sequence: u64,
}

impl Recorder {
    pub(crate) const fn new(scheduler: Scheduler, keep_journal: bool) -> Self {
        let entries = if keep_journal { Some(Vec::new()) } else { None };
        Self {
            scheduler,
            entries,
            sequence: 0,
        }
    }

    pub(crate) const fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// The entries since the last call.
    pub(crate) fn take_entries(&mut self) -> Vec<Entry> {
        self.entries
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    fn note(&mut self, now_ns: u64, call: impl FnOnce() -> (Event, Answer)) {
        if let Some(entries) = &mut self.entries {
            let (event, answer) = call();
            entries.push(Entry {
                sequence: self.sequence,
                now_ns,
                event,
                answer,
            });
            self.sequence += 1;
        }
    }

    pub(crate) fn arrive(&mut self, now: u64, arrival: &Arrival) -> Result<RequestKey, Refusal> {
        let answer = self.scheduler.arrive(now, arrival);
        self.note(now, || {
            (
                Event::Arrive(Box::new(arrival.clone())),
                Answer::Arrived(answer),
            )
        });
        answer
    }

    pub(crate) fn offer(&mut self, now: u64, request: RequestKey, claimable: u32) {
        self.scheduler.offer(now, request, claimable);
        self.note(now, || {
            (Event::Offer { request, claimable }, Answer::Nothing)
        });
    }

    pub(crate) fn end_slice(
        &mut self,
        now: u64,
        core: usize,
        used_ns: u64,
        claimable: u32,
    ) -> AfterSlice {
        let answer = self.scheduler.end_slice(now, core, used_ns, claimable);
        self.note(now, || {
            (
                Event::EndSlice {
                    core,
                    used_ns,
                    claimable,
                },
                Answer::AfterSlice(answer),
            )
        });
        answer
    }

    pub(crate) fn cancel(&mut self, now: u64, request: RequestKey) -> bool {
        let answer = self.scheduler.cancel(now, request);
        self.note(now, || (Event::Cancel { request }, Answer::WasLive(answer)));
        answer
    }

    pub(crate) fn complete(&mut self, now: u64, request: RequestKey) -> bool {
        let answer = self.scheduler.complete(now, request);
        self.note(now, || {
            (Event::Complete { request }, Answer::WasLive(answer))
        });
        answer
    }

    pub(crate) fn expire(&mut self, now: u64) -> Option<(RequestKey, Expiry)> {
        let answer = self.scheduler.expire(now);
        // A journal of all the times when nobody had expired would say nothing.
        if answer.is_some() {
            self.note(now, || (Event::Expire, Answer::Expired(answer)));
        }
        answer
    }

    pub(crate) fn pick(&mut self, now: u64, core: usize) -> Decision {
        let answer = self.scheduler.pick(now, core);
        self.note(now, || (Event::Pick { core }, Answer::Decided(answer)));
        answer
    }

    pub(crate) fn recall(&mut self, now: u64, request: RequestKey) -> Option<usize> {
        let answer = self.scheduler.recall(now, request);
        self.note(now, || {
            (Event::Recall { request }, Answer::Recalled(answer))
        });
        answer
    }

    pub(crate) fn set_policy(&mut self, now: u64, policy: Policy) -> Result<(), SizesUnknown> {
        let answer = self.scheduler.set_policy(now, policy);
        self.note(now, || {
            (Event::SetPolicy(policy), Answer::PolicySet(answer))
        });
        answer
    }

    pub(crate) fn set_cores(&mut self, now: u64, cores: usize) {
        self.scheduler.set_cores(now, cores);
        self.note(now, || (Event::SetCores(cores), Answer::Nothing));
    }

    pub(crate) fn set_machine_limit(&mut self, now: u64, limit: Option<LimitSpec>) {
        self.scheduler.set_machine_limit(now, limit);
        self.note(now, || (Event::SetMachineLimit(limit), Answer::Nothing));
    }

    pub(crate) fn charge_machine(&mut self, now: u64, used_ns: u64) {
        self.scheduler.charge_machine(now, used_ns);
        self.note(now, || (Event::ChargeMachine { used_ns }, Answer::Nothing));
    }

    pub(crate) fn set_tenant(&mut self, now: u64, spec: TenantSpec) -> Option<TenantId> {
        let event = self
            .entries
            .is_some()
            .then(|| Event::SetTenant(Box::new(spec.clone())));
        let answer = self.scheduler.set_tenant(now, spec);
        if let Some(event) = event {
            self.note(now, || (event, Answer::TenantSet(answer)));
        }
        answer
    }
}
