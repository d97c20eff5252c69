//! What the executor's lock guards.

use super::{Afterwards, EndedSlice, Next};
use crate::cores::Core;
use crate::error::Error;
use crate::foreign::ForeignUse;
use crate::history::History;
use crate::metrics::{CoreMetrics, Metrics};
use crate::parking::IdleSet;
use crate::recorder::Recorder;
use crate::request::{MAX_WEIGHT, Request};
use crate::slice::SliceEnd;
use crate::task::Task;
use millicore_policy::scheduler::{Arrival, Decision};
use millicore_policy::work::Size;
use millicore_policy::{RequestKey, TenantId};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct State {
    pub(super) recorder: Recorder,
    pub(super) phase: Phase,
    pub(super) idle: IdleSet,
    /// Every core, also those that are going.
    pub(super) cores: Vec<Arc<Core>>,
    /// What each core works on.
    running: Vec<Option<RequestKey>>,
    /// Which cores have a thread.
    staffed: Vec<bool>,
    /// The live requests, by the index of their keys.
    tasks: Vec<Option<Arc<Task>>>,
    history: History,
    counted: Metrics,
    /// What else uses up the CPU limit, if there is one.
    foreign: Option<ForeignUse>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    Closing,
    Stopped,
}

impl State {
    pub(super) fn new(recorder: Recorder, cores: usize) -> Self {
        Self {
            recorder,
            phase: Phase::Open,
            idle: IdleSet::default(),
            cores: (0..cores).map(|index| Arc::new(Core::new(index))).collect(),
            running: vec![None; cores],
            staffed: vec![false; cores],
            tasks: Vec::new(),
            history: History::default(),
            counted: Metrics::default(),
            foreign: None,
        }
    }

    /// What else is charged to the CPU limit from now on.
    pub(super) fn set_foreign(&mut self, foreign: Option<ForeignUse>) {
        self.foreign = foreign;
    }

    /// Charges the CPU limit with what others have used of it, if that is due.
    pub(super) fn charge_foreign(&mut self, now_ns: u64) {
        if let Some(foreign) = &mut self.foreign
            && let Some(used_ns) = foreign.due_ns(now_ns)
        {
            self.recorder.charge_machine(now_ns, used_ns);
        }
    }

    pub(super) const fn live(&self) -> usize {
        self.recorder.scheduler().live()
    }

    pub(super) fn tasks(&self) -> Vec<Arc<Task>> {
        self.tasks.iter().flatten().cloned().collect()
    }

    pub(super) fn submit(
        &mut self,
        now_ns: u64,
        task: &Arc<Task>,
        request: &Request,
        afterwards: &mut Afterwards,
    ) -> Result<(), Error> {
        self.counted.submitted += 1;
        let admitted = self.admit(now_ns, task, request);
        match admitted {
            Ok(key) => {
                self.keep(key, task);
                self.call_for(now_ns, task, afterwards);
                Ok(())
            }
            Err(error) => {
                self.counted.refused += 1;
                Err(error)
            }
        }
    }

    fn admit(&mut self, now: u64, task: &Task, request: &Request) -> Result<RequestKey, Error> {
        if self.phase != Phase::Open {
            return Err(Error::ShutDown);
        }
        let tenant =
            match &request.tenant {
                None => TenantId::NOBODY,
                Some(name) => self.recorder.scheduler().find_tenant(name).ok_or_else(|| {
                    Error::UnknownTenant {
                        name: name.to_string(),
                    }
                })?,
            };
        let arrival = Arrival {
            priority: request.priority,
            weight: request.weight.map_or(1, NonZeroU32::get).min(MAX_WEIGHT),
            max_cores: request.max_cores,
            deadline_ns: request
                .deadline
                .map(|deadline| now.saturating_add(nanoseconds(deadline))),
            tenant,
            claimable: task.claimable(),
            ..Arrival::new(task.id, self.size_of(request))
        };
        let arrived = self.recorder.arrive(now, &arrival);
        arrived.map_err(|refusal| Error::from_refusal(refusal, self.recorder.scheduler().policy()))
    }

    fn size_of(&self, request: &Request) -> Size {
        let class = || {
            request
                .class
                .as_ref()
                .and_then(|class| self.history.estimate_ns(class))
        };
        request
            .size
            .map(nanoseconds)
            .or_else(class)
            .map_or(Size::Unknown, Size::Estimate)
    }

    fn keep(&mut self, key: RequestKey, task: &Arc<Task>) {
        task.set_key(key);
        if self.tasks.len() <= key.index() {
            self.tasks.resize(key.index() + 1, None);
        }
        self.tasks[key.index()] = Some(Arc::clone(task));
    }

    pub(super) fn offer(
        &mut self,
        now_ns: u64,
        task: &Task,
        own: u32,
        afterwards: &mut Afterwards,
    ) {
        if let Some(key) = task.key() {
            let claimable = task.claimable().saturating_sub(own);
            self.recorder.offer(now_ns, key, claimable);
            self.call_for(now_ns, task, afterwards);
        }
    }

    /// Finds a core for a request that could start: a sleeper, or one whose request comes later.
    fn call_for(&mut self, now_ns: u64, task: &Task, afterwards: &mut Afterwards) {
        if let Some(sleeper) = self.idle.take() {
            afterwards.wake.push(Arc::clone(&self.cores[sleeper]));
        } else if let Some(key) = task.key()
            && let Some(core) = self.recorder.recall(now_ns, key)
        {
            self.counted.recalls += 1;
            self.cores[core].interrupt();
        }
    }

    /// A core that goes to work wakes another while somebody stands in line, or if it kept the
    /// time for those who sleep.
    pub(super) fn call_another(&mut self, kept_time: bool, afterwards: &mut Afterwards) {
        if (kept_time || self.recorder.scheduler().somebody_in_line())
            && let Some(sleeper) = self.idle.take()
        {
            afterwards.wake.push(Arc::clone(&self.cores[sleeper]));
        }
    }

    /// A core that found nothing to do goes to sleep; returns until when, if it keeps a time.
    pub(super) fn fall_asleep(&mut self, core: &Core, until_ns: Option<u64>) -> Option<u64> {
        if self.recorder.scheduler().is_kept(core.index) {
            self.idle.enter_bound(core.index);
            until_ns
        } else {
            self.idle.enter(core.index, until_ns)
        }
    }

    /// Wakes the sleepers whose cores are kept no more.
    fn wake_unbound(&mut self, afterwards: &mut Afterwards) {
        let scheduler = self.recorder.scheduler();
        for sleeper in self.idle.take_unbound(|core| scheduler.is_kept(core)) {
            afterwards.wake.push(Arc::clone(&self.cores[sleeper]));
        }
    }

    pub(super) fn wake_all(&mut self, afterwards: &mut Afterwards) {
        for sleeper in self.idle.take_all() {
            afterwards.wake.push(Arc::clone(&self.cores[sleeper]));
        }
    }

    pub(super) fn decide(&mut self, now_ns: u64, core: &Core) -> Decision {
        self.recorder.pick(now_ns, core.index)
    }

    pub(super) fn run(&mut self, now_ns: u64, core: &Core, request: RequestKey) -> Next {
        let Some(task) = self.tasks.get(request.index()).and_then(Option::clone) else {
            return Next::Sleep(Some(Duration::ZERO));
        };
        core.clear_interrupt();
        self.running[core.index] = Some(request);
        task.usage.on_slice_start(now_ns);
        Next::Run(task, self.recorder.scheduler().cores())
    }

    pub(super) fn end_slice(
        &mut self,
        now_ns: u64,
        core: &Core,
        ended: EndedSlice,
        afterwards: &mut Afterwards,
    ) {
        let EndedSlice { task, cpu_ns, end } = ended;
        core.busy_ns.fetch_add(cpu_ns, Ordering::Relaxed);
        if let Some(foreign) = &mut self.foreign {
            foreign.add_own(cpu_ns);
        }
        core.slices.fetch_add(1, Ordering::Relaxed);
        task.usage.on_slice_end(cpu_ns);
        if task.usage.has_ended() {
            self.counted.cpu_time += Duration::from_nanos(cpu_ns);
        }
        self.running[core.index] = None;
        let claimable = match end {
            SliceEnd::Open => task.claimable(),
            SliceEnd::Done => {
                self.complete(now_ns, &task, afterwards);
                0
            }
            SliceEnd::Panicked(message) => {
                self.end(now_ns, &task, Error::Panicked { message }, afterwards);
                0
            }
        };
        self.recorder
            .end_slice(now_ns, core.index, cpu_ns, claimable);
        if task.is_completed()
            && task.usage.cores() == 0
            && let Some(class) = &task.class
        {
            self.history.record(class, task.usage.cpu_ns());
        }
    }

    fn complete(&mut self, now_ns: u64, task: &Arc<Task>, afterwards: &mut Afterwards) {
        if !task
            .key()
            .is_some_and(|key| self.recorder.complete(now_ns, key))
        {
            return;
        }
        self.counted.completed += 1;
        task.set_completed();
        self.forget(now_ns, task, Ok(()), afterwards);
    }

    pub(super) fn cancel(
        &mut self,
        now_ns: u64,
        task: &Arc<Task>,
        error: Error,
        afterwards: &mut Afterwards,
    ) {
        self.end(now_ns, task, error, afterwards);
    }

    /// Ends a live request without a result: no chunk of it starts from here on.
    fn end(&mut self, now: u64, task: &Arc<Task>, error: Error, afterwards: &mut Afterwards) {
        let Some(key) = task.key() else { return };
        if !self.recorder.cancel(now, key) {
            return;
        }
        for (core, _) in self
            .cores
            .iter()
            .zip(&self.running)
            .filter(|(_, on)| **on == Some(key))
        {
            core.interrupt();
        }
        self.wake_unbound(afterwards);
        match error {
            Error::Panicked { .. } => self.counted.panicked += 1,
            _ => self.counted.cancelled += 1,
        }
        self.forget(now, task, Err(error), afterwards);
    }

    fn forget(
        &mut self,
        now_ns: u64,
        task: &Arc<Task>,
        end: Result<(), Error>,
        afterwards: &mut Afterwards,
    ) {
        task.usage.on_end(now_ns);
        let used = task.usage.snapshot(now_ns, (0, 0));
        self.counted.cpu_time += used.cpu_time;
        self.counted.waited += used.waited;
        if let Some(kept) = task.key().and_then(|key| self.tasks.get_mut(key.index())) {
            *kept = None;
        }
        afterwards.ended.push((Arc::clone(task), end));
    }

    /// Gives up the requests whose patience or deadline has run out.
    pub(super) fn expire(&mut self, now_ns: u64, afterwards: &mut Afterwards) {
        while let Some((key, expiry)) = self.recorder.expire(now_ns) {
            if let Some(task) = self.tasks.get(key.index()).and_then(Option::clone) {
                self.counted.expired += 1;
                self.forget(now_ns, &task, Err(Error::from_expiry(expiry)), afterwards);
            }
        }
    }

    /// Whether a core goes on; if not, its thread is to end.
    pub(super) fn keeps_core(&mut self, core: &Core) -> bool {
        let keeps = self.phase != Phase::Stopped && core.index < self.recorder.scheduler().cores();
        self.staffed[core.index] = keeps;
        keeps
    }

    pub(super) fn set_cores(&mut self, now_ns: u64, cores: usize, afterwards: &mut Afterwards) {
        self.recorder.set_cores(now_ns, cores);
        while self.cores.len() < cores {
            self.cores.push(Arc::new(Core::new(self.cores.len())));
            self.running.push(None);
            self.staffed.push(false);
        }
        for core in self.cores.iter().skip(cores) {
            core.interrupt();
        }
        self.wake_all(afterwards);
    }

    /// The cores that need a thread, which they are taken to have from now on.
    pub(super) fn staff(&mut self) -> Vec<Arc<Core>> {
        let cores = self.recorder.scheduler().cores();
        let staffed = self.staffed.iter_mut().take(cores);
        let unstaffed = self
            .cores
            .iter()
            .zip(staffed)
            .filter_map(|(core, staffed)| {
                (!std::mem::replace(staffed, true)).then(|| Arc::clone(core))
            });
        unstaffed.collect()
    }

    pub(super) fn metrics(&self) -> Metrics {
        let scheduler = self.recorder.scheduler();
        let of_core = |core: &Arc<Core>| CoreMetrics {
            busy: Duration::from_nanos(core.busy_ns.load(Ordering::Relaxed)),
            slices: core.slices.load(Ordering::Relaxed),
        };
        Metrics {
            live: scheduler.live(),
            waiting: scheduler.waiting(),
            cores: self.cores.iter().map(of_core).collect(),
            ..self.counted.clone()
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
