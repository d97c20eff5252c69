//! Who goes first, in virtual time: priorities, checkpoints, weights, classes.

use crate::deadline::builder;
use millicore::{Builder, Cpu, Handle, Policy, Request, VirtualExecutor};
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

const MILLISECOND: Duration = Duration::from_millis(1);

fn milliseconds(count: u32) -> Duration {
    count * MILLISECOND
}

fn one_core(policy: Policy) -> Builder {
    builder(1)
        .policy(policy)
        .slice(MILLISECOND)
        .chunk_target(Duration::from_nanos(1))
}

/// So many chunks of a millisecond.
async fn chunks(cpu: Cpu, count: u32) {
    let chunk = cpu.clone();
    cpu.for_each(0..count, move |_| chunk.declare(MILLISECOND))
        .chunk_len(NonZeroU64::MIN)
        .await;
}

/// A request as it is asked for, when it comes, how many milliseconds it takes, when it ends.
type Row = (Request, u32, u32, u32);

#[track_caller]
fn check(builder: Builder, rows: &[Row]) {
    let mut executor = VirtualExecutor::new(builder).unwrap();
    let mut handles: Vec<Handle<()>> = Vec::new();
    for (request, arrival_ms, size_ms, _) in rows {
        executor.run_until(milliseconds(*arrival_ms));
        let size_ms = *size_ms;
        handles.push(executor.submit(request.clone(), move |cpu| chunks(cpu, size_ms)));
    }
    executor.run_to_end();
    for (handle, (request, arrival_ms, _, end_ms)) in handles.iter().zip(rows) {
        let ended = milliseconds(*arrival_ms) + handle.progress().age;
        assert_eq!(ended, milliseconds(*end_ms), "{request:?}");
    }
}

#[test]
fn a_higher_priority_goes_first() {
    check(
        one_core(Policy::focus()),
        &[
            (Request::new(), 0, 10, 17),
            (Request::new().priority(2), 3, 5, 8),
            (Request::new().priority(1), 4, 2, 10),
        ],
    );
}

#[test]
fn weights_share_as_they_are() {
    let weight = |weight| Request::new().weight(NonZeroU32::new(weight).unwrap());
    // Three chunks to one until the first is done: 9 of it beside 3 of the other.
    check(
        one_core(Policy::fair()),
        &[(weight(3), 0, 9, 12), (weight(1), 0, 9, 18)],
    );
}

#[test]
fn tenants_share_by_weight_however_many_requests_they_have() {
    let of = |tenant: &str| Request::new().tenant(tenant);
    let builder = one_core(Policy::focus())
        .tenant("busy", NonZeroU32::MIN, None)
        .tenant("quiet", NonZeroU32::new(2).unwrap(), None);
    // A third for `busy` while `quiet` has work: chunks b q q b q q b q q, then b alone.
    check(
        builder,
        &[
            (of("busy"), 0, 2, 4),
            (of("busy"), 0, 2, 10),
            (of("busy"), 0, 2, 12),
            (of("quiet"), 0, 6, 9),
        ],
    );
}

#[test]
fn a_class_is_as_large_as_it_has_been() {
    let class = |name: &str| Request::new().class(name);
    check(
        one_core(Policy::srpt()),
        &[
            (class("/large").size(MILLISECOND), 0, 20, 20),
            (class("/small").size(MILLISECOND), 30, 2, 32),
            // From here on nobody says how large they are.
            (class("/large"), 40, 20, 64),
            (class("/small"), 45, 2, 47),
            (class("/small"), 50, 2, 52),
        ],
    );
}

#[test]
fn ageing_lets_the_starved_start() {
    let priority = Request::new().priority(1);
    check(
        one_core(Policy::focus()).ageing(Some(milliseconds(5))),
        &[(Request::new(), 0, 3, 16), (priority, 0, 20, 23)],
    );
    check(
        one_core(Policy::focus()).ageing(None),
        &[
            (Request::new(), 0, 3, 23),
            (Request::new().priority(1), 0, 20, 20),
        ],
    );
}

#[test]
fn a_request_may_bound_its_cores() {
    let two = Request::new().max_cores(NonZeroU32::new(2).unwrap());
    let four = builder(4)
        .slice(MILLISECOND)
        .chunk_target(Duration::from_nanos(1))
        .policy(Policy::focus());
    check(four, &[(two, 0, 8, 4), (Request::new(), 0, 8, 4)]);
}

/// A sequential body of `steps` milliseconds with a checkpoint after each; a short request of
/// higher priority comes at 3 ms.
fn check_checkpoint(slice: Duration, short_ends_ms: u32, long_ends_ms: u32) {
    let builder = one_core(Policy::focus()).slice(slice);
    let mut executor = VirtualExecutor::new(builder).unwrap();
    let long = executor.submit(Request::new(), |cpu| async move {
        for _ in 0..10 {
            cpu.declare(MILLISECOND);
            cpu.checkpoint().await;
        }
    });
    executor.run_until(milliseconds(3));
    let short = executor.submit(Request::new().priority(1), |cpu| chunks(cpu, 1));
    executor.run_to_end();
    let ended = milliseconds(3) + short.progress().age;
    assert_eq!(ended, milliseconds(short_ends_ms), "slice {slice:?}");
    assert_eq!(long.progress().age, milliseconds(long_ends_ms));
}

#[test]
fn a_checkpoint_lets_a_short_request_go_first() {
    check_checkpoint(MILLISECOND, 4, 11);
    check_checkpoint(milliseconds(2), 5, 11);
    // Between checkpoints a body cannot be called away, and virtually it declares until its slice
    // is over: a long slice is one chunk.
    check_checkpoint(milliseconds(20), 11, 10);
}
