//! A panic fails its own request, with its message, and nobody else's.

use crate::deadline::{Gate, builder, finish, until};
use millicore::{Cpu, Error, Request};
use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::Arc;

type Body = Pin<Box<dyn Future<Output = u32> + Send>>;

/// The body fails with the message; a neighbour and whoever comes after do not notice.
#[track_caller]
fn check(expected: &str, body: impl FnOnce(Cpu) -> Body) {
    let executor = builder(2).build().unwrap();
    let sum = |cpu: Cpu| async move {
        cpu.map_reduce(0..1000_u32, |part| part.sum::<u32>(), |a, b| a + b)
            .await
    };
    let before = executor.submit(Request::new(), sum);
    let held = Arc::new(());
    let watched = Arc::downgrade(&held);
    let panics = executor.submit(Request::new(), |cpu| {
        let body = body(cpu);
        async move {
            let _held = held;
            body.await
        }
    });
    let message = match finish(panics) {
        Err(Error::Panicked { message }) => message,
        other => panic!("{other:?} instead of a panic"),
    };
    assert!(message.contains(expected), "{message:?} lacks {expected:?}");
    assert_eq!(finish(before), Ok(499_500));
    // Both cores still work: these two wait for each other.
    let (here, there) = (Gate::default(), Gate::default());
    let (to_here, to_there) = (here.clone(), there.clone());
    let both = executor.submit(Request::new(), |cpu| async move {
        let left = cpu.run(move || {
            to_there.open();
            here.wait();
        });
        let right = cpu.run(move || {
            to_here.open();
            there.wait();
        });
        cpu.join(left, right).await;
    });
    assert_eq!(finish(both), Ok(()));
    until("the body is dropped", || watched.strong_count() == 0);
    let metrics = executor.metrics();
    assert_eq!((metrics.panicked, metrics.completed), (1, 2));
}

struct PanicsWhenDropped(&'static str);

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

#[test]
fn a_chunk_panics() {
    check("index 77", |cpu| {
        Box::pin(async move {
            cpu.for_each(0..100_u32, |index| assert!(index != 77, "index {index}"))
                .chunk_len(NonZeroU64::MIN)
                .await;
            0
        })
    });
}

#[test]
fn a_reduction_panics() {
    check("cannot add", |cpu| {
        Box::pin(async move {
            let add = |_, _| panic!("cannot add");
            cpu.map_reduce(0..100_u32, |_| 1, add)
                .chunk_len(NonZeroU64::MIN)
                .await
        })
    });
}

#[test]
fn a_body_panics() {
    check("out of body", |_| Box::pin(async { panic!("out of body") }));
    check("after its loop", |cpu| {
        Box::pin(async move {
            cpu.for_each(0..10_u32, |_| ()).await;
            panic!("after its loop")
        })
    });
}

#[test]
fn a_single_closure_panics() {
    check("undivided", |cpu| {
        Box::pin(async move { cpu.run(|| panic!("undivided")).await })
    });
}

#[test]
fn a_panic_may_say_nothing() {
    check("no text", |cpu| {
        Box::pin(async move { cpu.run(|| std::panic::panic_any(5_u8)).await })
    });
}

#[test]
fn a_closure_panics_as_it_goes() {
    check("gone with a panic", |cpu| {
        Box::pin(async move {
            let captured = PanicsWhenDropped("gone with a panic");
            cpu.for_each(0..10_u32, move |_| {
                let _ = &captured;
            })
            .await;
            1
        })
    });
}

/// What panics as it goes is in a body or a chunk that is ended from outside.
fn check_dropped_by_end(end: impl FnOnce(&millicore::Handle<()>)) {
    let executor = builder(1).build().unwrap();
    let request = executor.submit(Request::new(), |_| async move {
        let _captured = PanicsWhenDropped("gone with the body");
        std::future::pending::<()>().await;
    });
    until("the body waits", || request.progress().slices > 0);
    end(&request);
    assert_eq!(finish(request), Err(Error::Cancelled));
    assert_eq!(
        finish(executor.submit(Request::new(), |_| async { 1 })),
        Ok(1)
    );
}

#[test]
fn a_cancelled_body_panics_as_it_goes() {
    check_dropped_by_end(millicore::Handle::cancel);
}

#[test]
fn a_body_panics_as_it_goes_after_its_chunk_did() {
    check("chunk first", |cpu| {
        Box::pin(async move {
            let _captured = PanicsWhenDropped("then the body");
            cpu.run(|| panic!("chunk first")).await
        })
    });
}

#[test]
fn a_payload_panics_as_it_goes() {
    check("no text", |cpu| {
        Box::pin(async move {
            let payload = PanicsWhenDropped("a payload");
            cpu.run(|| std::panic::panic_any(payload)).await
        })
    });
}

#[test]
fn an_unwanted_result_panics_as_it_goes() {
    let executor = builder(1).build().unwrap();
    let release = Gate::default();
    let released = release.clone();
    let request = executor.submit(Request::new(), |_| async move {
        released.wait();
        PanicsWhenDropped("unwanted")
    });
    request.detach();
    release.open();
    until("it has ended", || executor.metrics().panicked == 1);
    assert_eq!(
        finish(executor.submit(Request::new(), |_| async { 1 })),
        Ok(1)
    );
}
