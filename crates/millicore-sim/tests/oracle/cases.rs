//! Random cases, and how they read in the terms of the simulator under test.

use crate::naive::{Case, Job, Limit, Order, Tenant, Width};
use millicore_sim::{LimitSpec, Request, Setup, TenantSpec, Workload};
use proptest::prelude::*;
use std::num::NonZeroU32;

/// The first is nobody's.
const TENANT_NAMES: [&str; 4] = ["", "b", "a", "c"];

pub(crate) fn any_case() -> impl Strategy<Value = Case> {
    let machine = (1..5_usize, 1..7_u64, 0..3_u64);
    let tenants = prop_oneof![
        Just(Vec::new()),
        proptest::collection::vec((1..4_u32, proptest::option::of(any_limit())), 3),
    ];
    (
        any_policy(),
        machine,
        proptest::option::weighted(0.3, 1..25_u64),
        proptest::option::weighted(0.3, any_limit()),
        tenants,
        proptest::collection::vec(any_job(), 1..14),
        any::<u64>(),
    )
        .prop_map(
            |((order, width), machine, ageing, limit, tenants, mut jobs, salt)| {
                let (cores, chunk, overhead) = machine;
                for (number, job) in (0..).zip(&mut jobs) {
                    // An odd factor permutes the numbers: ids unique, in no order.
                    job.id = (number ^ (salt % 16)).wrapping_mul(7) % 16;
                    job.tenant %= tenants.len() + 1;
                }
                let nobody = Tenant {
                    name: TENANT_NAMES[0],
                    weight: 1,
                    limit: None,
                };
                let others = TENANT_NAMES[1..].iter().zip(tenants);
                let others = others.map(|(&name, (weight, limit))| Tenant {
                    name,
                    weight,
                    limit,
                });
                let tenants = std::iter::once(nobody).chain(others).collect();
                Case {
                    order,
                    width,
                    cores,
                    chunk,
                    overhead,
                    ageing,
                    limit,
                    tenants,
                    jobs,
                }
            },
        )
}

fn any_policy() -> impl Strategy<Value = (Order, Width)> {
    let order = prop_oneof![
        Just((Order::Fifo, Width::Kept)),
        Just((Order::Fair, Width::AtMost(u32::MAX))),
        Just((Order::Focus, Width::AtMost(u32::MAX))),
        Just((Order::Sjf, Width::Kept)),
        Just((Order::Srpt, Width::AtMost(u32::MAX))),
        Just((Order::Las, Width::AtMost(u32::MAX))),
        Just((Order::Edf, Width::AtMost(u32::MAX))),
        (1..8_u32).prop_map(|exponent| (Order::HeSrpt { exponent }, Width::AtMost(u32::MAX))),
    ];
    let width = prop_oneof![
        Just(Width::Kept),
        (1..4_u32).prop_map(Width::AtMost),
        Just(Width::AtMost(u32::MAX)),
    ];
    (order, proptest::option::of(width))
        .prop_map(|((order, own_width), width)| (order, width.unwrap_or(own_width)))
}

fn any_limit() -> impl Strategy<Value = Limit> {
    prop_oneof![
        (1..9_u64, 1..13_u64).prop_map(|(quota, period)| Limit::Bandwidth { quota, period }),
        (
            prop_oneof![Just(250_u64), Just(333), Just(1000), 70..2500_u64],
            1..11_u64
        )
            .prop_map(|(millicores, burst)| Limit::Bucket { millicores, burst }),
    ]
}

fn any_job() -> impl Strategy<Value = Job> {
    let arrival = prop_oneof![2 => Just(0_u64), 3 => 0..30_u64];
    let priority = prop_oneof![4 => Just(0), 1 => -1..2_i32];
    (
        arrival,
        1..16_u64,
        priority,
        1..4_u32,
        proptest::option::weighted(0.3, 1..4_u32),
        proptest::option::of(0..40_u64),
        proptest::option::weighted(0.25, 0..40_u64),
        0..TENANT_NAMES.len(),
    )
        .prop_map(
            |(arrival, size, priority, weight, max_cores, deadline, cancel_after, tenant)| Job {
                id: 0,
                arrival,
                size,
                priority,
                weight,
                max_cores,
                deadline,
                // Now and then before the arrival.
                cancel: cancel_after.map(|after| (arrival + after).saturating_sub(2)),
                tenant,
            },
        )
}

pub(crate) fn workload_of(case: &Case) -> Workload {
    let requests = case.jobs.iter().map(|job| Request {
        priority: job.priority,
        weight: job.weight,
        max_cores: job.max_cores.and_then(NonZeroU32::new),
        tenant: u32::try_from(job.tenant).unwrap(),
        deadline_ns: job.deadline,
        cancel_ns: job.cancel,
        ..Request::new(job.id, job.arrival, job.size)
    });
    let tenants = case.tenants.iter().map(|tenant| tenant.name.to_owned());
    Workload {
        requests: requests.collect(),
        tenants: tenants.collect(),
    }
}

pub(crate) fn setup_of(case: &Case) -> Setup {
    let width = match case.width {
        Width::Kept => "kept".to_owned(),
        Width::AtMost(u32::MAX) => "all".to_owned(),
        Width::AtMost(1) => "one".to_owned(),
        Width::AtMost(cores) => cores.to_string(),
    };
    let order = match case.order {
        Order::HeSrpt { exponent } => format!("hesrpt:{exponent}"),
        other => format!("{other:?}").to_lowercase(),
    };
    let tenants = case.tenants.iter().map(|tenant| TenantSpec {
        name: tenant.name.to_owned(),
        weight: tenant.weight,
        limit: tenant.limit.map(limit_of),
    });
    Setup {
        chunk_ns: case.chunk,
        overhead_ns: case.overhead,
        ageing_ns: case.ageing,
        tenants: tenants.collect(),
        machine_limit: case.limit.map(limit_of),
        ..Setup::new(format!("{order}/{width}").parse().unwrap(), case.cores)
    }
}

fn limit_of(limit: Limit) -> LimitSpec {
    match limit {
        Limit::Bandwidth { quota, period } => LimitSpec::Bandwidth {
            quota_ns: quota,
            period_ns: period,
        },
        Limit::Bucket { millicores, burst } => LimitSpec::TokenBucket {
            rate_millicores: millicores,
            burst_ns: burst,
        },
    }
}
