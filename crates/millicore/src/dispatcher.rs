//! Between the threads and the policy: one lock, events in, decisions out.

mod state;

use crate::clock::Clock;
use crate::completion::lock;
use crate::cores::Core;
use crate::error::Error;
use crate::foreign::ForeignUse;
use crate::metrics::Metrics;
use crate::recorder::Recorder;
use crate::request::Request;
use crate::slice::{Grain, SliceEnd};
use crate::task::Task;
use millicore_policy::Scheduler;
use millicore_policy::journal::Entry;
use millicore_policy::limit::LimitSpec;
use millicore_policy::scheduler::{Config, Decision};
use state::{Phase, State};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Dispatcher {
    pub(crate) clock: Clock,
    pub(crate) grain: Grain,
    state: Mutex<State>,
    /// Signalled when the last live request has ended.
    drained: Condvar,
    ids: AtomicU64,
}

/// What a core does next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Work on this request for a slice, among so many cores.
    Run(Arc<Task>, usize),
    /// Sleep, for so long at the most.
    Sleep(Option<Duration>),
    /// The executor stops, or has this core no more.
    Stop,
}

/// A slice that has ended.
#[derive(Debug)]
pub(crate) struct EndedSlice {
    pub(crate) task: Arc<Task>,
    pub(crate) cpu_ns: u64,
    pub(crate) end: SliceEnd,
}

/// What is left to do when the lock has been given up, because it wakes threads or runs code of
/// the caller's.
#[derive(Debug, Default)]
struct Afterwards {
    wake: Vec<Arc<Core>>,
    ended: Vec<(Arc<Task>, Result<(), Error>)>,
}

impl Afterwards {
    fn run(self) {
        for core in self.wake {
            core.parker.unpark();
        }
        for (task, end) in self.ended {
            task.close(end);
        }
    }
}

impl Dispatcher {
    pub(crate) fn new(clock: Clock, config: &Config, target_ns: u64, keep_journal: bool) -> Self {
        let recorder = Recorder::new(Scheduler::new(config), keep_journal);
        Self {
            clock,
            grain: Grain {
                slice_ns: config.slice_ns,
                target_ns,
            },
            state: Mutex::new(State::new(recorder, config.cores)),
            drained: Condvar::new(),
            ids: AtomicU64::new(0),
        }
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    fn with_state<R>(&self, change: impl FnOnce(&mut State, u64, &mut Afterwards) -> R) -> R {
        let mut afterwards = Afterwards::default();
        let mut state = lock(&self.state);
        // Read under the lock, so that time never goes back between two events.
        let now_ns = self.clock.now_ns();
        let result = change(&mut state, now_ns, &mut afterwards);
        let drained = state.live() == 0 && state.phase != Phase::Open;
        drop(state);
        if drained {
            self.drained.notify_all();
        }
        afterwards.run();
        result
    }

    /// Hands a request to the policy, its body in place.
    pub(crate) fn submit(&self, task: &Arc<Task>, request: &Request) -> Result<(), Error> {
        self.with_state(|state, now_ns, afterwards| state.submit(now_ns, task, request, afterwards))
    }

    /// Tells the policy how many slices of a request could start now, beside what the calling core
    /// goes on with in its own.
    pub(crate) fn offer(&self, task: &Task, own: u32) {
        self.with_state(|state, now_ns, afterwards| state.offer(now_ns, task, own, afterwards));
    }

    /// Ends a request without a result, if it is live.
    pub(crate) fn cancel(&self, task: &Arc<Task>, error: Error) {
        self.with_state(|state, now_ns, afterwards| {
            state.cancel(now_ns, task, error, afterwards);
        });
    }

    /// Accounts for the slice that a core has ended, if any, and decides what it does next.
    pub(crate) fn turn(&self, core: &Arc<Core>, ended: Option<EndedSlice>) -> Next {
        self.with_state(|state, now_ns, afterwards| {
            let kept_time = state.idle.leave(core.index);
            if let Some(ended) = ended {
                state.end_slice(now_ns, core, ended, afterwards);
            }
            state.charge_foreign(now_ns);
            if !state.keeps_core(core) {
                // What this core worked on, or was woken for, is now another's.
                state.call_another(kept_time, afterwards);
                return Next::Stop;
            }
            state.expire(now_ns, afterwards);
            match state.decide(now_ns, core) {
                Decision::Run { request, .. } => {
                    state.call_another(kept_time, afterwards);
                    state.run(now_ns, core, request)
                }
                Decision::Idle { until_ns } => {
                    let until_ns = state.fall_asleep(core, until_ns);
                    let nap_ns = until_ns.map(|until_ns| until_ns.saturating_sub(now_ns));
                    Next::Sleep(nap_ns.map(Duration::from_nanos))
                }
            }
        })
    }

    /// For a virtual machine: accounts for a slice that a core has ended.
    pub(crate) fn end_slice(&self, core: &Arc<Core>, ended: EndedSlice) {
        self.with_state(|state, now_ns, afterwards| {
            state.end_slice(now_ns, core, ended, afterwards);
        });
    }

    /// For a virtual machine: what an idle core does, and when to ask again if nothing.
    pub(crate) fn decide(&self, core: &Arc<Core>) -> Result<(Arc<Task>, usize), Option<u64>> {
        self.with_state(|state, now_ns, afterwards| {
            state.expire(now_ns, afterwards);
            match state.decide(now_ns, core) {
                Decision::Run { request, .. } => match state.run(now_ns, core, request) {
                    Next::Run(task, cores) => Ok((task, cores)),
                    Next::Sleep(_) | Next::Stop => Err(None),
                },
                Decision::Idle { until_ns } => Err(until_ns),
            }
        })
    }

    /// The first core: all that there are, where one thread works alone.
    pub(crate) fn first_core(&self) -> Arc<Core> {
        Arc::clone(&lock(&self.state).cores[0])
    }

    pub(crate) fn cores(&self) -> Vec<Arc<Core>> {
        lock(&self.state).cores.clone()
    }

    /// Changes something about the scheduler and lets every sleeper decide anew.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut Recorder, u64) -> R) -> R {
        self.change_state(|state, now_ns| change(&mut state.recorder, now_ns))
    }

    fn change_state<R>(&self, change: impl FnOnce(&mut State, u64) -> R) -> R {
        self.with_state(|state, now_ns, afterwards| {
            let result = change(state, now_ns);
            state.wake_all(afterwards);
            result
        })
    }

    /// Changes the limit on CPU time, and who else uses it up.
    pub(crate) fn set_machine_limit(&self, limit: Option<LimitSpec>, foreign: Option<ForeignUse>) {
        self.change_state(|state, now_ns| {
            state.recorder.set_machine_limit(now_ns, limit);
            state.set_foreign(foreign);
        });
    }

    /// Changes the number of cores. Cores that are new need a thread, see [`Self::staff`].
    pub(crate) fn set_cores(&self, cores: usize) {
        self.with_state(|state, now_ns, afterwards| state.set_cores(now_ns, cores, afterwards));
    }

    /// The cores that need a thread; the caller gives them one.
    pub(crate) fn staff(&self) -> Vec<Arc<Core>> {
        lock(&self.state).staff()
    }

    /// Admits nothing any more; then waits until nothing is live, or ends what is.
    pub(crate) fn close(&self, abort: bool) {
        self.with_state(|state, now_ns, afterwards| {
            state.phase = Phase::Closing;
            if abort {
                for task in state.tasks() {
                    state.cancel(now_ns, &task, Error::ShutDown, afterwards);
                }
            }
        });
        let mut state = lock(&self.state);
        while state.live() > 0 {
            state = self
                .drained
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        self.with_state(|state, _, afterwards| {
            state.phase = Phase::Stopped;
            state.wake_all(afterwards);
        });
    }

    pub(crate) fn metrics(&self) -> Metrics {
        lock(&self.state).metrics()
    }

    pub(crate) fn take_journal(&self) -> Vec<Entry> {
        lock(&self.state).recorder.take_entries()
    }

    pub(crate) fn core_count(&self) -> usize {
        lock(&self.state).recorder.scheduler().cores()
    }

    pub(crate) fn policy(&self) -> millicore_policy::Policy {
        *lock(&self.state).recorder.scheduler().policy()
    }
}
