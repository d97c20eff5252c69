//! Parallel loops: every index once, results in the order of the range.

use crate::deadline::{Gate, builder, finish};
use millicore::{Executor, Index, Policy, Request};
use std::fmt::Debug;
use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::task::Poll;

/// Concatenates the indexes of a range, which shows any that is lost, doubled or out of place.
fn check_concatenation<I>(executor: &Executor, range: Range<I>, chunk_len: Option<u64>)
where
    I: Index + Debug + PartialEq,
    Range<I>: Iterator<Item = I>,
{
    let expected: Vec<I> = range.clone().collect();
    let chunk_len = chunk_len.and_then(NonZeroU64::new);
    let asked = range.clone();
    let indexes = executor.submit(Request::new(), move |cpu| async move {
        let list = |part: Range<I>| part.collect::<Vec<I>>();
        let concatenate = |mut left: Vec<I>, right: Vec<I>| {
            left.extend(right);
            left
        };
        let all = cpu.map_reduce(range, list, concatenate);
        match chunk_len {
            Some(indexes) => all.chunk_len(indexes).await,
            None => all.await,
        }
    });
    assert_eq!(
        finish(indexes).unwrap(),
        expected,
        "{asked:?} in chunks of {chunk_len:?}"
    );
}

#[test]
fn a_reduction_is_in_the_order_of_the_range() {
    let executor = builder(3).build().unwrap();
    for chunk_len in [None, Some(1), Some(2), Some(7), Some(1000), Some(u64::MAX)] {
        check_concatenation(&executor, 0..1000_u64, chunk_len);
        check_concatenation(&executor, 5..1003_u32, chunk_len);
        check_concatenation(&executor, 3..500_usize, chunk_len);
        check_concatenation(&executor, -300..301_i32, chunk_len);
        check_concatenation(&executor, -7..200_i64, chunk_len);
    }
}

#[test]
fn ranges_reach_the_ends_of_their_integers() {
    let executor = builder(2).build().unwrap();
    check_concatenation(&executor, u32::MAX - 9..u32::MAX, Some(3));
    check_concatenation(&executor, u64::MAX - 9..u64::MAX, Some(4));
    check_concatenation(&executor, i32::MIN..i32::MIN + 9, Some(2));
    check_concatenation(&executor, i64::MAX - 9..i64::MAX, None);
    check_concatenation(&executor, 9..9_u32, Some(1));
    check_concatenation(
        &executor,
        Range {
            start: 9,
            end: 2_i32,
        },
        None,
    );
}

fn check_whole_width(range: Range<u64>, chunk_len: u64) {
    let executor = builder(2).build().unwrap();
    let expected = range.end - range.start;
    let covered = executor.submit(Request::new(), move |cpu| async move {
        let width = |part: Range<u64>| part.end - part.start;
        cpu.map_reduce(range, width, |a, b| a + b)
            .chunk_len(NonZeroU64::new(chunk_len).unwrap())
            .await
    });
    assert_eq!(finish(covered), Ok(expected), "in chunks of {chunk_len}");
}

#[test]
fn a_chunk_may_be_as_long_as_an_integer_counts() {
    check_whole_width(0..u64::MAX, u64::MAX);
    check_whole_width(0..u64::MAX, u64::MAX - 3);
    check_whole_width(1..u64::MAX, u64::MAX / 2 + 1);
}

/// Indexes run exactly once while `meddle` disturbs the executor.
fn check_once(policy: Policy, meddle: impl Fn(&Executor, usize)) {
    const INDEXES: usize = 3000;
    let executor = builder(3).policy(policy).build().unwrap();
    let runs: Arc<Vec<AtomicU32>> = Arc::new((0..INDEXES).map(|_| AtomicU32::new(0)).collect());
    let counted = Arc::clone(&runs);
    let (begun, done) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
    let (signal, progress) = (begun.clone(), Arc::clone(&done));
    let all = executor.submit(Request::new(), |cpu| async move {
        cpu.for_each(0..INDEXES, move |index| {
            counted[index].fetch_add(1, Ordering::Relaxed);
            progress.fetch_add(1, Ordering::Relaxed);
            signal.open();
            std::hint::black_box((0..2000_u64).sum::<u64>());
        })
        .chunk_len(NonZeroU64::new(4).unwrap())
        .await;
    });
    begun.wait();
    for round in 0..40 {
        meddle(&executor, round);
    }
    finish(all).unwrap();
    let wrong = runs
        .iter()
        .position(|runs| runs.load(Ordering::Relaxed) != 1);
    assert_eq!(wrong, None, "an index that did not run exactly once");
}

#[test]
fn every_index_runs_once_under_recalls() {
    check_once(Policy::focus(), |executor, _| {
        let urgent = executor.submit(Request::new().priority(1), |cpu| async move {
            cpu.for_each(0..3_u32, |_| ()).await;
        });
        finish(urgent).unwrap();
    });
}

#[test]
fn every_index_runs_once_while_cores_come_and_go() {
    check_once(Policy::fair(), |executor, round| {
        let cores = NonZeroUsize::new(1 + round % 4).unwrap();
        executor.set_cores(cores).unwrap();
    });
}

#[test]
fn every_index_runs_once_while_others_are_cancelled() {
    check_once(Policy::las(), |executor, _| {
        let unwanted = executor.submit(Request::new(), |cpu| async move {
            cpu.for_each(0..1_000_000_u32, |_| ()).await;
        });
        drop(unwanted);
    });
}

#[test]
fn a_loop_awaited_in_a_chunk_runs_inside_it() {
    let executor = builder(2).build().unwrap();
    let table = executor.submit(Request::new(), |cpu| async move {
        let inner = cpu.clone();
        let row = move |rows: Range<u64>| {
            rows.map(|row| {
                let chunk = std::thread::current().id();
                let products = inner.map_reduce(
                    0..10_u64,
                    move |columns| {
                        assert_eq!(std::thread::current().id(), chunk);
                        columns.map(|column| row * column).sum::<u64>()
                    },
                    |a, b| a + b,
                );
                finish(products)
            })
            .sum::<u64>()
        };
        cpu.map_reduce(0..10_u64, row, |a, b| a + b).await
    });
    assert_eq!(finish(table), Ok(45 * 45));
}

#[test]
fn an_inline_loop_needs_no_core() {
    let executor = builder(1).build().unwrap();
    let sum = executor.submit(Request::new(), |cpu| async move {
        let inner = cpu.clone();
        cpu.run(move || {
            let sum = inner.map_reduce(0..100_u32, |part| part.sum::<u32>(), |a, b| a + b);
            sum.inline()
        })
        .await
    });
    assert_eq!(finish(sum), Ok(4950));
}

#[test]
fn two_loops_are_worked_on_side_by_side() {
    let executor = builder(2).build().unwrap();
    let (left, right) = (Gate::default(), Gate::default());
    let met = executor.submit(Request::new(), |cpu| async move {
        // Each waits for the other, which only two cores at once can do.
        let (left_too, right_too) = (left.clone(), right.clone());
        let first = cpu.run(move || {
            left.open();
            right.wait();
            1
        });
        let second = cpu.run(move || {
            right_too.open();
            left_too.wait();
            2
        });
        cpu.join(first, second).await
    });
    assert_eq!(finish(met), Ok((1, 2)));
}

#[test]
fn a_loop_may_be_awaited_on_another_runtime() {
    let executor = builder(2).build().unwrap();
    let sum = executor.submit(Request::new(), |cpu| async move {
        let (send, receive) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let sum = cpu.map_reduce(0..1000_u32, |part| part.sum::<u32>(), |a, b| a + b);
            let _ = send.send(finish(sum));
        });
        receive.await.unwrap()
    });
    assert_eq!(finish(sum), Ok(499_500));
}

#[test]
fn a_loop_dropped_before_its_end_starts_no_further_chunk() {
    let executor = builder(2).build().unwrap();
    let ran = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&ran);
    let after = executor.submit(Request::new(), |cpu| async move {
        let (first, rest) = (Gate::default(), Gate::default());
        let (first_ran, release) = (first.clone(), rest.clone());
        let endless = cpu.for_each(0..1_000_000_000_u64, move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            first_ran.open();
            release.wait();
        });
        {
            let mut endless = pin!(endless.chunk_len(NonZeroU64::MIN));
            let mut polls = 0;
            std::future::poll_fn(|context| {
                polls += 1;
                let pending = endless.as_mut().poll(context).is_pending();
                assert!(pending);
                if polls == 1 {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(())
            })
            .await;
        }
        rest.open();
        cpu.map_reduce(0..10_u32, |part| part.sum::<u32>(), |a, b| a + b)
            .await
    });
    assert_eq!(finish(after), Ok(45));
    assert!(ran.load(Ordering::SeqCst) <= 2, "one chunk a core at most");
}
