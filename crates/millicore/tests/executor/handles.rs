//! The caller's end: a future on any runtime, a blocking wait, progress, cancellation.

use crate::deadline::{Gate, builder, finish, until};
use millicore::{Error, Executor, Request};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

fn sum_of(executor: &Executor, limit: u64) -> millicore::Handle<u64> {
    executor.submit(Request::new(), move |cpu| async move {
        cpu.map_reduce(0..limit, |part| part.sum::<u64>(), |a, b| a + b)
            .await
    })
}

fn check_waits(wait: impl Fn(millicore::Handle<u64>) -> Result<u64, Error>) {
    let executor = builder(2).build().unwrap();
    let handles: Vec<_> = (0..200).map(|limit| sum_of(&executor, limit)).collect();
    for (limit, handle) in (0..200_u64).zip(handles) {
        assert_eq!(wait(handle), Ok(limit * limit.saturating_sub(1) / 2));
    }
}

#[test]
fn a_handle_blocks() {
    check_waits(millicore::Handle::wait);
}

#[test]
fn a_handle_is_a_future_of_no_runtime() {
    check_waits(finish);
}

#[test]
fn a_handle_is_a_future_of_tokio() {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    check_waits(|handle| tokio.block_on(async { tokio.spawn(handle).await.unwrap() }));
}

#[test]
fn a_handle_is_awaited_in_a_body() {
    let executor = Arc::new(builder(1).build().unwrap());
    let inside = Arc::clone(&executor);
    let doubled = executor.submit(Request::new(), |_| async move {
        sum_of(&inside, 10).await.map(|sum| 2 * sum)
    });
    assert_eq!(finish(doubled), Ok(Ok(90)));
}

#[test]
fn a_body_awaits_what_another_thread_sends() {
    let executor = builder(1).build().unwrap();
    let (send, receive) = tokio::sync::oneshot::channel();
    let waits = executor.submit(Request::new(), |cpu| async move {
        let received: u64 = receive.await.unwrap();
        cpu.run(move || received + 1).await
    });
    // A waiting request holds no core.
    assert_eq!(sum_of(&executor, 10).wait(), Ok(45));
    assert!(!waits.is_finished());
    let sender = std::thread::spawn(move || send.send(41));
    assert_eq!(finish(waits), Ok(42));
    sender.join().unwrap().unwrap();
}

#[test]
fn a_detached_request_goes_on() {
    let executor = builder(1).build().unwrap();
    let (release, ran) = (Gate::default(), Gate::default());
    let (released, signal) = (release.clone(), ran.clone());
    let request = executor.submit(Request::new(), |cpu| async move {
        cpu.run(move || released.wait()).await;
        cpu.run(move || signal.open()).await;
    });
    request.detach();
    release.open();
    ran.wait();
    until("it is complete", || executor.metrics().completed == 1);
}

/// Drops the handle at some moment of a long loop and counts the chunks that ran.
fn check_drop(cores: usize, chunks_before_drop: u64) {
    let executor = builder(cores).build().unwrap();
    let ran = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&ran);
    let enough = Gate::default();
    let signal = enough.clone();
    let (held, release) = (Gate::default(), Gate::default());
    let (holds, released) = (held.clone(), release.clone());
    let long = executor.submit(Request::new(), move |cpu| async move {
        cpu.for_each(0..u64::MAX, move |_| {
            let before = counted.fetch_add(1, Ordering::SeqCst);
            if before + 1 == chunks_before_drop {
                signal.open();
            }
            if before + 1 >= chunks_before_drop {
                holds.open();
                released.wait();
            }
        })
        .chunk_len(NonZeroU64::MIN)
        .await;
    });
    enough.wait();
    held.wait();
    drop(long);
    let at_drop = ran.load(Ordering::SeqCst);
    release.open();
    let after = executor.submit(Request::new(), |cpu| async move {
        cpu.for_each(0..1000_u32, |_| ()).await;
    });
    finish(after).unwrap();
    drop(executor);
    let in_all = ran.load(Ordering::SeqCst);
    assert!(
        in_all < at_drop + cores as u64,
        "{in_all} chunks ran, {at_drop} of them before the drop, on {cores} cores"
    );
}

#[test]
fn no_chunk_starts_after_the_drop_of_the_handle() {
    check_drop(1, 1);
    check_drop(1, 1000);
    check_drop(2, 50);
    check_drop(4, 3000);
}

#[test]
fn progress_counts_indexes_slices_and_cores() {
    let executor = builder(2)
        .chunk_target(Duration::from_nanos(1))
        .build()
        .unwrap();
    let (half, release) = (Gate::default(), Gate::default());
    let (signal, released) = (half.clone(), release.clone());
    let request = executor.submit(Request::new(), move |cpu| async move {
        cpu.for_each(0..10_u32, move |index| {
            if index == 5 {
                signal.open();
            }
            if index >= 5 {
                released.wait();
            }
        })
        .chunk_len(NonZeroU64::MIN)
        .await;
    });
    half.wait();
    let then = request.progress();
    assert_eq!(then.loop_indexes, 10, "{then:?}");
    assert!((6..=7).contains(&then.loop_indexes_claimed), "{then:?}");
    assert!((1..=2).contains(&then.cores), "{then:?}");
    assert!(then.slices >= 1, "{then:?}");
    assert!(then.age >= then.waited, "{then:?}");
    release.open();
    until("the request has ended", || request.is_finished());
    until("no core is at work on it", || request.progress().cores == 0);
    let end = request.progress();
    assert_eq!((end.loop_indexes, end.cores), (0, 0));
    assert!((1..=2).contains(&end.most_cores), "{end:?}");
    assert_eq!(
        end.age,
        request.progress().age,
        "the age of the dead stands"
    );
    assert_eq!(finish(request), Ok(()));
}
