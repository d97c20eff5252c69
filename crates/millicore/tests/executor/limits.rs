//! Limits on CPU time: who is throttled waits, everybody else goes on, and no core sleeps too long.

use crate::deadline::{builder, finish, until};
use millicore::{CpuLimit, Executor, Handle, Policy, Request, VirtualExecutor};
use millicore_quota::Millicores;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

const MILLISECOND: Duration = Duration::from_millis(1);

fn millicores(text: &str) -> Millicores {
    text.parse().unwrap()
}

/// So many chunks of a declared millisecond.
fn submit(executor: &Executor, request: Request, chunks: u32) -> Handle<()> {
    executor.submit(request, move |cpu| async move {
        let chunk = cpu.clone();
        cpu.for_each(0..chunks, move |_| chunk.declare(MILLISECOND))
            .chunk_len(NonZeroU64::MIN)
            .await;
    })
}

/// Requests that are throttled again and again all end, on every width.
fn check_throttled(policy: &str, limit: CpuLimit, tenant_limit: Option<&str>) {
    let executor = builder(3)
        .policy(policy.parse::<Policy>().unwrap())
        .declared_cpu(true)
        .chunk_target(Duration::from_nanos(1))
        .slice(MILLISECOND)
        .cpu_limit(limit)
        .tenant("limited", NonZeroU32::MIN, tenant_limit.map(millicores))
        .build()
        .unwrap();
    let request = || {
        Request::new()
            .tenant("limited")
            .size(Duration::from_millis(30))
    };
    let handles: Vec<_> = (0..5).map(|_| submit(&executor, request(), 30)).collect();
    for handle in handles {
        assert_eq!(
            finish(handle),
            Ok(()),
            "{policy} {limit:?} {tenant_limit:?}"
        );
    }
}

#[test]
fn the_throttled_end_under_a_machine_limit() {
    for policy in ["fifo", "sjf", "fair", "focus", "srpt/one"] {
        check_throttled(policy, CpuLimit::AtMost(millicores("2")), None);
    }
}

#[test]
fn the_throttled_end_under_the_limit_of_a_tenant() {
    for policy in ["fifo", "sjf", "fair", "focus", "srpt/one"] {
        check_throttled(policy, CpuLimit::Unlimited, Some("2"));
    }
}

/// One core is kept by a throttled request and sleeps; another has to take what comes.
fn check_beside_kept(kept_cores: usize, cores: usize) {
    let executor = builder(cores)
        .policy(Policy::fifo())
        .declared_cpu(true)
        .chunk_target(Duration::from_nanos(1))
        .slice(MILLISECOND)
        .tenant("limited", NonZeroU32::MIN, Some(millicores("1m")))
        .build()
        .unwrap();
    let limited: Vec<_> = (0..kept_cores)
        .map(|_| submit(&executor, Request::new().tenant("limited"), 1_000_000))
        .collect();
    // The burst is ten chunks; at one millicore the next comes after a second.
    until("the burst is used up", || {
        let busy: Duration = executor.metrics().cores.iter().map(|core| core.busy).sum();
        busy >= 10 * MILLISECOND
    });
    for _ in 0..20 {
        let free = submit(&executor, Request::new(), 5);
        assert_eq!(finish(free), Ok(()));
    }
    for handle in &limited {
        assert!(!handle.is_finished());
    }
}

#[test]
fn a_throttled_request_keeps_its_own_core_only() {
    check_beside_kept(1, 2);
    check_beside_kept(2, 3);
    check_beside_kept(3, 4);
}

#[test]
fn cancelling_who_keeps_a_core_frees_it() {
    let executor = builder(1)
        .policy(Policy::fifo())
        .declared_cpu(true)
        .chunk_target(Duration::from_nanos(1))
        .slice(MILLISECOND)
        .tenant("limited", NonZeroU32::MIN, Some(millicores("1m")))
        .build()
        .unwrap();
    let limited = submit(&executor, Request::new().tenant("limited"), 1_000_000);
    until("the burst is used up", || {
        executor.metrics().cores[0].busy >= 10 * MILLISECOND
    });
    let waits = submit(&executor, Request::new(), 1);
    limited.cancel();
    assert_eq!(finish(waits), Ok(()));
}

#[test]
fn a_limit_may_be_lifted() {
    let executor = builder(2)
        .declared_cpu(true)
        .chunk_target(Duration::from_nanos(1))
        .cpu_limit(CpuLimit::AtMost(millicores("1m")))
        .build()
        .unwrap();
    // A minute and a half at a thousandth of a core is a day.
    let request = submit(&executor, Request::new(), 90_000);
    until("the burst is used up", || {
        let busy: Duration = executor.metrics().cores.iter().map(|core| core.busy).sum();
        busy >= 10 * MILLISECOND
    });
    assert!(!request.is_finished());
    executor.set_cpu_limit(CpuLimit::Unlimited);
    assert_eq!(finish(request), Ok(()));
}

/// In virtual time a limit is exact: `chunks` of 1 ms in one request end at `expected_ms`.
fn check_pace(limit: CpuLimit, tenant_limit: Option<&str>, chunks: u32, expected: Duration) {
    let builder = builder(2)
        .slice(MILLISECOND)
        .chunk_target(Duration::from_nanos(1))
        .cpu_limit(limit)
        .tenant("limited", NonZeroU32::MIN, tenant_limit.map(millicores));
    let mut executor = VirtualExecutor::new(builder).unwrap();
    let request = Request::new().tenant("limited");
    let request = executor.submit(request, move |cpu| async move {
        let chunk = cpu.clone();
        cpu.for_each(0..chunks, move |_| chunk.declare(MILLISECOND))
            .chunk_len(NonZeroU64::MIN)
            .await;
    });
    executor.run_to_end();
    assert_eq!(
        request.progress().age,
        expected,
        "{limit:?} {tenant_limit:?}"
    );
    assert_eq!(finish(request), Ok(()));
}

/// A limit is 10 ms at first and what flows in, and a chunk starts while anything is left: the 21st
/// once more than 20 ms have been granted.
#[test]
fn a_pace_is_kept_to_the_nanosecond() {
    check_pace(CpuLimit::Unlimited, None, 20, 10 * MILLISECOND);
    check_pace(CpuLimit::Unlimited, Some("500m"), 10, 5 * MILLISECOND);
    // 10 ms + t / 2 > 20 ms at the first nanosecond after 20 ms.
    check_pace(
        CpuLimit::Unlimited,
        Some("500m"),
        21,
        Duration::from_nanos(21_000_001),
    );
    // A machine is paced at 98 %: 10 ms + 0.98 t > 20 ms at the first nanosecond after 10.204081 ms.
    check_pace(
        CpuLimit::AtMost(millicores("1")),
        None,
        21,
        Duration::from_nanos(11_204_082),
    );
}
