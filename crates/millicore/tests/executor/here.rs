//! One request on the calling thread: its end, its cancellation, what it waits for, what it leaves.

use crate::deadline::{Gate, builder, finish};
use millicore::{Cpu, Error, Request, run_here};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[track_caller]
fn check<F, Fut>(body: F, expected: Result<u64, &str>)
where
    F: FnOnce(Cpu) -> Fut,
    Fut: Future<Output = u64> + Send + 'static,
{
    match (run_here(body, || true), expected) {
        (Err(Error::Panicked { message }), Err(expected)) => assert_eq!(message, expected),
        (result, expected) => assert_eq!(result, expected.map_err(|_| Error::Cancelled)),
    }
}

fn sum(cpu: &Cpu) -> impl Future<Output = u64> + Send + 'static {
    cpu.map_reduce(0..100_000_u64, |part| part.sum::<u64>(), |a, b| a + b)
}

const SUM: u64 = 4_999_950_000;

#[test]
fn a_body_runs_to_its_end_on_this_thread() {
    let here = std::thread::current().id();
    check(|_| async { 7 }, Ok(7));
    check(|cpu| async move { sum(&cpu).await }, Ok(SUM));
    check(
        |cpu| async move {
            cpu.run(move || u64::from(std::thread::current().id() == here))
                .await
        },
        Ok(1),
    );
    check(
        |cpu| async move {
            let (a, b) = cpu.join(sum(&cpu), sum(&cpu)).await;
            cpu.checkpoint().await;
            a + b
        },
        Ok(2 * SUM),
    );
}

#[test]
fn what_panics_is_an_error_with_its_message() {
    check(|_| async { panic!("in the body") }, Err("in the body"));
    check(
        |cpu| async move { cpu.run(|| panic!("in a chunk")).await },
        Err("in a chunk"),
    );
    let makes_none = |_: Cpu| -> std::future::Ready<u64> { panic!("before the body") };
    check(makes_none, Err("before the body"));
    check(|_| async { 7 }, Ok(7));
}

/// Asked for the `refused_at`-th time, it is not to go on.
fn check_cancel(refused_at: u32, at_most: u64) {
    let (ran, held) = (Arc::new(AtomicU64::new(0)), Arc::new(()));
    let (count, in_body) = (Arc::clone(&ran), Arc::clone(&held));
    let mut asked = 0;
    let result = run_here(
        |cpu| async move {
            let _held = in_body;
            cpu.for_each(0..u64::MAX, move |_| {
                count.fetch_add(1, Ordering::Relaxed);
                // Each chunk is longer than a slice.
                millicore_workload::spin::spin_for(Duration::from_millis(3));
            })
            .chunk_len(NonZeroU64::MIN)
            .await;
        },
        || {
            asked += 1;
            asked < refused_at
        },
    );
    assert_eq!(result, Err(Error::Cancelled));
    let ran = ran.load(Ordering::Relaxed);
    assert!(ran <= at_most, "{ran} chunks ran");
    assert_eq!(Arc::strong_count(&held), 1, "something of the body is left");
}

#[test]
fn nothing_starts_once_it_is_not_to_go_on() {
    check_cancel(1, 0);
    check_cancel(2, 1);
    check_cancel(4, 3);
}

#[test]
fn a_body_that_waits_is_woken_from_outside_and_cancelled_meanwhile() {
    let executor = builder(1).build().unwrap();
    let gate = Gate::default();
    let opens = gate.clone();
    let outside = executor.submit(Request::new(), move |_| async move {
        opens.wait();
        5_u64
    });
    let mut asked = 0;
    let result = run_here(
        |_| async move { finish_here(outside).await },
        || {
            asked += 1;
            if asked == 3 {
                gate.open();
            }
            true
        },
    );
    assert_eq!(result, Ok(5));
    let mut left = 3;
    let pending = run_here(
        |_| std::future::pending::<u64>(),
        || {
            left -= 1;
            left > 0
        },
    );
    assert_eq!(pending, Err(Error::Cancelled));
}

async fn finish_here(handle: millicore::Handle<u64>) -> u64 {
    handle.await.unwrap()
}

#[test]
fn a_request_here_may_be_made_on_a_core_and_inside_another() {
    let executor = builder(1).build().unwrap();
    let nested = |cpu: Cpu| async move {
        let inner = run_here(|cpu| async move { sum(&cpu).await }, || true).unwrap();
        inner
            + cpu
                .run(|| run_here(|cpu| async move { sum(&cpu).await }, || true).unwrap())
                .await
    };
    assert_eq!(finish(executor.submit(Request::new(), nested)), Ok(2 * SUM));
    check(nested, Ok(2 * SUM));
}
