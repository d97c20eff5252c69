//! Virtual cores driven by a script: every answer of the scheduler is held against the model, and
//! at the end all requests drain and the journal replays to the same answers.

use crate::account::Account;
use crate::model::{Ended, Expected, Model};
use crate::script::{NAMES, Newcomer, Script, Step};
use millicore_policy::admission::{Expiry, Refusal};
use millicore_policy::journal::{Answer, Event};
use millicore_policy::scheduler::{AfterSlice, Arrival, Config, Decision, Scheduler};
use millicore_policy::work::Size;
use millicore_policy::{Policy, RequestKey, TenantSpec};

/// Lives the whole script. Panics where the scheduler and the model part.
pub(crate) fn run(script: &Script) {
    let mut driver = Driver::new(&script.config);
    for step in &script.steps {
        driver.step(step);
        driver.check_counts();
    }
    driver.drain();
    driver.replay(&script.config);
}

struct Driver {
    scheduler: Scheduler,
    model: Model,
    journal: Vec<(u64, Event, Answer)>,
}

/// More turns than the longest script needs to drain.
const MOST_TURNS: usize = 1_000_000;

impl Driver {
    fn new(config: &Config) -> Self {
        let scheduler = Scheduler::new(config);
        let model = Model::new(config);
        let mut driver = Self {
            scheduler,
            model,
            journal: Vec::new(),
        };
        for name in NAMES {
            driver.set_tenant(
                TenantSpec {
                    name: name.to_owned(),
                    weight: 1,
                    limit: None,
                },
                name,
            );
        }
        driver
    }

    fn tell(&mut self, event: Event) -> Answer {
        let now_ns = self.model.now_ns;
        let answer = self.scheduler.apply(now_ns, &event);
        self.journal.push((now_ns, event, answer.clone()));
        answer
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Wait { time_ns } => self.model.advance(self.model.now_ns + time_ns),
            Step::Arrive(ref newcomer) => self.arrive(newcomer),
            Step::Offer { request, claimable } => self.offer(self.one_of(request), claimable),
            Step::EndSlice {
                core,
                percent,
                claimable,
            } => {
                self.end_slice(core, percent, claimable);
            }
            Step::Cancel { request } => {
                self.depart(request, |request| Event::Cancel { request });
            }
            Step::Complete { request } => {
                self.depart(request, |request| Event::Complete { request });
            }
            Step::Expire => self.expire(),
            Step::Pick { core } => self.pick_if_idle(core),
            Step::Recall { request } => self.recall(request),
            Step::Turn { percent } => self.turn(percent),
            Step::SetPolicy(policy) => self.set_policy(policy),
            Step::SetCores(cores) => {
                self.tell(Event::SetCores(cores));
                self.model.set_cores(cores);
                assert_eq!(self.scheduler.cores(), cores);
            }
            Step::SetMachineLimit(limit) => {
                self.tell(Event::SetMachineLimit(limit));
                self.model.machine = limit.map(|spec| Account::new(spec, self.model.now_ns));
            }
            Step::ChargeMachine { used_ns } => {
                self.tell(Event::ChargeMachine { used_ns });
                if let Some(limit) = &mut self.model.machine {
                    limit.charge(used_ns);
                }
            }
            Step::SetTenant {
                name,
                weight,
                limit,
            } => {
                self.set_tenant(
                    TenantSpec {
                        name: name.to_owned(),
                        weight,
                        limit,
                    },
                    name,
                );
            }
        }
    }

    /// One of those that have arrived, whether live or not.
    fn one_of(&self, choice: u8) -> Option<usize> {
        // The latest are the most interesting.
        self.model
            .requests
            .len()
            .checked_sub(1 + usize::from(choice % 32))
    }

    fn set_tenant(&mut self, spec: TenantSpec, name: &'static str) {
        let (weight, limit) = (spec.weight, spec.limit);
        let Answer::TenantSet(Some(id)) = self.tell(Event::SetTenant(Box::new(spec))) else {
            unreachable!("there are few tenants");
        };
        assert_eq!(self.scheduler.find_tenant(name), Some(id));
        self.model.set_tenant(id, name, weight, limit);
    }

    fn arrive(&mut self, newcomer: &Newcomer) {
        let now_ns = self.model.now_ns;
        let owner = self
            .model
            .tenants
            .iter()
            .position(|tenant| tenant.name == newcomer.name);
        let tenant = owner.unwrap_or_default();
        let arrival = Arrival {
            id: self.model.requests.len() as u64,
            size: newcomer.size,
            priority: newcomer.priority,
            weight: newcomer.weight,
            max_cores: newcomer.max_cores,
            deadline_ns: newcomer.deadline_after_ns.map(|after_ns| now_ns + after_ns),
            tenant: self.model.tenants[tenant].id,
            claimable: newcomer.claimable,
        };
        let refused = self.refusal(&arrival);
        let answer = self.tell(Event::Arrive(Box::new(arrival.clone())));
        match (refused, answer) {
            (None, Answer::Arrived(Ok(key))) => self.model.arrive(key, tenant, arrival),
            (Some(expected), Answer::Arrived(Err(refusal))) => {
                let retry_after_ns = match refusal {
                    Refusal::QueueFull { retry_after_ns, .. } => retry_after_ns,
                    _ => 0,
                };
                assert_eq!(refusal, expected(retry_after_ns));
            }
            (_, answer) => unreachable!("{arrival:?} is answered {answer:?}"),
        }
    }

    /// Why the design refuses it, given when the scheduler says to come back.
    fn refusal(&self, arrival: &Arrival) -> Option<Box<dyn Fn(u64) -> Refusal>> {
        let admission = &self.model.admission;
        let is_late = arrival
            .deadline_ns
            .is_some_and(|deadline_ns| deadline_ns <= self.model.now_ns);
        let waiting = self.scheduler.waiting();
        if self.model.policy.definition().needs_size && arrival.size == Size::Unknown {
            Some(Box::new(|_| Refusal::SizeUnknown))
        } else if admission.refuse_late && is_late {
            Some(Box::new(|_| Refusal::DeadlinePassed))
        } else if admission.max_waiting.is_some_and(|most| waiting >= most) {
            Some(Box::new(move |retry_after_ns| Refusal::QueueFull {
                waiting,
                retry_after_ns,
            }))
        } else {
            None
        }
    }

    fn offer(&mut self, request: Option<usize>, claimable: u32) {
        let Some(index) = request else { return };
        let request = self.model.requests[index].key;
        self.tell(Event::Offer { request, claimable });
        if self.model.requests[index].is_live {
            self.model.offer(index, claimable);
        }
    }

    fn end_slice(&mut self, core: usize, percent: u64, claimable: u32) {
        let running = self
            .model
            .cores
            .get(core)
            .and_then(|core| core.running.as_ref());
        let used_ns = running.map_or(0, |slice| slice.planned_ns * percent / 100);
        let answer = self.tell(Event::EndSlice {
            core,
            used_ns,
            claimable,
        });
        let expected = match self.model.end(core, used_ns, claimable) {
            Some(Ended::Live) => AfterSlice::Live,
            Some(Ended::Finished) => AfterSlice::Finished,
            Some(Ended::Gone) | None => AfterSlice::Gone,
        };
        assert_eq!(
            answer,
            Answer::AfterSlice(expected),
            "core {core} at {}",
            self.model.now_ns
        );
    }

    fn depart(&mut self, choice: u8, event: impl Fn(RequestKey) -> Event) {
        let Some(index) = self.one_of(choice) else {
            return;
        };
        let answer = self.tell(event(self.model.requests[index].key));
        let was_live = self.model.requests[index].is_live;
        assert_eq!(answer, Answer::WasLive(was_live), "request {index}");
        if was_live {
            self.model.depart(index);
        }
    }

    fn expire(&mut self) {
        let now_ns = self.model.now_ns;
        let is_due = |index: usize| {
            let request = &self.model.requests[index];
            self.model
                .expiry_ns(request)
                .is_some_and(|at_ns| at_ns <= now_ns)
        };
        let due = self
            .model
            .live()
            .filter(|(_, it)| !it.has_started)
            .map(|(index, _)| index);
        let due: Vec<usize> = due.filter(|&index| is_due(index)).collect();
        let Answer::Expired(expired) = self.tell(Event::Expire) else {
            unreachable!("`Expire` is answered by `Expired`");
        };
        let Some((key, expiry)) = expired else {
            assert!(due.is_empty(), "requests {due:?} are due at {now_ns}");
            return;
        };
        let found = due
            .into_iter()
            .find(|&index| self.model.requests[index].key == key);
        assert!(
            found.is_some(),
            "{key:?} expires at {now_ns} and is not due"
        );
        let index = found.unwrap_or_default();
        let deadline_ns = self.model.requests[index].arrival.deadline_ns;
        let is_late =
            self.model.admission.refuse_late && deadline_ns.is_some_and(|it| it <= now_ns);
        assert_eq!(expiry == Expiry::DeadlinePassed, is_late, "request {index}");
        self.model.depart(index);
    }

    fn pick_if_idle(&mut self, core: usize) {
        if self
            .model
            .cores
            .get(core)
            .is_some_and(|core| core.running.is_some())
        {
            return;
        }
        self.pick(core);
    }

    fn pick(&mut self, core: usize) -> Expected {
        let expected = self.model.expected_pick(core);
        let Answer::Decided(decision) = self.tell(Event::Pick { core }) else {
            unreachable!("`Pick` is answered by `Decided`");
        };
        let wanted = match expected {
            Expected::Idle { until_ns } => Decision::Idle { until_ns },
            Expected::Run {
                request,
                planned_ns,
            } => {
                let it = &self.model.requests[request];
                Decision::Run {
                    request: it.key,
                    id: it.arrival.id,
                    planned_ns,
                }
            }
        };
        assert_eq!(
            decision, wanted,
            "core {core} at {} under {}",
            self.model.now_ns, self.model.policy
        );
        if let Expected::Run {
            request,
            planned_ns,
        } = expected
        {
            self.model.start(core, request, planned_ns);
            let work = self.scheduler.work(self.model.requests[request].key);
            let dispatched_ns = work.map(millicore_policy::work::Work::dispatched_ns);
            assert_eq!(
                dispatched_ns,
                Some(self.model.requests[request].dispatched_ns)
            );
        }
        expected
    }

    fn recall(&mut self, choice: u8) {
        let Some(index) = self.one_of(choice) else {
            return;
        };
        let request = self.model.requests[index].key;
        let Answer::Recalled(recalled) = self.tell(Event::Recall { request }) else {
            unreachable!("`Recall` is answered by `Recalled`");
        };
        let model = &self.model;
        // One that is gone gives way to everybody.
        let standing = |index: usize| (!model.requests[index].is_live, model.standing(index));
        let online = || model.cores.iter().take(model.online).enumerate();
        let somebody_idles = online().any(|(_, it)| it.running.is_none() && it.keeps.is_none());
        let is_open = |account: &Account| account.is_open();
        let may_start = model.may_start_anywhere(&model.requests[index])
            && model.shut(index).is_none()
            && model.machine.as_ref().is_none_or(is_open);
        let candidates = online().filter(|(_, it)| it.keeps.is_none() && !it.recalled);
        let last = candidates
            .filter_map(|(core, it)| Some((standing(it.running.as_ref()?.request), core)))
            .filter(|(theirs, _)| may_start && !somebody_idles && *theirs > standing(index))
            .max();
        assert_eq!(recalled, last.map(|(_, core)| core), "for request {index}");
        if let Some(core) = recalled {
            self.model.cores[core].recalled = true;
        }
    }

    fn set_policy(&mut self, policy: Policy) {
        let live = self.model.live();
        let unsized_requests = live
            .filter(|(_, request)| request.arrival.size == Size::Unknown)
            .count();
        let is_refused = policy.definition().needs_size && unsized_requests > 0;
        let answer = self.tell(Event::SetPolicy(policy));
        assert_eq!(
            matches!(answer, Answer::PolicySet(Err(_))),
            is_refused,
            "{policy}"
        );
        if !is_refused {
            self.model.set_policy(policy);
        }
        assert_eq!(*self.scheduler.policy(), self.model.policy);
    }

    fn turn(&mut self, percent: u64) {
        self.model.advance(self.model.now_ns + self.model.slice_ns);
        for core in 0..self.model.cores.len() {
            self.end_slice(core, percent, u32::MAX);
        }
        for core in 0..self.model.online {
            self.pick(core);
        }
    }

    fn check_counts(&self) {
        assert_eq!(self.scheduler.live(), self.model.live().count());
        assert_eq!(
            self.scheduler.waiting() as usize,
            self.model.waiting().count()
        );
    }

    /// Ends everything: whoever is live gets what it still needs, however long the limits take.
    fn drain(&mut self) {
        for _ in 0..MOST_TURNS {
            for core in 0..self.model.cores.len() {
                self.end_slice(core, 100, u32::MAX);
            }
            let dry: Vec<usize> = self
                .model
                .live()
                .filter(|(_, request)| !request.has_work())
                .map(|(index, _)| index)
                .collect();
            for index in dry {
                self.offer(Some(index), u32::MAX);
            }
            self.complete_the_endless();
            if self.model.live().next().is_none() {
                self.check_counts();
                return;
            }
            self.work_or_wait();
        }
        unreachable!("{} requests are lost", self.scheduler.live());
    }

    /// Without an exact size only the driver knows the end: say, once it has had a chunk.
    fn complete_the_endless(&mut self) {
        let endless: Vec<usize> = self
            .model
            .live()
            .filter(|(_, it)| it.has_started && !matches!(it.arrival.size, Size::Exact(_)))
            .map(|(index, _)| index)
            .collect();
        for index in endless {
            let request = self.model.requests[index].key;
            assert_eq!(
                self.tell(Event::Complete { request }),
                Answer::WasLive(true)
            );
            self.model.depart(index);
        }
    }

    fn work_or_wait(&mut self) {
        let mut wakes_ns = None;
        let mut somebody_works = false;
        for core in 0..self.model.online {
            match self.pick(core) {
                Expected::Run { .. } => somebody_works = true,
                Expected::Idle { until_ns } => {
                    wakes_ns = wakes_ns.into_iter().chain(until_ns).min();
                }
            }
        }
        if somebody_works {
            self.model.advance(self.model.now_ns + self.model.slice_ns);
            return;
        }
        assert!(
            wakes_ns.is_some(),
            "requests are live, no core works, and nothing will happen"
        );
        self.model
            .advance(wakes_ns.unwrap_or_default().max(self.model.now_ns));
        self.expire();
    }

    /// The same events give the same answers.
    fn replay(&self, config: &Config) {
        let mut scheduler = Scheduler::new(config);
        for (now_ns, event, answer) in &self.journal {
            assert_eq!(
                scheduler.apply(*now_ns, event),
                *answer,
                "{event:?} at {now_ns}"
            );
        }
    }
}
