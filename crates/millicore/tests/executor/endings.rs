//! How requests end: cancelled, shut down, dropped with their executor; and nothing leaks.

use crate::deadline::{Gate, builder, finish, until};
use millicore::{Cpu, Error, Executor, Handle, Policy, Request, Shutdown, VirtualExecutor};
use std::num::NonZeroU64;
use std::sync::{Arc, Weak};

/// A request that holds a core until the gate opens, and everything it holds is `held`.
fn holding(executor: &Executor, release: &Gate, held: Arc<()>) -> (Handle<u32>, Gate) {
    let (begun, release) = (Gate::default(), release.clone());
    let signal = begun.clone();
    let handle = executor.submit(Request::new(), move |cpu| async move {
        let in_chunk = Arc::clone(&held);
        cpu.run(move || {
            let _ = &in_chunk;
            signal.open();
            release.wait();
        })
        .await;
        let _ = &held;
        7
    });
    (handle, begun)
}

#[derive(Clone, Copy, PartialEq)]
enum When {
    Waiting,
    Running,
    Finished,
}

fn check_cancel(when: When, expected: &Result<u32, Error>) {
    let executor = builder(1).build().unwrap();
    let (release, held) = (Gate::default(), Arc::new(()));
    let watched = Arc::downgrade(&held);
    let first = (when == When::Waiting).then(|| {
        let first = holding(&executor, &release, Arc::new(()));
        first.1.wait();
        first
    });
    let (request, begun) = holding(&executor, &release, held);
    match when {
        When::Waiting => assert_eq!(executor.metrics().waiting, 1),
        When::Running => begun.wait(),
        When::Finished => {
            release.open();
            until("the request has ended", || request.is_finished());
        }
    }
    request.cancel();
    assert!(request.is_finished());
    assert_eq!(&finish(request), expected);
    release.open();
    if let Some((first, _)) = first {
        assert_eq!(finish(first), Ok(7));
    }
    until("nothing of the request is left", || {
        watched.strong_count() == 0
    });
    assert_eq!(
        finish(executor.submit(Request::new(), |_| async { 1 })),
        Ok(1)
    );
}

#[test]
fn a_request_is_cancelled_whatever_it_does() {
    check_cancel(When::Waiting, &Err(Error::Cancelled));
    check_cancel(When::Running, &Err(Error::Cancelled));
    check_cancel(When::Finished, &Ok(7));
}

#[test]
fn a_body_cancelled_while_it_is_polled_is_let_go() {
    let executor = builder(1).build().unwrap();
    for panics in [false, true] {
        let (begun, release) = (Gate::default(), Gate::default());
        let (signal, released) = (begun.clone(), release.clone());
        let held = Arc::new(());
        let watched = Arc::downgrade(&held);
        let request = executor.submit(Request::new(), |cpu| async move {
            signal.open();
            released.wait();
            assert!(!panics, "a body that panics after it was cancelled");
            // A loop that is opened now never runs.
            cpu.run(move || drop(held)).await;
        });
        begun.wait();
        request.cancel();
        release.open();
        assert_eq!(finish(request), Err(Error::Cancelled));
        until("the body is dropped", || watched.strong_count() == 0);
    }
}

/// The last reference to a result that nobody wants goes with the slice: its `Drop` may use the
/// executor.
#[test]
fn an_unwanted_result_may_use_the_executor_as_it_goes() {
    let executor = Arc::new(builder(1).build().unwrap());
    let (begun, release) = (Gate::default(), Gate::default());
    let (signal, released) = (begun.clone(), release.clone());
    let inside = Arc::clone(&executor);
    let request = executor.submit(Request::new(), |_| async move {
        let inner = inside.submit(Request::new(), |_| std::future::pending::<()>());
        drop(inside);
        signal.open();
        released.wait();
        vec![inner]
    });
    begun.wait();
    drop(request);
    release.open();
    until("both requests are cancelled", || {
        executor.metrics().cancelled == 2
    });
    assert_eq!(
        finish(executor.submit(Request::new(), |_| async { 1 })),
        Ok(1)
    );
}

fn check_shutdown(how: Shutdown, expected: &Result<u32, Error>) {
    let executor = builder(2).build().unwrap();
    let release = Gate::default();
    let held = Arc::new(());
    let watched: Weak<()> = Arc::downgrade(&held);
    let (running, begun) = holding(&executor, &release, Arc::clone(&held));
    let waiting: Vec<_> = (0..3)
        .map(|_| holding(&executor, &release, Arc::clone(&held)).0)
        .collect();
    drop(held);
    begun.wait();
    let shut = std::thread::spawn(move || executor.shutdown(how));
    if how == Shutdown::Abort {
        until("the waiting are told", || {
            waiting.iter().all(Handle::is_finished)
        });
    }
    release.open();
    shut.join().unwrap();
    for handle in waiting.into_iter().chain([running]) {
        assert_eq!(&finish(handle), expected);
    }
    assert_eq!(watched.strong_count(), 0, "something of a body is left");
}

#[test]
fn a_shutdown_drains_or_aborts() {
    check_shutdown(Shutdown::Drain, &Ok(7));
    check_shutdown(Shutdown::Abort, &Err(Error::ShutDown));
}

#[test]
fn a_handle_outlives_its_executor() {
    let executor = builder(1).build().unwrap();
    let done = executor.submit(Request::new(), |cpu| async move { cpu.run(|| 1).await });
    until("it is done", || done.is_finished());
    let waits = executor.submit(Request::new(), |_| std::future::pending::<u32>());
    drop(executor);
    done.cancel();
    assert!(waits.is_finished());
    assert_eq!((finish(done), waits.wait()), (Ok(1), Err(Error::ShutDown)));
}

/// The last reference to the executor goes where `drop_it` says.
fn check_dropped_inside(drop_it: impl FnOnce(Cpu, Arc<Executor>) -> Inside) {
    let executor = Arc::new(builder(2).build().unwrap());
    let (gone, release) = (Gate::default(), Gate::default());
    let (signal, released) = (gone.clone(), release.clone());
    let inside = Arc::clone(&executor);
    let request = executor.submit(Request::new(), |cpu| {
        let drops = drop_it(cpu, inside);
        async move {
            released.wait();
            drops.await;
            signal.open();
        }
    });
    drop(executor);
    release.open();
    assert_eq!(finish(request), Err(Error::ShutDown));
    // A body goes on to its next await.
    gone.wait();
}

type Inside = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

#[test]
fn an_executor_may_be_dropped_by_its_own_body() {
    check_dropped_inside(|_, executor| Box::pin(async move { drop(executor) }));
}

#[test]
fn an_executor_may_be_dropped_by_its_own_chunk() {
    let executor = Arc::new(builder(2).build().unwrap());
    let release = Gate::default();
    let (inside, released) = (Arc::clone(&executor), release.clone());
    let request = executor.submit(Request::new(), |cpu| async move {
        cpu.run(move || {
            released.wait();
            drop(inside);
        })
        .await;
    });
    drop(executor);
    release.open();
    assert_eq!(finish(request), Err(Error::ShutDown));
}

#[test]
fn an_executor_may_be_dropped_with_a_body_it_ends() {
    let executor = Arc::new(builder(1).build().unwrap());
    let inside = Arc::clone(&executor);
    let request = executor.submit(Request::new(), |_| async move {
        let _inside = inside;
        std::future::pending::<()>().await;
    });
    drop(executor);
    request.cancel();
    assert_eq!(finish(request), Err(Error::Cancelled));
}

#[test]
fn many_requests_leave_nothing_behind() {
    let executor = builder(3).policy(Policy::fair()).build().unwrap();
    let held = Arc::new(());
    let handles: Vec<_> = (0..500)
        .map(|number| {
            let held = Arc::clone(&held);
            let handle = executor.submit(Request::new(), move |cpu| async move {
                let in_chunk = Arc::clone(&held);
                cpu.for_each(0..50_u32, move |index| {
                    let _ = &in_chunk;
                    assert!(number % 5 != 1 || index != 20, "number {number} panics");
                })
                .chunk_len(NonZeroU64::MIN)
                .await;
                drop(held);
            });
            if number % 5 == 0 {
                handle.cancel();
            }
            handle
        })
        .collect();
    for handle in handles {
        let _ = finish(handle);
    }
    until("every body and loop is dropped", || {
        Arc::strong_count(&held) == 1
    });
    drop(executor);
}

#[test]
fn a_virtual_executor_ends_what_is_live_as_it_goes() {
    let executor = VirtualExecutor::new(builder(1)).unwrap();
    let held = Arc::new(());
    let in_body = Arc::clone(&held);
    let request = executor.submit(Request::new(), |_| async move {
        let _in_body = in_body;
        std::future::pending::<()>().await;
    });
    drop(executor);
    assert_eq!(finish(request), Err(Error::ShutDown));
    assert_eq!(Arc::strong_count(&held), 1);
}
