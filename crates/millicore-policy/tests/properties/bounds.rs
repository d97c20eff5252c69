//! What the policies promise over time, stated without looking at how they keep it.

use crate::random::Random;
use millicore_policy::admission::Admission;
use millicore_policy::limit::LimitSpec;
use millicore_policy::policies::ALL;
use millicore_policy::scheduler::{Arrival, Config, Decision, Scheduler};
use millicore_policy::work::Size;
use millicore_policy::{Policy, RequestKey};
use proptest::prelude::*;

const SLICE_NS: u64 = 1_000;

fn config(policy: Policy, cores: usize) -> Config {
    Config {
        policy,
        cores,
        slice_ns: SLICE_NS,
        ageing_ns: None,
        machine_limit: None,
        admission: Admission::default(),
    }
}

/// Cores that end their slices at random times, whatever they were planned to take.
struct Machine {
    scheduler: Scheduler,
    /// When each core's slice ends and what it takes.
    ends: Vec<Option<(u64, u64)>>,
    now_ns: u64,
    random: Random,
}

impl Machine {
    fn new(config: &Config, seed: u64) -> Self {
        let ends = vec![None; config.cores];
        Self {
            scheduler: Scheduler::new(config),
            ends,
            now_ns: 0,
            random: Random::new(seed),
        }
    }

    /// Goes on to the next slice end, or to when the scheduler wants to be asked, and lets idle
    /// cores pick. Answers what was charged for the slices that start.
    fn step(&mut self, used_of: impl Fn(&mut Random, u64) -> u64) -> Vec<u64> {
        let mut wakes_ns = None;
        let mut started = Vec::new();
        for core in 0..self.ends.len() {
            if self.ends[core].is_some() {
                continue;
            }
            match self.scheduler.pick(self.now_ns, core) {
                Decision::Run { planned_ns, .. } => {
                    let used_ns = used_of(&mut self.random, planned_ns);
                    self.ends[core] = Some((self.now_ns + used_ns, used_ns));
                    started.push(planned_ns);
                }
                Decision::Idle { until_ns } => wakes_ns = wakes_ns.or(until_ns),
            }
        }
        let ends_ns = self.ends.iter().flatten().map(|(at_ns, _)| *at_ns);
        self.now_ns = ends_ns.chain(wakes_ns).min().unwrap_or(self.now_ns);
        for core in 0..self.ends.len() {
            if let Some((at_ns, used_ns)) = self.ends[core]
                && at_ns <= self.now_ns
            {
                self.ends[core] = None;
                self.scheduler
                    .end_slice(self.now_ns, core, used_ns, u32::MAX);
            }
        }
        started
    }
}

/// Start-time fair queueing on `k` cores: between two that always have work, what they get over
/// any time differs, divided by weight, by at most (k + 1) (q/w_i + q/w_j).
fn check_shares(weights: &[u32], cores: usize, seed: u64) {
    let mut machine = Machine::new(&config(Policy::fair(), cores), seed);
    let mut members: Vec<Member> = weights[1..]
        .iter()
        .map(|&weight| Member::enter(&mut machine, weight))
        .collect();
    for turn in 0..600 {
        if turn == 200 {
            // One comes late, when the others are far ahead: from here on all are compared anew.
            members.push(Member::enter(&mut machine, weights[0]));
            members
                .iter_mut()
                .for_each(|member| member.since_ns = member.got_ns(&machine));
        }
        machine.step(|random, planned_ns| 1 + random.below(planned_ns));
        for a in &members {
            for b in &members {
                let apart = (a.got_ns(&machine) - a.since_ns) * b.weight
                    - (b.got_ns(&machine) - b.since_ns) * a.weight;
                let bound = (cores as i128 + 1) * i128::from(SLICE_NS) * (a.weight + b.weight);
                assert!(
                    apart <= bound,
                    "turn {turn}: {a:?} ahead of {b:?}, seed {seed}"
                );
            }
        }
    }
}

/// Somebody who always has work.
#[derive(Debug)]
struct Member {
    key: RequestKey,
    weight: i128,
    since_ns: i128,
}

impl Member {
    fn enter(machine: &mut Machine, weight: u32) -> Self {
        let arrival = Arrival {
            weight,
            ..Arrival::new(machine.random.next(), Size::Unknown)
        };
        let key = machine.scheduler.arrive(machine.now_ns, &arrival).unwrap();
        Self {
            key,
            weight: weight.into(),
            since_ns: 0,
        }
    }

    fn got_ns(&self, machine: &Machine) -> i128 {
        machine
            .scheduler
            .work(self.key)
            .unwrap()
            .dispatched_ns()
            .into()
    }
}

/// In any window the charges exceed what the limit grants in it by less than one slice.
fn check_limit(limit: LimitSpec, cores: usize, seed: u64) {
    let config = Config {
        machine_limit: Some(limit),
        ..config(Policy::focus(), cores)
    };
    let mut machine = Machine::new(&config, seed);
    let mut charges = Vec::new();
    for id in 0..400 {
        let size_ns = 1 + machine.random.below(3 * SLICE_NS);
        machine
            .scheduler
            .arrive(machine.now_ns, &Arrival::new(id, Size::Exact(size_ns)))
            .unwrap();
        let now_ns = machine.now_ns;
        let started = machine.step(|_, planned_ns| planned_ns);
        charges.extend(started.into_iter().map(|planned_ns| (now_ns, planned_ns)));
    }
    assert!(
        charges.len() > 50,
        "{limit:?}: only {} slices",
        charges.len()
    );
    for (first, &(from_ns, _)) in charges.iter().enumerate() {
        let mut charged_ns = 0;
        for &(to_ns, planned_ns) in &charges[first..] {
            charged_ns += u128::from(planned_ns);
            let granted = granted_ns(limit, from_ns, to_ns);
            assert!(
                charged_ns < granted + u128::from(SLICE_NS),
                "{charged_ns} ns from {from_ns} to {to_ns} under {limit:?}, seed {seed}"
            );
        }
    }
}

/// The most that may be used from one instant to another, both included.
fn granted_ns(limit: LimitSpec, from_ns: u64, to_ns: u64) -> u128 {
    match limit {
        LimitSpec::Bandwidth {
            quota_ns,
            period_ns,
        } => u128::from(quota_ns) * u128::from(to_ns / period_ns - from_ns / period_ns + 1),
        LimitSpec::TokenBucket {
            rate_millicores,
            burst_ns,
        } => {
            let flowed = u128::from(rate_millicores) * u128::from(to_ns - from_ns);
            u128::from(burst_ns) + flowed.div_ceil(1_000)
        }
        other => unreachable!("{other:?} is not tested"),
    }
}

/// How long the earliest arrival waits between two of its slices, at most, while newcomers that
/// every order prefers keep the core busy; nothing if it has had one slice at most.
fn longest_wait_ns(policy: Policy, ageing_ns: Option<u64>) -> Option<u64> {
    let config = Config {
        ageing_ns,
        ..config(policy, 1)
    };
    let mut scheduler = Scheduler::new(&config);
    let first = Arrival::new(0, Size::Exact(100_000 * SLICE_NS));
    let patient = scheduler.arrive(0, &first).unwrap();
    let mut starts_ns = Vec::new();
    for turn in 0..2_000 {
        let now_ns = turn * SLICE_NS;
        scheduler.end_slice(now_ns, 0, SLICE_NS, u32::MAX);
        let newcomer = Arrival {
            priority: 1,
            deadline_ns: Some(now_ns),
            ..Arrival::new(turn + 1, Size::Exact(SLICE_NS))
        };
        scheduler.arrive(now_ns, &newcomer).unwrap();
        if matches!(scheduler.pick(now_ns, 0), Decision::Run { request, .. } if request == patient)
        {
            starts_ns.push(now_ns);
        }
    }
    starts_ns.windows(2).map(|pair| pair[1] - pair[0]).max()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn fair_shares_stay_within_the_bound_of_start_time_fair_queueing(
        weights in proptest::collection::vec(1..100_u32, 2..8),
        cores in 1..5_usize,
        seed in any::<u64>(),
    ) {
        check_shares(&weights, cores, seed);
    }

    #[test]
    fn bandwidth_is_exceeded_by_less_than_a_slice(
        quota_ns in 1..8_000_u64, period_ns in 500..9_000_u64, cores in 1..5_usize, seed in any::<u64>(),
    ) {
        check_limit(LimitSpec::Bandwidth { quota_ns, period_ns }, cores, seed);
    }

    #[test]
    fn a_token_bucket_is_exceeded_by_less_than_a_slice(
        rate_millicores in 1..5_000_u64, burst_ns in 1..8_000_u64, cores in 1..5_usize, seed in any::<u64>(),
    ) {
        check_limit(LimitSpec::TokenBucket { rate_millicores, burst_ns }, cores, seed);
    }
}

#[test]
fn ageing_bounds_every_wait() {
    let bound_ns = 25 * SLICE_NS;
    for definition in ALL {
        let policy: Policy = format!("{}/one", definition.name).parse().unwrap();
        let wait_ns = longest_wait_ns(policy, Some(bound_ns));
        assert!(
            wait_ns.is_some_and(|wait_ns| wait_ns <= bound_ns),
            "{policy}: {wait_ns:?}"
        );
        assert_eq!(
            longest_wait_ns(policy, None),
            None,
            "{policy} has nothing to bound"
        );
    }
}
