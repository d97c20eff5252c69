//! Relations between runs: what a change of the input does to the schedule, known without knowing
//! the schedule.

use crate::record::Record;
use crate::{POLICIES, any_policy, any_setup, any_workload, numbered};
use millicore_sim::{Setup, Workload, simulate};
use proptest::prelude::*;

/// Virtual time is rounded down, so that a tie may become none where weights are not powers of
/// two; `hesrpt` has such weights always.
fn weights_that_divide(workload: &mut Workload) {
    for request in &mut workload.requests {
        request.weight = 1 << (request.weight % 3);
    }
}

fn completions(workload: &Workload, setup: &Setup) -> Vec<Option<u64>> {
    simulate(workload, setup)
        .unwrap()
        .completions_ns()
        .collect()
}

fn sum_response_ns(policy: &str, workload: &Workload, chunk_ns: u64) -> u64 {
    let setup = Setup {
        chunk_ns,
        ..Setup::new(policy.parse().unwrap(), 1)
    };
    let ends = completions(workload, &setup).into_iter().flatten();
    ends.zip(&workload.requests)
        .map(|(end_ns, request)| end_ns - request.arrival_ns)
        .sum()
}

proptest! {
    #[test]
    fn time_has_no_scale(
        workload in any_workload(), setup in any_setup(), factor in 2..1000_u64,
        ageing_ns in prop::option::of(1..50_u64),
    ) {
        prop_assume!(!setup.policy.to_string().starts_with("hesrpt"));
        let mut workload = workload;
        weights_that_divide(&mut workload);
        let setup = Setup { ageing_ns, ..setup };
        let mut scaled = workload.clone();
        for request in &mut scaled.requests {
            request.arrival_ns *= factor;
            request.size_ns *= factor;
            request.deadline_ns = request.deadline_ns.map(|deadline_ns| deadline_ns * factor);
        }
        let slower = Setup {
            chunk_ns: setup.chunk_ns * factor,
            overhead_ns: setup.overhead_ns * factor,
            ageing_ns: ageing_ns.map(|bound_ns| bound_ns * factor),
            ..setup.clone()
        };
        let expected = completions(&workload, &setup).into_iter();
        let expected: Vec<_> = expected.map(|end_ns| end_ns.map(|ns| ns * factor)).collect();
        prop_assert_eq!(completions(&scaled, &slower), expected);
    }

    #[test]
    fn ids_only_break_ties(
        workload in any_workload(), setup in any_setup(), key in 0..64_u64,
    ) {
        let mut workload = workload;
        // No two arrive together.
        for (index, request) in (0..).zip(&mut workload.requests) {
            request.arrival_ns = request.arrival_ns * 25 + index;
        }
        let expected = Record::of(&workload, &setup);
        for request in &mut workload.requests {
            request.id ^= key;
        }
        let found = Record::of(&workload, &setup);
        prop_assert_eq!(&found.schedule, &expected.schedule);
        for (a, b) in found.chunks.iter().zip(&expected.chunks) {
            prop_assert_eq!((a.start_ns, a.core, a.id), (b.start_ns, b.core, b.id ^ key));
        }
    }

    #[test]
    fn rows_come_in_any_order(workload in any_workload(), setup in any_setup()) {
        let mut backwards = workload.clone();
        backwards.requests.reverse();
        let mut ends = completions(&backwards, &setup);
        ends.reverse();
        prop_assert_eq!(ends, completions(&workload, &setup));
    }

    #[test]
    fn equal_weights_are_no_weights(
        workload in any_workload(), setup in any_setup(), weight in prop::sample::select(vec![2, 64, 8192]),
    ) {
        let mut plain = workload.clone();
        let mut heavy = workload;
        for (plain, heavy) in plain.requests.iter_mut().zip(&mut heavy.requests) {
            (plain.weight, heavy.weight) = (1, weight);
        }
        prop_assert_eq!(completions(&heavy, &setup), completions(&plain, &setup));
    }

    #[test]
    fn fifo_does_not_see_chunks(
        workload in any_workload(), cores in 1..6_usize, chunk_ns in 1..12_u64,
    ) {
        let setup = Setup { chunk_ns, ..Setup::new("fifo".parse().unwrap(), cores) };
        let whole = Setup { chunk_ns: 1000, ..setup.clone() };
        prop_assert_eq!(completions(&workload, &setup), completions(&workload, &whole));
    }

    #[test]
    fn one_core_is_busy_just_as_long_under_every_policy(
        workload in any_workload(), policy in any_policy(), chunk_ns in 1..12_u64,
    ) {
        let makespan_ns = |policy: &str| {
            let setup = Setup { chunk_ns, ..Setup::new(policy.parse().unwrap(), 1) };
            simulate(&workload, &setup).unwrap().makespan_ns()
        };
        prop_assert_eq!(makespan_ns(policy), makespan_ns("fifo"));
    }

    /// With chunks of a nanosecond it is preemptive, and then nothing has a smaller sum.
    #[test]
    fn shortest_remaining_first_has_the_least_sum(
        workload in any_workload(), chunk_ns in 1..12_u64,
    ) {
        let requests = workload.requests.into_iter();
        let workload = numbered(
            requests.map(|request| millicore_sim::Request { priority: 0, ..request }).collect(),
        );
        let least_ns = sum_response_ns("srpt", &workload, 1);
        for policy in POLICIES {
            let sum_ns = sum_response_ns(policy, &workload, chunk_ns);
            prop_assert!(least_ns <= sum_ns, "{}: {} is less than {}", policy, sum_ns, least_ns);
        }
    }
}
