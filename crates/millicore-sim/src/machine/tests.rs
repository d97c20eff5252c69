//! Small schedules worked out by hand.

use super::{SimulateError, simulate, simulate_observed};
use crate::setup::{SetupError, parse_limit, parse_tenant};
use crate::workload::WorkloadError;
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

/// Requests of tenants by name, each with its id, arrival and size.
fn of_tenants(requests: &[(&str, u64, u64, u64)]) -> Workload {
    let mut workload = Workload::default();
    for &(tenant, id, arrival_ns, size_ns) in requests {
        let tenant = workload.tenant(tenant);
        workload.requests.push(Request {
            tenant,
            ..Request::new(id, arrival_ns, size_ns)
        });
    }
    workload
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
    let mut own = workload.clone();
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
fn tenants_share_by_weight_and_break_ties_by_name() {
    let workload = of_tenants(&[("b", 1, 0, 30), ("a", 2, 0, 30)]);
    let alike = [(0, 0, 2, 10), (10, 0, 1, 10), (20, 0, 2, 10)];
    let then = [(30, 0, 1, 10), (40, 0, 2, 10), (50, 0, 1, 10)];
    let plain = setup("fifo/all", 1, 10);
    check(
        &plain,
        &workload,
        &[alike, then].concat(),
        &[Some(60), Some(50)],
    );
    let weighted = Setup {
        tenants: vec![parse_tenant("b=2").unwrap()],
        ..plain
    };
    let starts = [
        (0, 0, 2, 10),  // a stands at 0, as b does.
        (10, 0, 1, 10), // b at 0, a at 10.
        (20, 0, 1, 10), // b at 5.
        (30, 0, 2, 10), // Both at 10.
        (40, 0, 1, 10),
        (50, 0, 2, 10),
    ];
    check(&weighted, &workload, &starts, &[Some(50), Some(60)]);
}

#[test]
fn a_tenant_that_was_idle_re_enters_where_the_others_are() {
    let workload = of_tenants(&[("a", 1, 0, 10), ("b", 2, 0, 50), ("a", 3, 40, 20)]);
    let starts = [
        (0, 0, 1, 10),
        (10, 0, 2, 10),
        (20, 0, 2, 10),
        (30, 0, 2, 10),
        // The largest virtual time dispatched so far is b's 20: a enters there, b is at 30.
        (40, 0, 3, 10),
        (50, 0, 3, 10),
        (60, 0, 2, 10),
        (70, 0, 2, 10),
    ];
    check(
        &setup("focus", 1, 10),
        &workload,
        &starts,
        &[Some(10), Some(80), Some(60)],
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

#[test]
fn bandwidth_carries_its_debt() {
    let limit = parse_limit("400m/10ns").unwrap();
    let limited = Setup {
        machine_limit: Some(limit),
        ..setup("fifo", 1, 7)
    };
    // 4 ns a period: 7 are charged at 0, so 3 are owed, and at 10 there is 1 left to start on.
    let starts = [(0, 0, 1, 7), (10, 0, 1, 7), (30, 0, 1, 6)];
    check(&limited, &Workload::batch(&[20]), &starts, &[Some(36)]);
}

#[test]
fn a_token_bucket_opens_at_the_first_nanosecond_with_tokens() {
    let limit = parse_limit("300m+2ns").unwrap();
    let limited = Setup {
        machine_limit: Some(limit),
        ..setup("focus", 2, 3)
    };
    // 2000 thousandths at 0, 3000 are charged; -1000 is above 0 after 4 ns, with 200. Then -2800
    // takes 10 ns, with 200 again.
    let starts = [(0, 0, 1, 3), (4, 0, 1, 3), (14, 0, 1, 3)];
    check(&limited, &Workload::batch(&[9]), &starts, &[Some(17)]);
}

#[test]
fn a_limit_charges_chunks_and_not_their_overhead() {
    let limit = parse_limit("500m/10ns").unwrap();
    let limited = Setup {
        machine_limit: Some(limit),
        overhead_ns: 2,
        ..setup("fifo", 1, 3)
    };
    let starts = [(0, 0, 1, 3), (5, 0, 1, 3), (10, 0, 1, 3)];
    check(&limited, &Workload::batch(&[9]), &starts, &[Some(15)]);
}

#[test]
fn a_kept_core_waits_with_its_throttled_request() {
    let tenants = vec![parse_tenant("slow=1:200m/10ns").unwrap()];
    let limited = Setup {
        tenants,
        ..setup("fifo", 2, 2)
    };
    let workload = of_tenants(&[
        ("slow", 1, 0, 6),
        ("web", 2, 0, 4),
        ("web", 3, 0, 2),
        ("web", 4, 12, 2),
    ]);
    let starts = [
        (0, 0, 1, 2),
        (0, 1, 2, 2),
        (2, 1, 2, 2), // Core 0 is kept by request 1 until 10.
        (4, 1, 3, 2),
        (10, 0, 1, 2),
        (12, 1, 4, 2),
        (20, 0, 1, 2),
    ];
    check(
        &limited,
        &workload,
        &starts,
        &[Some(22), Some(4), Some(6), Some(14)],
    );
    // Not kept, the core serves others meanwhile.
    let shared = Setup {
        policy: "fifo/one".parse().unwrap(),
        ..limited
    };
    let starts = [
        (0, 0, 1, 2),
        (0, 1, 2, 2),
        (2, 0, 2, 2),
        (2, 1, 3, 2),
        (10, 0, 1, 2),
        (12, 0, 4, 2),
        (20, 0, 1, 2),
    ];
    check(
        &shared,
        &workload,
        &starts,
        &[Some(22), Some(4), Some(4), Some(14)],
    );
}

#[test]
fn both_limits_must_be_open_and_both_are_charged() {
    let tenants = vec![parse_tenant("a=1:500m/10ns").unwrap()];
    let machine_limit = Some(parse_limit("900m/10ns").unwrap());
    let limited = Setup {
        tenants,
        machine_limit,
        ..setup("focus", 1, 5)
    };
    let workload = of_tenants(&[("a", 1, 0, 10), ("b", 2, 0, 10)]);
    // At 10 the machine has 8, for 10 of its 9 were spent.
    let starts = [(0, 0, 1, 5), (5, 0, 2, 5), (10, 0, 1, 5), (15, 0, 2, 5)];
    check(&limited, &workload, &starts, &[Some(15), Some(20)]);
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
fn cancelling_a_throttled_request_frees_the_core_it_keeps() {
    let tenants = vec![parse_tenant("slow=1:200m/10ns").unwrap()];
    let limited = Setup {
        tenants,
        ..setup("fifo", 1, 2)
    };
    let mut workload = of_tenants(&[("slow", 1, 0, 6), ("web", 2, 1, 2)]);
    workload.requests[0].cancel_ns = Some(7);
    // From 2 on the core waits for 10; at 7 it is free. Nothing else happens at that instant.
    let starts = [(0, 0, 1, 2), (7, 0, 2, 2)];
    check(&limited, &workload, &starts, &[None, Some(9)]);
}

#[test]
fn nothing_ends_at_once() {
    check(&setup("fair", 3, 1), &Workload::default(), &[], &[]);
}

#[test]
fn the_last_instant_of_the_clock_is_an_error() {
    let late = Request::new(7, u64::MAX - 5, 3);
    let run = |request: &Request, setup: &Setup| {
        simulate(&std::iter::once(request.clone()).collect(), setup)
    };
    let plain = setup("fair", 1, 10);
    assert_eq!(
        run(&late, &plain).unwrap().makespan_ns(),
        Some(u64::MAX - 2)
    );
    let overflow = Err(SimulateError::ClockOverflow { id: 7 });
    assert_eq!(
        run(
            &Request {
                size_ns: 6,
                ..late.clone()
            },
            &plain
        ),
        overflow
    );
    assert_eq!(
        run(
            &late,
            &Setup {
                overhead_ns: u64::MAX,
                ..plain.clone()
            }
        ),
        overflow
    );
    // A debt that no period pays back in time.
    let machine_limit = Some(parse_limit("1m/1000s").unwrap());
    let limited = Setup {
        machine_limit,
        chunk_ns: u64::MAX / 2,
        ..plain
    };
    let long = Request::new(7, 0, u64::MAX / 2 + 2);
    assert_eq!(run(&long, &limited), overflow);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let workload = Workload::batch(&[1]);
    let refused = |setup: &Setup, expected: SetupError| {
        assert_eq!(
            simulate(&workload, setup),
            Err(SimulateError::Setup(expected))
        );
    };
    let plain = setup("fair", 1, 1);
    refused(
        &Setup {
            cores: 0,
            ..plain.clone()
        },
        SetupError::Cores { cores: 0 },
    );
    refused(
        &Setup {
            chunk_ns: 0,
            ..plain.clone()
        },
        SetupError::NoChunk,
    );
    let twice = vec![parse_tenant("a=1").unwrap(), parse_tenant("a=2").unwrap()];
    let twice = Setup {
        tenants: twice,
        ..plain.clone()
    };
    refused(
        &twice,
        SetupError::TwiceTheTenant {
            tenant: "a".to_owned(),
        },
    );
    let refused = |request: Request, expected: WorkloadError| {
        let workload = [request, Request::new(1, 0, 1)].into_iter().collect();
        assert_eq!(
            simulate(&workload, &plain),
            Err(SimulateError::Workload(expected))
        );
    };
    refused(Request::new(5, 0, 0), WorkloadError::NoSize { id: 5 });
    refused(Request::new(1, 9, 1), WorkloadError::TwiceTheId { id: 1 });
    let heavy = Request {
        weight: 10_001,
        ..Request::new(5, 0, 1)
    };
    refused(
        heavy,
        WorkloadError::Weight {
            id: 5,
            weight: 10_001,
        },
    );
    let stray = Request {
        tenant: 1,
        ..Request::new(5, 0, 1)
    };
    refused(stray, WorkloadError::UnknownTenant { id: 5, tenant: 1 });
}
