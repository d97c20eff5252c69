//! Small schedules worked out by hand.

mod limits;
mod refusals;

use super::{simulate, simulate_observed};
use crate::{Request, Setup, Workload};
use std::num::NonZeroU32;

/// Time, core, id and cost of a chunk that starts.
type Start = (u64, usize, u64, u64);

fn setup(policy: &str, cores: usize, chunk_ns: u64) -> Setup {
    Setup {
        chunk_ns,
        ..Setup::new(policy.parse().unwrap(), cores)
    }
}

/// Runs the requests and compares every start and every completion.
#[track_caller]
fn check(setup: &Setup, workload: &Workload, starts: &[Start], completions_ns: &[Option<u64>]) {
    let mut found = Vec::new();
    let schedule = simulate_observed(workload, setup, |chunk| {
        found.push((chunk.now_ns, chunk.core, chunk.id, chunk.cost_ns));
    })
    .unwrap();
    assert_eq!(found, starts);
    assert!(
        schedule.completions_ns().eq(completions_ns.iter().copied()),
        "{schedule:?}"
    );
    assert_eq!(
        schedule.makespan_ns(),
        completions_ns.iter().copied().flatten().max()
    );
    assert_eq!(schedule.chunks(), starts.len() as u64);
}

#[test]
fn four_requests_on_two_cores() {
    let check = |policy: &str, completions_ns: [u64; 4]| {
        let schedule = simulate(&Workload::batch(&[1000; 4]), &setup(policy, 2, 1)).unwrap();
        assert!(
            schedule.completions_ns().eq(completions_ns.map(Some)),
            "{policy}: {schedule:?}"
        );
    };
    check("fifo", [1000, 1000, 2000, 2000]);
    check("fair", [1999, 1999, 2000, 2000]);
    check("focus", [500, 1000, 1500, 2000]);
}

#[test]
fn a_request_is_cut_into_chunks_the_last_one_shorter() {
    let workload = Workload::batch(&[25]);
    let starts = [(0, 0, 1, 10), (0, 1, 1, 10), (10, 0, 1, 5)];
    check(&setup("focus", 2, 10), &workload, &starts, &[Some(15)]);
}

#[test]
fn overhead_holds_the_core_and_charges_nobody() {
    let workload = Workload::batch(&[20, 10]);
    let setup = Setup {
        overhead_ns: 3,
        ..setup("fair", 1, 10)
    };
    let starts = [(0, 0, 1, 10), (13, 0, 2, 10), (26, 0, 1, 10)];
    check(&setup, &workload, &starts, &[Some(39), Some(26)]);
}

#[test]
fn ties_go_to_the_lesser_id_as_a_number() {
    let workload = [10, 9]
        .map(|id| Request::new(id, 0, 5))
        .into_iter()
        .collect();
    for policy in [
        "fifo", "fair", "focus", "sjf", "srpt", "las", "edf", "hesrpt:1",
    ] {
        let starts = [(0, 0, 9, 5), (5, 0, 10, 5)];
        check(
            &setup(policy, 1, 5),
            &workload,
            &starts,
            &[Some(10), Some(5)],
        );
    }
}

#[test]
fn a_width_bounds_the_chunks_in_flight() {
    let workload = Workload::batch(&[20, 20]);
    let at_most_two = [
        (0, 0, 1, 5),
        (0, 1, 1, 5),
        (0, 2, 2, 5),
        (5, 0, 1, 5),
        (5, 1, 1, 5),
    ];
    let then = [(5, 2, 2, 5), (10, 0, 2, 5), (10, 1, 2, 5)];
    check(
        &setup("focus/2", 3, 5),
        &workload,
        &[&at_most_two[..], &then].concat(),
        &[Some(10), Some(15)],
    );
    // A request's own bound is the smaller here, and the next in order gets the other core.
    let mut own = workload;
    own.requests[0].max_cores = NonZeroU32::new(1);
    let starts = [(0, 0, 1, 10), (0, 1, 2, 10), (10, 0, 1, 10), (10, 1, 2, 10)];
    check(
        &setup("focus/4", 2, 10),
        &own,
        &starts,
        &[Some(20), Some(20)],
    );
}

#[test]
fn one_at_most_is_not_kept() {
    // At 4 a shorter request is there: the longer one waits, and goes on where a core is free.
    let workload: Workload = [
        Request::new(1, 0, 8),
        Request::new(2, 0, 9),
        Request::new(3, 3, 2),
    ]
    .into_iter()
    .collect();
    let starts = [
        (0, 0, 1, 4),
        (0, 1, 2, 4),
        (4, 0, 3, 2),
        (4, 1, 1, 4),
        (6, 0, 2, 4),
        (10, 0, 2, 1),
    ];
    check(
        &setup("srpt/one", 2, 4),
        &workload,
        &starts,
        &[Some(8), Some(11), Some(6)],
    );
    // Kept, the first two stay where they began.
    let starts = [
        (0, 0, 1, 4),
        (0, 1, 2, 4),
        (4, 0, 1, 4),
        (4, 1, 2, 4),
        (8, 0, 3, 2),
        (8, 1, 2, 1),
    ];
    check(
        &setup("srpt/kept", 2, 4),
        &workload,
        &starts,
        &[Some(8), Some(9), Some(10)],
    );
}

#[test]
fn priority_goes_before_the_order_but_takes_no_kept_core() {
    let mut workload = Workload::batch(&[10, 10]);
    workload.requests.push(Request {
        priority: 1,
        ..Request::new(3, 5, 10)
    });
    let starts = [
        (0, 0, 1, 5),
        (5, 0, 3, 5),
        (10, 0, 3, 5),
        (15, 0, 1, 5),
        (20, 0, 2, 5),
        (25, 0, 2, 5),
    ];
    check(
        &setup("focus", 1, 5),
        &workload,
        &starts,
        &[Some(20), Some(30), Some(15)],
    );
    let starts = [
        (0, 0, 1, 5),
        (5, 0, 1, 5),
        (10, 0, 3, 5),
        (15, 0, 3, 5),
        (20, 0, 2, 5),
        (25, 0, 2, 5),
    ];
    check(
        &setup("fifo", 1, 5),
        &workload,
        &starts,
        &[Some(10), Some(30), Some(20)],
    );
}

#[test]
fn a_missing_deadline_comes_last() {
    let mut workload = Workload::batch(&[1, 1, 1]);
    workload.requests[1].deadline_ns = Some(7);
    workload.requests[2].deadline_ns = Some(6);
    let starts = [(0, 0, 3, 1), (1, 0, 2, 1), (2, 0, 1, 1)];
    check(
        &setup("edf", 1, 1),
        &workload,
        &starts,
        &[Some(3), Some(2), Some(1)],
    );
}

#[test]
fn who_has_waited_for_the_bound_goes_first() {
    // Small requests arrive all the time; the large one would wait for the last of them.
    let small = (0..6).map(|n| Request::new(n + 2, 2 * n, 2));
    let workload: Workload = std::iter::once(Request::new(1, 0, 4))
        .chain(small)
        .collect();
    let starving = [2, 3, 4, 5, 6, 7].map(|id| (2 * (id - 2), 0, id, 2));
    let at_last = [(12, 0, 1, 2), (14, 0, 1, 2)];
    let ends = [16, 2, 4, 6, 8, 10, 12].map(Some);
    let plain = setup("srpt", 1, 2);
    check(
        &plain,
        &workload,
        &[&starving[..], &at_last].concat(),
        &ends,
    );
    let ageing = Setup {
        ageing_ns: Some(4),
        ..plain
    };
    let starts = [
        (0, 0, 2, 2),
        (2, 0, 3, 2),
        (4, 0, 1, 2), // Has waited since 0.
        (6, 0, 1, 2), // Two are left of it, and it came before all others.
        (8, 0, 4, 2),
        (10, 0, 5, 2),
        (12, 0, 6, 2),
        (14, 0, 7, 2),
    ];
    check(
        &ageing,
        &workload,
        &starts,
        &[8, 2, 4, 10, 12, 14, 16].map(Some),
    );
}

#[test]
fn a_newcomer_enters_fair_sharing_at_the_systems_virtual_time() {
    let workload: Workload = [
        Request::new(1, 0, 40),
        Request {
            weight: 2,
            ..Request::new(2, 15, 30)
        },
    ]
    .into_iter()
    .collect();
    let starts = [
        (0, 0, 1, 10),
        (10, 0, 1, 10),
        (20, 0, 2, 10), // Entered at 10; the first stands at 20.
        (30, 0, 2, 10), // At 15.
        (40, 0, 1, 10), // Both at 20.
        (50, 0, 2, 10),
        (60, 0, 1, 10),
    ];
    check(
        &setup("fair", 1, 10),
        &workload,
        &starts,
        &[Some(70), Some(60)],
    );
}

fn cancelled_at(cancel_ns: u64) -> Workload {
    let mut workload = Workload::batch(&[10, 5]);
    workload.requests[0].cancel_ns = Some(cancel_ns);
    workload
}

#[test]
fn a_completion_wins_over_a_cancellation_at_the_same_instant() {
    let starts = [(0, 0, 1, 10), (10, 0, 2, 5)];
    check(
        &setup("fifo", 1, 10),
        &cancelled_at(10),
        &starts,
        &[Some(10), Some(15)],
    );
}

#[test]
fn a_running_chunk_ends_though_its_request_is_cancelled() {
    // Even if that chunk was the last, there is no completion.
    let starts = [(0, 0, 1, 10), (10, 0, 2, 5)];
    check(
        &setup("fifo", 1, 10),
        &cancelled_at(9),
        &starts,
        &[None, Some(15)],
    );
    let starts = [(0, 0, 1, 4), (4, 0, 2, 4), (8, 0, 2, 1)];
    for policy in ["fifo", "focus"] {
        check(
            &setup(policy, 1, 4),
            &cancelled_at(1),
            &starts,
            &[None, Some(9)],
        );
    }
    // At the end of a chunk, before the next starts.
    check(
        &setup("fifo", 1, 4),
        &cancelled_at(4),
        &starts,
        &[None, Some(9)],
    );
}

#[test]
fn who_has_left_before_arriving_never_enters() {
    let mut workload = cancelled_at(0);
    check(
        &setup("fifo", 1, 10),
        &workload,
        &[(0, 0, 2, 5)],
        &[None, Some(5)],
    );
    workload.requests[0].arrival_ns = 3;
    check(
        &setup("fifo", 1, 10),
        &workload,
        &[(0, 0, 2, 5)],
        &[None, Some(5)],
    );
}

#[test]
fn nothing_ends_at_once() {
    check(&setup("fair", 3, 1), &Workload::default(), &[], &[]);
}
