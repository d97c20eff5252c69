//! The plan: what was asked for, checked, with nothing left open.

use crate::divide::work::Workload;
use crate::flags::{self, FlagError, number};
use crate::place::{PlaceKind, Site};
use crate::text::count;
use millicore::{CpuLimit, Policy, PolicyError};
use millicore_quota::{Millicores, ProcessLimit};
use millicore_sim::duration;
use millicore_sim::{LimitSpec, POLICIES, Setup};
use std::fmt;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;

/// What was typed, by the names of the flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// How many requests, 1 to 1000.
    pub requests: String,
    /// The CPU time of each, 1ms to 600s.
    pub size: String,
    /// How many cores; as many as there are, but not more than two, if it is not said.
    pub cores: Option<String>,
    /// Policies with commas between, or `all`.
    pub policy: String,
    /// How often each policy runs, 1 to 1000.
    pub repeat: String,
    /// `spin`, `primes` or `mandelbrot`.
    pub workload: String,
    /// `process`, `cgroup` or `docker`.
    pub place: String,
    /// The limit there, such as `500m`; none of its own, if it is not said.
    pub cpu: Option<String>,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            requests: "4".to_owned(),
            size: "1s".to_owned(),
            cores: None,
            policy: "fifo,fair,focus".to_owned(),
            repeat: "3".to_owned(),
            workload: "spin".to_owned(),
            place: "process".to_owned(),
            cpu: None,
        }
    }
}

/// An experiment that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many requests are submitted at once.
    pub requests: usize,
    /// The CPU time of each, in nanoseconds.
    pub size_ns: u64,
    /// How many cores work on them.
    pub cores: NonZeroUsize,
    /// The policies to compare.
    pub policies: Vec<Policy>,
    /// How often each of them runs.
    pub repeats: usize,
    /// What a request does.
    pub workload: Workload,
    /// Where it runs, and under which limit.
    pub site: Site,
    /// How much CPU there is for all requests together.
    pub capacity: Millicores,
    /// The limit that the executor is told; it finds that of a place by itself.
    pub cpu_limit: CpuLimit,
    /// What the executor holds itself to under a CPU limit.
    pub pace: Option<LimitSpec>,
}

/// The longest a core works on one request before it asks again: the default of the executor.
pub(crate) const SLICE_NS: u64 = 2 * duration::MILLISECOND_NS;

const REQUESTS: RangeInclusive<u64> = 1..=1000;
const REPEATS: RangeInclusive<u64> = 1..=1000;
const SIZES_NS: RangeInclusive<u64> = duration::MILLISECOND_NS..=600 * duration::SECOND_NS;
const MOST_CORES_BY_DEFAULT: usize = 2;

impl Plan {
    /// Checks what was typed against itself and against the limit of this process.
    ///
    /// # Errors
    ///
    /// Says which flag cannot be, and what it can be.
    pub fn new(wishes: &Wishes, process: &ProcessLimit) -> Result<Self, PlanError> {
        let site = Site::new(&wishes.place, wishes.cpu.as_deref())?;
        let capacity = process.capacity();
        let capacity = site.limit.map_or(capacity, |limit| limit.min(capacity));
        let cores = match wishes.cores.as_deref() {
            Some(given) => flags::cores(given, process)?,
            None => cores_by_default(capacity),
        };
        let cpu_limit = match site.limit {
            Some(_) if capacity < whole(cores) => CpuLimit::AtMost(capacity),
            // A limit that covers the cores holds nobody back.
            _ => CpuLimit::Container,
        };
        Ok(Self {
            requests: number("--requests", &wishes.requests, &REQUESTS)?,
            size_ns: flags::time("--size", &wishes.size, &SIZES_NS, " of CPU time")?,
            cores,
            policies: policies(&wishes.policy)?,
            repeats: number("--repeat", &wishes.repeat, &REPEATS)?,
            workload: workload(&wishes.workload)?,
            site,
            capacity,
            cpu_limit: match site.place {
                PlaceKind::Process => cpu_limit,
                PlaceKind::Cgroup | PlaceKind::Docker => CpuLimit::Container,
            },
            pace: cpu_limit.pace(process),
        })
    }

    /// The arguments of `millicore lab divide` that give the same plan inside of its place.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let policies: Vec<String> = self.policies.iter().map(ToString::to_string).collect();
        let flags = [
            ("--requests", self.requests.to_string()),
            ("--size", format!("{}ns", self.size_ns)),
            ("--cores", self.cores.to_string()),
            ("--policy", policies.join(",")),
            ("--repeat", self.repeats.to_string()),
            ("--workload", self.workload.to_string()),
        ];
        let flags = flags.map(|(flag, value)| [flag.to_owned(), value]);
        flags.into_iter().flatten().collect()
    }

    /// The simulated machine that is like the real one.
    pub(crate) fn setup(&self, policy: Policy) -> Setup {
        Setup {
            chunk_ns: SLICE_NS,
            machine_limit: self.pace,
            ..Setup::new(policy, self.cores.get())
        }
    }

    /// Whether a CPU limit keeps the cores from working all the time.
    pub(crate) fn is_held_back(&self) -> bool {
        match self.pace {
            Some(LimitSpec::TokenBucket {
                rate_millicores, ..
            }) => rate_millicores < 1000 * self.cores.get() as u64,
            Some(_) => true,
            None => false,
        }
    }

    /// By which factor all the cores together are slower than without a limit.
    pub(crate) fn slowdown(&self) -> f64 {
        let cores_m = f64::from(whole(self.cores).get());
        (cores_m / f64::from(self.capacity.get())).max(1.0)
    }

    /// How often requests are run in all.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.policies.len() * self.repeats
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} ({}) on {}",
            count(self.requests, "request"),
            duration::Display(self.size_ns),
            self.workload,
            count(self.cores.get(), "core")
        )
    }
}

/// As many as there are, but not more than two: more show nothing else.
fn cores_by_default(capacity: Millicores) -> NonZeroUsize {
    let cores = capacity.cores_rounded_up().get().min(MOST_CORES_BY_DEFAULT);
    NonZeroUsize::new(cores).unwrap_or(NonZeroUsize::MIN)
}

/// All of these cores.
fn whole(cores: NonZeroUsize) -> Millicores {
    Millicores::from_cores(cores.get()).unwrap_or(Millicores::MAX)
}

fn policies(given: &str) -> Result<Vec<Policy>, PlanError> {
    if given == "all" {
        let all = POLICIES
            .iter()
            .map(|definition| parse_policy(definition.name));
        return all.collect();
    }
    let mut policies = Vec::new();
    for name in given.split(',') {
        let policy = parse_policy(name.trim())?;
        if policies.contains(&policy) {
            return Err(PlanError::TwiceThePolicy { policy });
        }
        policies.push(policy);
    }
    Ok(policies)
}

fn parse_policy(given: &str) -> Result<Policy, PlanError> {
    given.parse().map_err(|source| PlanError::Policy {
        given: given.to_owned(),
        source,
    })
}

fn workload(given: &str) -> Result<Workload, PlanError> {
    Workload::named(given).ok_or_else(|| PlanError::Workload {
        given: given.to_owned(),
    })
}

/// What cannot be planned, by the flag that says it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A number, a time or cores.
    #[error(transparent)]
    Flag(#[from] FlagError),
    /// No such policy.
    #[error("--policy {given}: {source}")]
    Policy {
        /// What was typed.
        given: String,
        /// What is wrong with it.
        source: PolicyError,
    },
    /// The same policy again.
    #[error("--policy names {policy} twice: once is enough, --repeat says how often it runs")]
    TwiceThePolicy {
        /// The policy.
        policy: Policy,
    },
    /// No such workload.
    #[error("--workload {given}: the known ones are {}", Workload::NAMES.join(", "))]
    Workload {
        /// What was typed.
        given: String,
    },
}

#[cfg(test)]
mod tests {
    use super::{Plan, Wishes};
    use millicore::PolicyError;
    use millicore_quota::ProcessLimit;
    use std::num::NonZeroUsize;

    /// A machine with four cores and no limit.
    fn four_cores() -> ProcessLimit {
        ProcessLimit {
            group: None,
            affinity_cores: NonZeroUsize::new(4).unwrap(),
            warnings: Vec::new(),
        }
    }

    /// The default plan with one flag changed is refused with this message; with none, accepted.
    #[track_caller]
    fn check(flag: &str, value: &str, expected: Option<&str>) {
        let value = value.to_owned();
        let mut wishes = Wishes::default();
        match flag {
            "--requests" => wishes.requests = value,
            "--size" => wishes.size = value,
            "--cores" => wishes.cores = Some(value),
            "--policy" => wishes.policy = value,
            "--repeat" => wishes.repeat = value,
            "--workload" => wishes.workload = value,
            _ => panic!("no flag is called {flag}"),
        }
        let refusal = Plan::new(&wishes, &four_cores()).map_err(|error| error.to_string());
        assert_eq!(refusal.err().as_deref(), expected);
    }

    #[test]
    fn numbers_have_a_range() {
        for flag in ["--requests", "--repeat"] {
            check(flag, "1", None);
            check(flag, "1000", None);
            for bad in ["0", "1001", "-1", "1.5", "", "many", "99999999999999999999"] {
                let expected = format!("{flag} {bad}: give a whole number from 1 to 1000");
                check(flag, bad, Some(&expected));
            }
        }
    }

    #[test]
    fn sizes_have_a_range() {
        check("--size", "1ms", None);
        check("--size", "600s", None);
        for bad in ["0", "999us", "601s", "18446744073s"] {
            let expected = format!("--size {bad}: give 1ms to 600s of CPU time");
            check("--size", bad, Some(&expected));
        }
        for bad in ["-1s", "1", "soon"] {
            let expected = format!(
                "--size {bad}: a duration is a number and one of ns, us, ms, s, such as 250us or \
                 1.5s"
            );
            check("--size", bad, Some(&expected));
        }
    }

    #[test]
    fn cores_are_those_of_the_affinity_mask() {
        check("--cores", "1", None);
        check("--cores", "4", None);
        for bad in ["0", "5", "-2", "two"] {
            let expected = format!(
                "--cores {bad}: give a whole number from 1 to 4, the cores in the affinity mask \
                 of this process"
            );
            check("--cores", bad, Some(&expected));
        }
    }

    #[test]
    fn policies_are_those_that_are_known() {
        for good in ["all", "fifo", "fifo, focus/1 ,hesrpt:3", "focus,focus/1"] {
            check("--policy", good, None);
        }
        for (list, bad) in [("lifo", "lifo"), ("fifo,", ""), ("fair,All", "All")] {
            let expected = format!("--policy {bad}: {}", PolicyError::UnknownName);
            check("--policy", list, Some(&expected));
        }
        check(
            "--policy",
            "fifo,focus,fifo",
            Some("--policy names fifo twice: once is enough, --repeat says how often it runs"),
        );
    }

    #[test]
    fn workloads_are_those_that_are_known() {
        for good in ["spin", "primes", "mandelbrot"] {
            check("--workload", good, None);
        }
        let expected = "--workload sleep: the known ones are spin, primes, mandelbrot";
        check("--workload", "sleep", Some(expected));
    }

    #[test]
    fn two_cores_are_enough_by_default() {
        let cores_of = |affinity_cores| {
            let process = ProcessLimit {
                affinity_cores: NonZeroUsize::new(affinity_cores).unwrap(),
                ..four_cores()
            };
            Plan::new(&Wishes::default(), &process).unwrap().cores.get()
        };
        assert_eq!([cores_of(1), cores_of(2), cores_of(64)], [1, 2, 2]);
    }
}
