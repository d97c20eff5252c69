//! What the executor counts adds up.

use crate::deadline::{builder, finish, until};
use millicore::{Executor, Metrics, Policy, Request};
use std::num::NonZeroU64;
use std::time::Duration;

const MICROSECOND: Duration = Duration::from_micros(1);

/// Nothing is submitted that does not end in one of the ways there are.
#[track_caller]
pub(crate) fn check_conserved(metrics: &Metrics) {
    let ended = metrics.completed
        + metrics.cancelled
        + metrics.panicked
        + metrics.refused
        + metrics.expired;
    assert_eq!(
        metrics.submitted,
        ended + metrics.live as u64,
        "{metrics:?}"
    );
}

/// Every core has ended what it began.
pub(crate) fn is_quiet(executor: &Executor) -> bool {
    let metrics = executor.metrics();
    let busy: Duration = metrics.cores.iter().map(|core| core.busy).sum();
    metrics.live == 0 && metrics.cpu_time == busy
}

#[test]
fn cpu_time_is_what_chunks_declare() {
    const REQUESTS: u64 = 300;
    const CHUNKS: u64 = 20;
    for policy in [Policy::fair(), Policy::fifo(), Policy::focus()] {
        let executor = builder(3)
            .policy(policy)
            .declared_cpu(true)
            .slice(5 * MICROSECOND)
            .chunk_target(MICROSECOND)
            .build()
            .unwrap();
        let handles: Vec<_> = (0..REQUESTS)
            .map(|_| {
                executor.submit(Request::new(), |cpu| async move {
                    let chunk = cpu.clone();
                    cpu.for_each(0..CHUNKS, move |_| chunk.declare(MICROSECOND))
                        .chunk_len(NonZeroU64::MIN)
                        .await;
                })
            })
            .collect();
        for handle in handles {
            finish(handle).unwrap();
        }
        let declared = MICROSECOND * u32::try_from(REQUESTS * CHUNKS).unwrap();
        until("what was declared is accounted for", || {
            executor.metrics().cpu_time >= declared && is_quiet(&executor)
        });
        let metrics = executor.metrics();
        assert_eq!(metrics.cpu_time, declared);
        assert_eq!((metrics.completed, metrics.waiting), (REQUESTS, 0));
        check_conserved(&metrics);
    }
}

#[test]
fn cpu_time_is_that_of_the_threads() {
    let executor = builder(2).build().unwrap();
    let request = executor.submit(Request::new(), |cpu| async move {
        let spin = |part: std::ops::Range<u64>| {
            part.fold(0_u64, |sum, n| {
                std::hint::black_box(sum.wrapping_add(n * n))
            })
        };
        cpu.map_reduce(0..3_000_000_u64, spin, u64::wrapping_add)
            .await
    });
    until("its account is that of the cores", || {
        is_quiet(&executor) && request.progress().cpu_time == executor.metrics().cpu_time
    });
    assert!(request.progress().cpu_time > Duration::ZERO);
}

/// A class is estimated by all the CPU time its requests took, on whichever cores.
#[test]
fn history_counts_every_core() {
    let executor = builder(2)
        .policy(Policy::srpt())
        .declared_cpu(true)
        .slice(Duration::from_millis(1))
        .journal(true)
        .build()
        .unwrap();
    for round in 1..=200 {
        let request = Request::new().class("/twice").size(MICROSECOND);
        let request = executor.submit(request, |cpu| async move {
            let (left, right) = (cpu.clone(), cpu.clone());
            let barrier = std::sync::Arc::new(std::sync::Barrier::new(2));
            let other = std::sync::Arc::clone(&barrier);
            // On two cores, because each waits for the other.
            let first = cpu.run(move || {
                left.declare(100 * MICROSECOND);
                barrier.wait();
            });
            let second = cpu.run(move || {
                right.declare(100 * MICROSECOND);
                other.wait();
            });
            cpu.join(first, second).await;
        });
        finish(request).unwrap();
        until("both chunks are accounted for", || {
            executor.metrics().cpu_time == 200 * MICROSECOND * round
        });
    }
    let _ = executor.take_journal();
    let unsized_request = executor.submit(Request::new().class("/twice"), |_| async {});
    finish(unsized_request).unwrap();
    let journal = format!("{:?}", executor.take_journal());
    assert!(
        journal.contains("size: Estimate(200000)"),
        "an estimate other than 200 µs: {journal}"
    );
}
