//! Tenants, limits, and what a kept core does while its request is throttled.

use super::{check, setup};
use crate::setup::{parse_limit, parse_tenant};
use crate::{Request, Setup, Workload};

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
    let workload = of_tenants(&[("a", 1, 0, 10), ("b", 2, 0, 50), ("a", 3, 40, 30)]);
    let starts = [
        (0, 0, 1, 10),
        (10, 0, 2, 10),
        (20, 0, 2, 10),
        (30, 0, 2, 10),
        // The largest virtual time dispatched so far is b's 20: a enters there, b is at 30.
        (40, 0, 3, 10),
        (50, 0, 3, 10), // Both at 30.
        (60, 0, 2, 10),
        (70, 0, 3, 10), // Both at 40.
        (80, 0, 2, 10),
    ];
    check(
        &setup("focus", 1, 10),
        &workload,
        &starts,
        &[Some(10), Some(90), Some(80)],
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
fn what_a_limit_did_not_use_is_not_saved_for_later() {
    let tenants = vec![parse_tenant("b=1:500m/2ns").unwrap()];
    let limited = Setup {
        tenants,
        ..setup("fifo", 1, 1)
    };
    let workload = of_tenants(&[("a", 1, 0, 2), ("b", 2, 0, 2)]);
    // The periods before 2 count for nothing: at 3 all of the second period is spent.
    let starts = [(0, 0, 1, 1), (1, 0, 1, 1), (2, 0, 2, 1), (4, 0, 2, 1)];
    check(&limited, &workload, &starts, &[Some(2), Some(5)]);
}
