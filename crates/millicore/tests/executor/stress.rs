//! Everything at once, by chance: whatever happens, nothing is lost and all adds up.

use crate::accounts::{check_conserved, is_quiet};
use crate::deadline::{builder, finish, until};
use crate::seeded::Seeded;
use millicore::{Cpu, CpuLimit, Error, Executor, Handle, Policy, Request};
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

const REQUESTS: u64 = 600;

/// The seed is printed: on failure, run again with it in `MILLICORE_TEST_SEED`.
fn seed() -> u64 {
    let given = std::env::var("MILLICORE_TEST_SEED").ok();
    let seed = given.map_or_else(
        || u64::from(std::process::id()),
        |text| text.parse().expect("a seed is a number"),
    );
    eprintln!("MILLICORE_TEST_SEED={seed}");
    seed
}

#[test]
fn everything_at_once() {
    let mut chance = Seeded(seed());
    let executor = builder(3)
        .max_waiting(200)
        .max_wait(Duration::from_millis(500))
        .tenant("a", NonZeroU32::MIN, None)
        .tenant(
            "b",
            NonZeroU32::new(3).unwrap(),
            Some("1500m".parse().unwrap()),
        )
        .build()
        .unwrap();
    let held = Arc::new(());
    let mut handles = Vec::new();
    for number in 0..REQUESTS {
        handles.push(submit(&executor, &mut chance, number, &held));
        meddle(&executor, &mut chance, &mut handles);
    }
    executor.set_cpu_limit(CpuLimit::Unlimited);
    for handle in handles {
        match finish(handle) {
            Ok(sum) => assert_eq!(sum, 4950),
            Err(Error::Panicked { message }) => assert_eq!(message, "by chance"),
            Err(
                Error::Cancelled
                | Error::QueueFull { .. }
                | Error::WaitedTooLong { .. }
                | Error::DeadlinePassed
                | Error::UnknownTenant { .. }
                | Error::SizeUnknown { .. },
            ) => {}
            Err(other) => panic!("{other}"),
        }
    }
    until("all is quiet", || is_quiet(&executor));
    let metrics = executor.metrics();
    check_conserved(&metrics);
    assert_eq!((metrics.submitted, metrics.waiting), (REQUESTS, 0));
    until("nothing is left", || Arc::strong_count(&held) == 1);
}

fn submit(executor: &Executor, chance: &mut Seeded, number: u64, held: &Arc<()>) -> Handle<u64> {
    let kind = chance.below(8);
    let held = Arc::clone(held);
    executor.submit(described(chance), move |cpu| async move {
        let _held = held;
        work(cpu, kind, number).await
    })
}

fn described(chance: &mut Seeded) -> Request {
    let mut request = Request::new()
        .class(format!("/{}", chance.below(3)))
        .priority(i32::try_from(chance.below(3)).unwrap());
    if !chance.one_in(10) {
        request = request.size(Duration::from_micros(chance.below(1000)));
    }
    if chance.one_in(2) {
        request = request
            .tenant(["a", "b", "nobody knows"][usize::try_from(chance.below(20) / 9).unwrap()]);
    }
    if chance.one_in(4) {
        request = request.deadline(Duration::from_micros(chance.below(100_000)));
    }
    if chance.one_in(4) {
        request = request
            .max_cores(NonZeroU32::new(1 + u32::try_from(chance.below(3)).unwrap()).unwrap());
    }
    request
}

/// Different ways to the same sum.
async fn work(cpu: Cpu, kind: u64, number: u64) -> u64 {
    let sum = |part: std::ops::Range<u64>| part.sum::<u64>();
    let add = |a, b| a + b;
    match kind {
        0 => cpu.run(move || sum(0..100)).await,
        1 => {
            let all = cpu.map_reduce(0..100, sum, add);
            all.chunk_len(NonZeroU64::new(1 + number % 9).unwrap())
                .await
        }
        2 => {
            let (low, high) = (
                cpu.map_reduce(0..50, sum, add),
                cpu.map_reduce(50..100, sum, add),
            );
            let (low, high) = cpu.join(low, high).await;
            low + high
        }
        3 => {
            let mut total = 0;
            for index in 0..100 {
                total += index;
                cpu.checkpoint().await;
            }
            total
        }
        4 => {
            let (send, receive) = tokio::sync::oneshot::channel();
            std::thread::spawn(move || send.send(4950));
            receive.await.unwrap()
        }
        5 if number.is_multiple_of(3) => {
            let chunk = move |index| assert!(index < 60, "by chance");
            cpu.for_each(0..100_u64, chunk).await;
            0
        }
        6 => {
            let mut abandoned = Box::pin(cpu.for_each(0..u64::MAX, |_| ()));
            let once = std::future::poll_fn(|context| {
                let _ = abandoned.as_mut().poll(context);
                std::task::Poll::Ready(())
            });
            once.await;
            drop(abandoned);
            cpu.map_reduce(0..100, sum, add).await
        }
        _ => cpu.map_reduce(0..100, sum, add).await,
    }
}

fn meddle(executor: &Executor, chance: &mut Seeded, handles: &mut Vec<Handle<u64>>) {
    match chance.below(40) {
        0 => {
            let names = [
                "fifo", "fair", "focus", "las", "edf", "srpt", "sjf", "hesrpt", "las/one",
            ];
            let name = names[usize::try_from(chance.below(9)).unwrap()];
            // Refused while somebody has no size, which is fine.
            let _ = executor.set_policy(name.parse::<Policy>().unwrap());
        }
        1..=3 => {
            let cores = 1 + usize::try_from(chance.below(4)).unwrap();
            executor
                .set_cores(NonZeroUsize::new(cores).unwrap())
                .unwrap();
        }
        4 => executor.set_cpu_limit(CpuLimit::AtMost("800m".parse().unwrap())),
        5 | 6 => executor.set_cpu_limit(CpuLimit::Unlimited),
        7..=12 => {
            let index = usize::try_from(chance.next() % handles.len() as u64).unwrap();
            handles[index].cancel();
        }
        13..=16 => {
            let index = usize::try_from(chance.next() % handles.len() as u64).unwrap();
            drop(handles.swap_remove(index));
        }
        17 => check_conserved(&executor.metrics()),
        _ => {}
    }
}
