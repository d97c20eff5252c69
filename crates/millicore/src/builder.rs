//! How an executor is set up.

use crate::clock::Clock;
use crate::dispatcher::Dispatcher;
use crate::executor::Executor;
use crate::foreign::ForeignUse;
use crate::request::MAX_WEIGHT;
use crate::worker::Settings;
use millicore_policy::admission::Admission;
use millicore_policy::limit::LimitSpec;
use millicore_policy::scheduler::Config;
use millicore_policy::{Policy, TenantSpec};
use millicore_quota::{LimitSource, Millicores, ProcessLimit};
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How an executor is set up. Everything has a default.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    policy: Policy,
    cores: Option<NonZeroUsize>,
    cpu_limit: CpuLimit,
    slice: Duration,
    chunk_target: Duration,
    ageing: Option<Duration>,
    admission: Admission,
    tenants: Vec<TenantSpec>,
    journal: bool,
    declared_cpu: bool,
    workers: Settings,
}

/// How much CPU time the executor lets its requests use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuLimit {
    /// Just under the quota of this process's group, if it has one; all of the cores otherwise. What
    /// other threads and processes of the group use counts too, so that the kernel freezes nobody.
    Container,
    /// Just under so much, for requests alone.
    AtMost(Millicores),
    /// All of the cores.
    Unlimited,
}

/// Why an executor could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A duration that must be longer than nothing is not.
    #[error("the {what} must be longer than nothing")]
    ZeroDuration {
        /// Which one.
        what: &'static str,
    },
    /// A weight is out of range.
    #[error("the weight of tenant {tenant:?} is {weight}: it must be from 1 to {MAX_WEIGHT}")]
    Weight {
        /// Whose.
        tenant: String,
        /// What was asked for.
        weight: u32,
    },
    /// A worker could not be started.
    #[error("the worker of core {core} could not be started")]
    Worker {
        /// Which one.
        core: usize,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            policy: Policy::fair(),
            cores: None,
            cpu_limit: CpuLimit::Container,
            slice: Duration::from_millis(2),
            chunk_target: Duration::from_micros(100),
            ageing: Some(Duration::from_secs(30)),
            admission: Admission {
                refuse_late: true,
                ..Admission::default()
            },
            tenants: Vec::new(),
            journal: false,
            declared_cpu: false,
            workers: Settings::default(),
        }
    }

    /// Whose turn it is, and how wide. `fair` by default.
    pub const fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// How many cores work. By default as many as this process's CPU limit rounded up.
    pub const fn cores(mut self, cores: NonZeroUsize) -> Self {
        self.cores = Some(cores);
        self
    }

    /// How much CPU time requests may use together. [`CpuLimit::Container`] by default.
    pub const fn cpu_limit(mut self, limit: CpuLimit) -> Self {
        self.cpu_limit = limit;
        self
    }

    /// The longest a core works on one request before it asks again. 2 ms by default.
    ///
    /// Under a container's quota it is at most a fiftieth of what that grants in 100 ms, as the executor
    /// finds it when it is built.
    pub const fn slice(mut self, slice: Duration) -> Self {
        self.slice = slice;
        self
    }

    /// The work that a chunk should be worth where the caller does not fix its length. 100 µs by
    /// default: long enough that what a claim costs is lost in it, short enough to let others in.
    pub const fn chunk_target(mut self, target: Duration) -> Self {
        self.chunk_target = target;
        self
    }

    /// The starvation bound: a request without a chunk start for so long goes before all others of
    /// its tenant. 30 s by default; `None` turns it off.
    pub const fn ageing(mut self, bound: Option<Duration>) -> Self {
        self.ageing = bound;
        self
    }

    /// The most requests that may wait for their first chunk; further ones are refused. Unbounded by
    /// default.
    pub const fn max_waiting(mut self, requests: u32) -> Self {
        self.admission.max_waiting = Some(requests);
        self
    }

    /// The longest a request may wait for its first chunk before it is given up. Unbounded by
    /// default.
    pub fn max_wait(mut self, wait: Duration) -> Self {
        self.admission.max_wait_ns = Some(nanoseconds(wait));
        self
    }

    /// Adds a tenant with a weight from 1 to [`MAX_WEIGHT`] and, if it has one, a limit.
    pub fn tenant(
        mut self,
        name: impl Into<String>,
        weight: NonZeroU32,
        limit: Option<Millicores>,
    ) -> Self {
        self.tenants.push(tenant_spec(name.into(), weight, limit));
        self
    }

    /// Keeps a journal of every decision, see [`Executor::take_journal`]. It grows until it is
    /// taken. Off by default.
    pub const fn journal(mut self, keep: bool) -> Self {
        self.journal = keep;
        self
    }

    /// CPU time is what chunks declare with [`Cpu::declare`](crate::Cpu::declare), not what the
    /// threads' clocks say: for tests on real threads of what depends on it. Off by default.
    pub const fn declared_cpu(mut self, declared: bool) -> Self {
        self.declared_cpu = declared;
        self
    }

    /// Names the worker threads by core; `millicore-0` and so on by default.
    pub fn worker_name(mut self, name: impl Fn(usize) -> String + Send + Sync + 'static) -> Self {
        self.workers.name = Some(Arc::new(name));
        self
    }

    /// Runs on each worker thread before it works, with its core.
    pub fn on_worker_start(mut self, hook: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.workers.on_start = Some(Arc::new(hook));
        self
    }

    /// Pins core `n` to the `n`-th of these processors, counted around. Not pinned by default.
    pub fn pin_to(mut self, processors: impl Into<Arc<[usize]>>) -> Self {
        self.workers.pinned_to = Some(processors.into());
        self
    }

    /// The niceness of the workers, -20 to 19, so that other threads of the process go first. As
    /// far as the process may.
    pub const fn niceness(mut self, niceness: i32) -> Self {
        self.workers.niceness = Some(niceness);
        self
    }

    /// Starts the executor.
    ///
    /// # Errors
    ///
    /// Says what is out of range, or which worker the system did not let start.
    pub fn build(self) -> Result<Executor, BuildError> {
        let epoch = Instant::now();
        let clock = if self.declared_cpu {
            Clock::DeclaredCpu { epoch }
        } else {
            Clock::Machine { epoch }
        };
        let workers = self.workers.clone();
        let dispatcher = self.dispatcher(clock)?;
        Executor::start(dispatcher, workers)
    }

    pub(crate) fn dispatcher(self, clock: Clock) -> Result<Arc<Dispatcher>, BuildError> {
        self.check()?;
        let process = ProcessLimit::read();
        let cores = self
            .cores
            .unwrap_or_else(|| self.cpu_limit.cores(&process))
            .get();
        let config = Config {
            policy: self.policy,
            cores,
            slice_ns: nanoseconds(self.slice).min(self.cpu_limit.most_slice_ns(&process)),
            ageing_ns: self.ageing.map(nanoseconds),
            machine_limit: self.cpu_limit.pace(&process),
            admission: self.admission,
        };
        let target_ns = nanoseconds(self.chunk_target);
        let is_real = matches!(clock, Clock::Machine { .. });
        let dispatcher = Dispatcher::new(clock, &config, target_ns, self.journal);
        // Only CPU time of this machine can be compared with what the machine counts.
        if is_real {
            let foreign = self.cpu_limit.foreign_use(&process);
            dispatcher.set_machine_limit(config.machine_limit, foreign);
        }
        for tenant in self.tenants {
            dispatcher.change(|recorder, now_ns| recorder.set_tenant(now_ns, tenant));
        }
        Ok(Arc::new(dispatcher))
    }

    fn check(&self) -> Result<(), BuildError> {
        for (what, duration) in [("slice", self.slice), ("chunk target", self.chunk_target)] {
            if duration.is_zero() {
                return Err(BuildError::ZeroDuration { what });
            }
        }
        match self
            .tenants
            .iter()
            .find(|tenant| tenant.weight > MAX_WEIGHT)
        {
            Some(tenant) => Err(BuildError::Weight {
                tenant: tenant.name.clone(),
                weight: tenant.weight,
            }),
            None => Ok(()),
        }
    }
}

impl CpuLimit {
    fn cores(self, process: &ProcessLimit) -> NonZeroUsize {
        match self {
            Self::Container => process.cores(),
            Self::AtMost(limit) => limit.cores_rounded_up().min(process.affinity_cores),
            Self::Unlimited => process.affinity_cores,
        }
    }

    /// What the executor holds itself to under this limit, for a simulator to do the same; nothing
    /// where there is no limit but the number of cores.
    #[must_use]
    pub fn pace(self, process: &ProcessLimit) -> Option<LimitSpec> {
        match self {
            Self::Container => match process.source() {
                LimitSource::Group(group) => {
                    Some(pace(group.limit, burst_under_quota_ns(group.limit)))
                }
                _ => None,
            },
            Self::AtMost(limit) => Some(pace(limit, MOST_BURST_NS)),
            Self::Unlimited => None,
        }
    }

    /// The longest slice that leaves the room under a quota to what cannot be foreseen: one more or less
    /// in a period is a fiftieth of it.
    fn most_slice_ns(self, process: &ProcessLimit) -> u64 {
        match (self, process.source()) {
            (Self::Container, LimitSource::Group(group)) => {
                burst_under_quota_ns(group.limit).div_ceil(10)
            }
            _ => u64::MAX,
        }
    }

    /// What else uses up the same CPU time. A limit of our own is for requests alone.
    pub(crate) fn foreign_use(self, process: &ProcessLimit) -> Option<ForeignUse> {
        match (self, self.pace(process)) {
            (Self::Container, Some(_)) => ForeignUse::of_group(process),
            _ => None,
        }
    }
}

/// The part of a limit that is spent, in hundredths: the rest is room for what is noticed too late.
const SPENT_PERCENT: u64 = 98;

/// What is saved up for later at most.
const MOST_BURST_NS: u64 = 10_000_000;

/// Just under a limit: a token bucket at 98 % of it.
fn pace(limit: Millicores, burst_ns: u64) -> LimitSpec {
    let millicores = u64::from(limit.get());
    LimitSpec::TokenBucket {
        rate_millicores: (millicores * SPENT_PERCENT / 100).max(1),
        burst_ns,
    }
}

/// What may be saved up so that the kernel does not freeze whoever spends it all at once: a fifth of
/// what it grants in its usual period of 100 ms.
fn burst_under_quota_ns(limit: Millicores) -> u64 {
    const NS_PER_MILLICORE: u64 = 20_000;
    MOST_BURST_NS.min(u64::from(limit.get()) * NS_PER_MILLICORE)
}

pub(crate) fn tenant_spec(
    name: String,
    weight: NonZeroU32,
    limit: Option<Millicores>,
) -> TenantSpec {
    let limit = limit.map(|limit| LimitSpec::TokenBucket {
        rate_millicores: limit.get().into(),
        burst_ns: MOST_BURST_NS,
    });
    TenantSpec {
        name,
        weight: weight.get(),
        limit,
    }
}

pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
