//! The executor of the model `scheduled`: how it is set up, and what can change while it runs.

use millicore::{BuildError, CpuLimit, Executor, Policy};
use millicore_quota::{Millicores, ProcessLimit};
use std::error::Error;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

/// How the executor is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulingSettings {
    /// Whose turn it is, and how wide.
    pub policy: Policy,
    /// How many cores work on requests; as many as the CPU time is good for without.
    pub cores: Option<NonZeroUsize>,
    /// How much CPU time requests may use together.
    pub cpu: CpuTime,
    /// The most requests that may wait for their first chunk; unbounded without.
    pub max_waiting: Option<u32>,
    /// The longest that a request may wait for its first chunk; unbounded without.
    pub max_wait: Option<Duration>,
    /// A request without a chunk for so long goes before all others of its tenant; never without.
    pub ageing: Option<Duration>,
    /// Who has which share.
    pub tenants: Vec<TenantShare>,
    /// The niceness of the threads that compute, -20 to 19.
    pub niceness: i32,
}

/// How much CPU time requests may use together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuTime {
    /// Just under the limit of this container; all of the cores where it has none.
    Container,
    /// Just under so much.
    AtMost(Millicores),
    /// All of the cores.
    Unlimited,
}

/// The share of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantShare {
    /// Who.
    pub name: String,
    /// Its share, beside those of the others; from 1 to 10 000.
    pub weight: NonZeroU32,
    /// The most CPU time it may use, if there is a bound.
    pub limit: Option<Millicores>,
}

impl Default for SchedulingSettings {
    fn default() -> Self {
        Self {
            policy: Policy::fair(),
            cores: None,
            cpu: CpuTime::Container,
            max_waiting: Some(1000),
            max_wait: None,
            ageing: Some(Duration::from_secs(30)),
            tenants: Vec::new(),
            niceness: 10,
        }
    }
}

impl SchedulingSettings {
    /// Starts the executor. Its threads start here: block the signals of the process before.
    ///
    /// # Errors
    ///
    /// Says what is out of range, or which worker the system did not let start.
    pub fn start(&self) -> Result<Executor, BuildError> {
        let mut builder = Executor::builder()
            .policy(self.policy)
            .cores(self.cores(&ProcessLimit::read()))
            .cpu_limit(self.cpu.into())
            .ageing(self.ageing)
            .niceness(self.niceness);
        if let Some(requests) = self.max_waiting {
            builder = builder.max_waiting(requests);
        }
        if let Some(wait) = self.max_wait {
            builder = builder.max_wait(wait);
        }
        for tenant in &self.tenants {
            builder = builder.tenant(tenant.name.clone(), tenant.weight, tenant.limit);
        }
        builder.build()
    }

    /// How many cores work under this limit of the process.
    #[must_use]
    pub fn cores(&self, process: &ProcessLimit) -> NonZeroUsize {
        self.cores.unwrap_or_else(|| match self.cpu {
            CpuTime::Container => process.cores(),
            CpuTime::AtMost(limit) => limit.cores_rounded_up().min(process.affinity_cores),
            CpuTime::Unlimited => process.affinity_cores,
        })
    }

    /// Makes an executor that follows `old` follow these settings, as far as it can while it runs:
    /// the policy, the cores, the CPU time, and the tenants that there are. What could not be done
    /// is in the answer, the rest is done.
    pub fn apply(&self, old: &Self, executor: &Executor) -> Vec<Box<dyn Error + Send + Sync>> {
        let mut failed: Vec<Box<dyn Error + Send + Sync>> = Vec::new();
        if self.policy != old.policy
            && let Err(error) = executor.set_policy(self.policy)
        {
            failed.push(error.into());
        }
        let process = ProcessLimit::read();
        if self.cores(&process) != old.cores(&process)
            && let Err(error) = executor.set_cores(self.cores(&process))
        {
            failed.push(error.into());
        }
        if self.cpu != old.cpu {
            executor.set_cpu_limit(self.cpu.into());
        }
        for tenant in &self.tenants {
            if !old.tenants.contains(tenant) {
                executor.set_tenant(tenant.name.as_str(), tenant.weight, tenant.limit);
            }
        }
        failed
    }
}

impl SchedulingSettings {
    /// Makes an executor that follows these settings follow another limit of the process, where they
    /// leave something to it. True if that changes anything.
    ///
    /// # Errors
    ///
    /// Says which worker the system did not let start.
    pub fn follow_limit(
        &self,
        old: &ProcessLimit,
        new: &ProcessLimit,
        executor: &Executor,
    ) -> Result<bool, BuildError> {
        let has_pace = self.cpu == CpuTime::Container && old.capacity() != new.capacity();
        if has_pace {
            executor.set_cpu_limit(self.cpu.into());
        }
        let has_cores = self.cores(old) != self.cores(new);
        if has_cores {
            executor.set_cores(self.cores(new))?;
        }
        Ok(has_pace || has_cores)
    }
}

impl From<CpuTime> for CpuLimit {
    fn from(time: CpuTime) -> Self {
        match time {
            CpuTime::Container => Self::Container,
            CpuTime::AtMost(limit) => Self::AtMost(limit),
            CpuTime::Unlimited => Self::Unlimited,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CpuTime, SchedulingSettings, TenantShare};
    use millicore::{Error, Policy, Request};
    use millicore_quota::ProcessLimit;
    use std::num::{NonZeroU32, NonZeroUsize};

    fn limit(cores: usize) -> ProcessLimit {
        ProcessLimit {
            group: None,
            affinity_cores: NonZeroUsize::new(cores).unwrap(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn cores_are_as_many_as_the_cpu_time_is_good_for() {
        #[track_caller]
        fn check(cpu: CpuTime, cores: Option<usize>, expected: usize) {
            let settings = SchedulingSettings {
                cpu,
                cores: cores.and_then(NonZeroUsize::new),
                ..SchedulingSettings::default()
            };
            assert_eq!(settings.cores(&limit(4)).get(), expected);
        }
        check(CpuTime::Container, None, 4);
        check(CpuTime::Unlimited, None, 4);
        check(CpuTime::AtMost("500m".parse().unwrap()), None, 1);
        check(CpuTime::AtMost("1500m".parse().unwrap()), None, 2);
        check(CpuTime::AtMost("100".parse().unwrap()), None, 4);
        check(CpuTime::AtMost("500m".parse().unwrap()), Some(3), 3);
    }

    #[test]
    fn the_executor_follows_its_settings_and_their_changes() {
        let old = SchedulingSettings {
            cores: NonZeroUsize::new(1),
            ..SchedulingSettings::default()
        };
        let executor = old.start().unwrap();
        assert_eq!((executor.policy(), executor.cores()), (Policy::fair(), 1));
        let new = SchedulingSettings {
            policy: Policy::focus(),
            cores: NonZeroUsize::new(2),
            cpu: CpuTime::AtMost("1500m".parse().unwrap()),
            tenants: vec![TenantShare {
                name: "web".to_owned(),
                weight: NonZeroU32::MIN,
                limit: None,
            }],
            ..old
        };
        assert!(new.apply(&old, &executor).is_empty());
        assert_eq!((executor.policy(), executor.cores()), (Policy::focus(), 2));
    }

    #[test]
    fn the_executor_follows_the_limit_where_that_is_left_to_it() {
        #[track_caller]
        fn check(settings: &SchedulingSettings, expected_change: bool, expected_cores: usize) {
            let executor = settings.start().unwrap();
            let [old, new] = [executor.cores(), 3].map(limit);
            let has_changed = settings.follow_limit(&old, &new, &executor).unwrap();
            assert_eq!(has_changed, expected_change);
            assert_eq!(executor.cores(), expected_cores);
        }
        // The machine of the test may have three cores: then nothing is another.
        let auto = SchedulingSettings::default();
        let cores = auto.cores(&ProcessLimit::read()).get();
        check(&auto, cores != 3, 3);
        let fixed = SchedulingSettings {
            cores: NonZeroUsize::new(2),
            cpu: CpuTime::Unlimited,
            ..auto
        };
        check(&fixed, false, 2);
    }

    #[test]
    fn a_full_queue_refuses() {
        let settings = SchedulingSettings {
            cores: NonZeroUsize::new(1),
            max_waiting: Some(1),
            ..SchedulingSettings::default()
        };
        let executor = settings.start().unwrap();
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let (started, is_started) = std::sync::mpsc::channel();
        let running = executor.submit(Request::new(), |_| async move {
            started.send(()).unwrap();
            // Ends when the test lets go of its end.
            let _ = wait.recv();
        });
        is_started.recv().unwrap();
        let waiting = executor.submit(Request::new(), |_| async {});
        let refused = executor.submit(Request::new(), |_| async {});
        assert!(matches!(refused.wait(), Err(Error::QueueFull { .. })));
        drop(release);
        assert_eq!((running.wait(), waiting.wait()), (Ok(()), Ok(())));
    }
}
