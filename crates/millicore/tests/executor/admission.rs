//! Refusals are typed and come before CPU time is spent.

use crate::deadline::{Gate, builder, finish, until};
use millicore::{Builder, Error, Executor, Handle, Policy, Request, VirtualExecutor};
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Holds the only core until the gate opens.
fn occupied(builder: Builder) -> (Executor, Handle<()>, Gate) {
    let executor = builder.build().unwrap();
    let (begun, release) = (Gate::default(), Gate::default());
    let (signal, released) = (begun.clone(), release.clone());
    let size = Request::new().size(SECOND);
    let holder = executor.submit(size, |cpu| async move {
        cpu.run(move || {
            signal.open();
            released.wait();
        })
        .await;
    });
    begun.wait();
    (executor, holder, release)
}

#[track_caller]
fn check_refused(executor: &Executor, request: Request, is_expected: impl Fn(&Error) -> bool) {
    let asked = format!("{request:?}");
    let before = executor.metrics();
    let refused = executor.submit(request, |_| async {});
    assert!(refused.is_finished(), "{asked} is not refused at once");
    let error = finish(refused).expect_err(&asked);
    assert!(is_expected(&error), "{asked}: {error}");
    let after = executor.metrics();
    assert_eq!(after.refused, before.refused + 1);
    assert_eq!(after.live, before.live);
}

#[test]
fn a_full_queue_says_when_to_come_back() {
    let (executor, _holder, _release) = occupied(builder(1).max_waiting(2));
    let waiting: Vec<_> = (0..2)
        .map(|_| executor.submit(Request::new(), |_| async { 3 }))
        .collect();
    check_refused(&executor, Request::new(), |error| {
        matches!(error, Error::QueueFull { waiting: 2, .. })
    });
    assert_eq!(executor.metrics().waiting, 2);
    _release.open();
    for handle in waiting {
        assert_eq!(finish(handle), Ok(3));
    }
    assert_eq!(
        finish(executor.submit(Request::new(), |_| async { 4 })),
        Ok(4)
    );
}

#[test]
fn a_deadline_that_has_passed_is_refused() {
    let executor = builder(1).build().unwrap();
    check_refused(
        &executor,
        Request::new().deadline(Duration::ZERO),
        |error| *error == Error::DeadlinePassed,
    );
}

#[test]
fn a_tenant_has_to_be_known() {
    let executor = builder(1).build().unwrap();
    check_refused(&executor, Request::new().tenant("eve"), |error| {
        *error == Error::UnknownTenant { name: "eve".into() }
    });
    executor.set_tenant("eve", NonZeroU32::MIN, None);
    let request = Request::new().tenant("eve");
    assert_eq!(finish(executor.submit(request, |_| async { 5 })), Ok(5));
}

fn check_size_needed(policy: Policy, needed: bool) {
    let executor = builder(1).policy(policy).build().unwrap();
    let names = |error: &Error| matches!(error, Error::SizeUnknown { policy: name } if *name == policy.to_string());
    let class = || Request::new().class("/report");
    if needed {
        check_refused(&executor, Request::new(), names);
        check_refused(&executor, class(), names);
    } else {
        assert_eq!(
            finish(executor.submit(Request::new(), |_| async { 1 })),
            Ok(1)
        );
    }
    let sized = class().size(SECOND);
    assert_eq!(finish(executor.submit(sized, |_| async { 2 })), Ok(2));
    // The class has a history now.
    assert_eq!(finish(executor.submit(class(), |_| async { 3 })), Ok(3));
}

#[test]
fn policies_that_order_by_size_need_one() {
    for (name, needed) in [
        ("fifo", false),
        ("fair", false),
        ("focus", false),
        ("sjf", true),
        ("srpt", true),
        ("las", false),
        ("edf", false),
        ("hesrpt", true),
        ("srpt/one", true),
    ] {
        check_size_needed(name.parse().unwrap(), needed);
    }
}

#[test]
fn a_policy_by_size_is_not_set_over_unknown_sizes() {
    let (executor, holder, release) = occupied(builder(1));
    let unknown = executor.submit(Request::new(), |_| async { 1 });
    let error = executor.set_policy(Policy::srpt()).unwrap_err();
    assert_eq!(error.requests, 1);
    assert_eq!(executor.policy(), Policy::fair());
    release.open();
    assert_eq!((finish(holder), finish(unknown)), (Ok(()), Ok(1)));
    executor.set_policy(Policy::srpt()).unwrap();
    assert_eq!(executor.policy(), Policy::srpt());
}

/// The second of two requests on one virtual core, the first of which takes two seconds.
fn check_waited(builder: Builder, request: Request, expected: &Error, at: Duration) {
    let mut executor = VirtualExecutor::new(builder.policy(Policy::fifo())).unwrap();
    let work = |cpu: millicore::Cpu| async move {
        let chunk = cpu.clone();
        cpu.for_each(0..20_u32, move |_| chunk.declare(SECOND / 10))
            .chunk_len(NonZeroU64::MIN)
            .await;
    };
    let first = executor.submit(Request::new(), work);
    let second = executor.submit(request, work);
    executor.run_to_end();
    assert_eq!(first.progress().age, 2 * SECOND);
    let progress = second.progress();
    assert_eq!((progress.age, progress.slices), (at, 0));
    assert_eq!(&finish(second).expect_err("it expires"), expected);
    assert_eq!(finish(first), Ok(()));
}

/// An expiry is noticed when a core asks next: here at the end of a chunk of 100 ms.
#[test]
fn waiting_ends_with_patience_or_deadline() {
    let retry_after = Duration::ZERO;
    check_waited(
        builder(1).max_wait(SECOND),
        Request::new(),
        &Error::WaitedTooLong { retry_after },
        SECOND,
    );
    check_waited(
        builder(1).max_wait(3 * SECOND),
        Request::new().deadline(SECOND / 2),
        &Error::DeadlinePassed,
        SECOND / 2,
    );
}

#[test]
fn a_limit_that_throttles_lets_waiting_end_on_real_cores() {
    let executor = builder(1)
        .cpu_limit(millicore::CpuLimit::AtMost("1m".parse().unwrap()))
        .declared_cpu(true)
        .max_wait(Duration::from_millis(20))
        .build()
        .unwrap();
    let glutton = executor.submit(Request::new(), |cpu| async move {
        cpu.declare(1000 * SECOND);
    });
    assert_eq!(finish(glutton), Ok(()));
    let waits = executor.submit(Request::new(), |_| async {});
    let error = finish(waits).expect_err("a thousand seconds are to be paid");
    assert!(matches!(error, Error::WaitedTooLong { .. }), "{error}");
    until("it is counted", || executor.metrics().expired == 1);
}
