//! The plan: what was asked for, checked, with nothing left open.

use crate::flags::{self, FlagError, number};
use crate::place::{PlaceKind, Site};
use crate::saturate::case::{Case, Workload};
use crate::saturate::staircase;
use millicore_quota::{Millicores, MillicoresError};
use millicore_sim::duration::{MILLISECOND_NS, SECOND_NS};
use std::ops::RangeInclusive;

/// What was typed, by the names of the flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// `cgroup` or `docker`.
    pub place: String,
    /// How many groups, with commas between: a case each.
    pub count: Option<String>,
    /// The limit of each.
    pub cpu: Option<String>,
    /// The limit of a group around them.
    pub parent: Option<String>,
    /// What runs in them: `spin` or `serve`.
    pub workload: String,
    /// How many threads in each.
    pub threads: Option<String>,
    /// For how long they are measured.
    pub time: Option<String>,
    /// The CPU time of a request.
    pub request: Option<String>,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            place: "cgroup".to_owned(),
            count: None,
            cpu: None,
            parent: None,
            workload: "spin".to_owned(),
            threads: None,
            time: None,
            request: None,
        }
    }
}

/// An experiment that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where the groups are.
    pub place: PlaceKind,
    /// The cases, in the order in which they run.
    pub cases: Vec<Case>,
    /// Whether requests at once are measured on pools of several sizes as well.
    pub has_staircase: bool,
}

/// Of `--count` where only a limit was said.
const COUNTS: &str = "1,2,4,8,16,32,64";
/// Of `--cpu` where only a count was said.
const LIMIT: &str = "100m";

/// Count, limit, limit around: exactly full, twice the machine, many small ones, a true 1m, and
/// nested.
const SHIPPED: [(usize, &str, Option<&str>); 6] = [
    (4, "500m", None),
    (40, "100m", None),
    (200, "10m", None),
    (1, "1m", None),
    (4, "500m", Some("1000m")),
    (32, "100m", Some("1000m")),
];

const GROUPS: RangeInclusive<u64> = 1..=1000;
const THREADS: RangeInclusive<u64> = 1..=100;
const WINDOWS_NS: RangeInclusive<u64> = 100 * MILLISECOND_NS..=600 * SECOND_NS;
const REQUESTS_NS: RangeInclusive<u64> = MILLISECOND_NS / 10..=60 * SECOND_NS;

impl Plan {
    /// Checks what was typed.
    ///
    /// # Errors
    ///
    /// Says which flag cannot be, and what it can be.
    pub fn new(wishes: &Wishes) -> Result<Self, PlanError> {
        let place = Site::new(&wishes.place, None)?.place;
        if place == PlaceKind::Process {
            return Err(PlanError::Process);
        }
        let workload: Workload = wishes.workload.parse().map_err(|()| PlanError::Workload {
            given: wishes.workload.clone(),
        })?;
        let has_own = [&wishes.count, &wishes.cpu, &wishes.parent]
            .iter()
            .any(|it| it.is_some());
        let mut cases = if has_own { own(wishes)? } else { shipped()? };
        let threads = wishes.threads.as_deref();
        let threads = threads
            .map(|it| number("--threads", it, &THREADS))
            .transpose()?;
        let time = |flag, given: &Option<String>, range_ns: &RangeInclusive<u64>, of_what| {
            let given = given.as_deref();
            let time = given.map(|it| flags::time(flag, it, range_ns, of_what));
            time.transpose()
        };
        let window_ns = time("--for", &wishes.time, &WINDOWS_NS, "")?;
        let request_ns = time("--request", &wishes.request, &REQUESTS_NS, " of CPU time")?;
        for case in &mut cases {
            case.workload = workload;
            case.threads = threads.unwrap_or(case.threads);
            case.window_ns = window_ns.unwrap_or(case.window_ns);
            case.request_ns = request_ns.unwrap_or(case.request_ns);
        }
        Ok(Self {
            place,
            cases,
            has_staircase: !has_own && workload == Workload::Spin,
        })
    }
}

fn own(wishes: &Wishes) -> Result<Vec<Case>, PlanError> {
    let limit = millicores("--cpu", wishes.cpu.as_deref().unwrap_or(LIMIT))?;
    let parent = wishes.parent.as_deref();
    let parent = parent.map(|it| millicores("--parent", it)).transpose()?;
    if let Some(parent) = parent.filter(|&parent| parent < limit) {
        return Err(PlanError::AboveParent { limit, parent });
    }
    let counts = wishes.count.as_deref().unwrap_or(COUNTS).split(',');
    let case = |count: &str| {
        let count = number("--count", count.trim(), &GROUPS)?;
        Ok(Case::new(count, limit, parent))
    };
    counts.map(case).collect()
}

fn shipped() -> Result<Vec<Case>, PlanError> {
    let case = |&(count, limit, parent): &(usize, &str, Option<&str>)| {
        let parent = parent.map(|it| millicores("--parent", it)).transpose()?;
        Ok(Case::new(count, millicores("--cpu", limit)?, parent))
    };
    SHIPPED.iter().map(case).collect()
}

fn millicores(flag: &'static str, given: &str) -> Result<Millicores, PlanError> {
    given.parse().map_err(|source| PlanError::Amount {
        flag,
        given: given.to_owned(),
        source,
    })
}

/// About how long a run takes, in nanoseconds: the windows, and a little for each group.
#[must_use]
pub fn run_time_ns(plan: &Plan) -> u64 {
    let each_ns = match plan.place {
        PlaceKind::Docker => 350 * MILLISECOND_NS,
        PlaceKind::Process | PlaceKind::Cgroup => 10 * MILLISECOND_NS,
    };
    let cases = plan.cases.iter();
    let cases_ns: u64 = cases
        .map(|it| it.window_ns + SECOND_NS + each_ns * it.count as u64)
        .sum();
    let staircase_ns = if plan.has_staircase {
        staircase::RUN_TIME_NS
    } else {
        0
    };
    cases_ns + staircase_ns
}

/// What cannot be planned, by the flag that says it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A number, a time or a place.
    #[error(transparent)]
    Flag(#[from] FlagError),
    /// Not an amount of CPU.
    #[error("{flag} {given}: {source}")]
    Amount {
        /// The flag.
        flag: &'static str,
        /// What was typed.
        given: String,
        /// What is wrong with it.
        source: MillicoresError,
    },
    /// More inside than around.
    #[error(
        "--cpu {limit} is more than --parent {parent}, and the kernel refuses that: ask for up to \
         {parent}, or widen the parent"
    )]
    AboveParent {
        /// The limit of a group.
        limit: Millicores,
        /// The limit around it.
        parent: Millicores,
    },
    /// A place without limits.
    #[error("--in process: nothing is limited there; the places are cgroup and docker")]
    Process,
    /// Nothing that could run.
    #[error("--workload {given}: the known ones are spin and serve")]
    Workload {
        /// What was typed.
        given: String,
    },
}

#[cfg(test)]
mod tests {
    use super::{Plan, PlanError, Wishes};
    use crate::saturate::case::Workload;

    #[track_caller]
    fn plan(flags: &[(&str, &str)]) -> Result<Plan, PlanError> {
        let mut wishes = Wishes::default();
        for (flag, value) in flags {
            let value = (*value).to_owned();
            match *flag {
                "--in" => wishes.place = value,
                "--count" => wishes.count = Some(value),
                "--cpu" => wishes.cpu = Some(value),
                "--parent" => wishes.parent = Some(value),
                "--workload" => wishes.workload = value,
                "--threads" => wishes.threads = Some(value),
                "--for" => wishes.time = Some(value),
                "--request" => wishes.request = Some(value),
                _ => panic!("no flag is called {flag}"),
            }
        }
        Plan::new(&wishes)
    }

    #[track_caller]
    fn check(flags: &[(&str, &str)], cases: &[&str]) {
        let plan = plan(flags).unwrap();
        let planned: Vec<String> = plan.cases.iter().map(ToString::to_string).collect();
        assert_eq!(planned, cases);
    }

    #[test]
    fn cases_are_those_that_were_asked_for_or_those_that_ship() {
        let shipped = [
            "4 x 500m",
            "40 x 100m",
            "200 x 10m",
            "1 x 1m",
            "4 x 500m in 1000m",
            "32 x 100m in 1000m",
        ];
        check(&[], &shipped);
        check(&[("--count", "1, 3")], &["1 x 100m", "3 x 100m"]);
        let nested = [("--count", "2"), ("--cpu", "0.5"), ("--parent", "1")];
        check(&nested, &["2 x 500m in 1000m"]);
        assert!(plan(&[]).unwrap().has_staircase);
        assert!(!plan(&[("--cpu", "1")]).unwrap().has_staircase);
        let serve = plan(&[("--workload", "serve")]).unwrap();
        assert!(serve.cases.iter().all(|it| it.workload == Workload::Serve));
        assert!(!serve.has_staircase);
        assert_eq!(plan(&[("--cpu", "1")]).unwrap().cases.len(), 7);
    }

    #[test]
    fn a_window_has_twenty_five_periods() {
        let check = |limit, seconds: u64, threads| {
            let plan = plan(&[("--cpu", limit), ("--count", "1")]).unwrap();
            let case = plan.cases[0];
            assert_eq!(
                (case.window_ns, case.threads),
                (seconds * 1_000_000_000, threads)
            );
        };
        check("1m", 25, 1);
        check("10m", 10, 1);
        check("100m", 5, 1);
        check("1500m", 5, 2);
    }

    #[track_caller]
    fn check_refused(flag: &str, value: &str, expected: &str) {
        assert_eq!(plan(&[(flag, value)]).unwrap_err().to_string(), expected);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let expected = "--count 0: give a whole number from 1 to 1000";
        check_refused("--count", "0", expected);
        let expected = "--in process: nothing is limited there; the places are cgroup and docker";
        check_refused("--in", "process", expected);
        check_refused(
            "--workload",
            "sleep",
            "--workload sleep: the known ones are spin and serve",
        );
        let expected = "--for 1ms: give 100ms to 600s";
        check_refused("--for", "1ms", expected);
        let expected = "--cpu 100m is more than --parent 50m, and the kernel refuses that: ask for \
                        up to 50m, or widen the parent";
        check_refused("--parent", "50m", expected);
    }
}
