//! One row a policy: completions computed by hand, which every machine has to meet.
//!
//! The batches are those of the first article and of the literature: equal requests, and requests
//! of 3, 1, 2, 5, 1 and 4 seconds, on two cores.

use crate::machines::{Executed, Machine, Setup, Simulated};
use millicore_sim::workload::Request;
use millicore_sim::{POLICIES, Workload};

/// Sizes and completions are in tenths of a second.
struct Row {
    policy: &'static str,
    cores: usize,
    chunk: u64,
    sizes: &'static [u64],
    completions: &'static [u64],
}

const EQUAL: &[u64] = &[10, 10, 10, 10];
const MIXED: &[u64] = &[30, 10, 20, 50, 10, 40];

/// A new policy adds its row here. Later requests have earlier deadlines.
const TABLE: &[Row] = &[
    row("fifo", 2, 5, EQUAL, &[10, 10, 20, 20]),
    row("fair", 2, 5, EQUAL, &[15, 15, 20, 20]),
    row("focus", 2, 5, EQUAL, &[5, 10, 15, 20]),
    row("fifo", 2, 5, MIXED, &[30, 10, 30, 80, 40, 80]),
    row("fair", 2, 5, MIXED, &[60, 20, 45, 80, 30, 75]),
    row("focus", 2, 5, MIXED, &[15, 20, 30, 55, 60, 80]),
    row("sjf", 2, 5, MIXED, &[40, 10, 30, 90, 10, 70]),
    row("srpt", 2, 5, MIXED, &[35, 5, 20, 80, 10, 55]),
    row("srpt/one", 2, 5, MIXED, &[40, 10, 30, 90, 10, 70]),
    row("las", 2, 5, MIXED, &[60, 20, 45, 80, 30, 75]),
    row("edf", 2, 5, MIXED, &[80, 65, 60, 50, 25, 20]),
    // A quarter of the machine for the larger of two: a chunk costs it four units of virtual time,
    // and the other one and a third.
    row("hesrpt", 1, 10, &[40, 30], &[70, 40]),
];

const fn row(
    policy: &'static str,
    cores: usize,
    chunk: u64,
    sizes: &'static [u64],
    completions: &'static [u64],
) -> Row {
    Row {
        policy,
        cores,
        chunk,
        sizes,
        completions,
    }
}

const TENTH_NS: u64 = 100_000_000;

fn check<M: Machine>(row: &Row) {
    let setup = Setup::new(row.policy.parse().unwrap(), row.cores, row.chunk * TENTH_NS);
    let requests = (1..).zip(row.sizes).map(|(id, size)| Request {
        deadline_ns: Some((10_000 - id) * TENTH_NS),
        ..Request::new(id, 0, size * TENTH_NS)
    });
    let schedule = M::run(&setup, &requests.collect::<Workload>());
    let expected = row.completions.iter().map(|end| Some(end * TENTH_NS));
    let expected: Vec<_> = expected.collect();
    let Row { policy, .. } = row;
    assert_eq!(schedule.completions_ns, expected, "{policy} on {}", M::NAME);
}

#[test]
fn the_simulator_meets_the_table() {
    TABLE.iter().for_each(check::<Simulated>);
}

#[test]
fn the_executor_meets_the_table() {
    TABLE.iter().for_each(check::<Executed>);
}

#[test]
fn every_policy_has_a_row() {
    for definition in POLICIES {
        let has_row = TABLE.iter().any(|row| row.policy == definition.name);
        assert!(has_row, "`{}` has no row in the table", definition.name);
    }
}
