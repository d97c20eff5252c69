//! The tower service: calls run on the executor, and their errors are typed.
#![cfg(feature = "tower")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use millicore::{Error, Executor, Request, Scheduled, ScheduledError, ScheduledLayer};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tower_layer::Layer;
use tower_service::Service;

/// Divides 100 on the thread that calls it, and says which that was.
#[derive(Clone)]
struct Divide {
    ready: bool,
}

type Quotient = Result<(u32, String), ScheduledError<&'static str>>;
type Answer = Pin<Box<dyn Future<Output = Result<(u32, String), &'static str>> + Send>>;

impl Service<u32> for Divide {
    type Response = (u32, String);
    type Error = &'static str;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, divisor: u32) -> Answer {
        assert!(self.ready, "the call goes to a clone that was not polled");
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        Box::pin(async move {
            assert!(divisor != 13, "unlucky");
            let quotient = 100_u32.checked_div(divisor).ok_or("division by zero");
            quotient.map(|quotient| (quotient, thread))
        })
    }
}

fn scheduled<D: Fn(&u32) -> Request + Clone>(describe: D) -> Scheduled<Divide, D> {
    let executor = Executor::builder()
        .cores(std::num::NonZeroUsize::MIN)
        .build()
        .unwrap();
    ScheduledLayer::new(Arc::new(executor), describe).layer(Divide { ready: false })
}

fn call<D: Fn(&u32) -> Request + Clone>(
    service: &mut Scheduled<Divide, D>,
    divisor: u32,
) -> Quotient {
    let ready = service.poll_ready(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(ready, Poll::Ready(Ok(()))));
    futures_lite::future::block_on(service.call(divisor))
}

#[track_caller]
fn check(divisor: u32, is_expected: fn(&Quotient) -> bool) {
    let mut service = scheduled(|&divisor| match divisor {
        99 => Request::new().tenant("nobody knows"),
        98 => Request::new().deadline(Duration::ZERO),
        _ => Request::new().class("/divide"),
    });
    // The service stays usable, whatever came of a call.
    for _ in 0..2 {
        let result = call(&mut service, divisor);
        assert!(is_expected(&result), "100 / {divisor}: {result:?}");
    }
}

#[test]
fn a_call_runs_on_a_core() {
    check(
        7,
        |result| matches!(result, Ok((14, thread)) if thread == "millicore-0"),
    );
}

#[test]
fn errors_say_whose_they_are() {
    check(0, |result| {
        *result == Err(ScheduledError::Service("division by zero"))
    });
    check(
        13,
        |result| matches!(result, Err(ScheduledError::Executor(Error::Panicked { message })) if message == "unlucky"),
    );
    check(98, |result| {
        *result == Err(ScheduledError::Executor(Error::DeadlinePassed))
    });
    check(99, |result| {
        matches!(
            result,
            Err(ScheduledError::Executor(Error::UnknownTenant { .. }))
        )
    });
}

/// A service that never answers, and tells when its future goes.
#[derive(Clone)]
struct Silent(mpsc::Sender<&'static str>);

impl Service<()> for Silent {
    type Response = ();
    type Error = &'static str;
    type Future = Pin<Box<dyn Future<Output = Result<(), &'static str>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Err("out of order"))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        struct Tells(mpsc::Sender<&'static str>);
        impl Drop for Tells {
            fn drop(&mut self) {
                let _ = self.0.send("gone");
            }
        }
        let tells = Tells(self.0.clone());
        Box::pin(async move {
            let _ = tells.0.send("begun");
            std::future::pending().await
        })
    }
}

#[test]
fn dropping_the_response_cancels_the_request() {
    let (send, told) = mpsc::channel();
    let executor = Arc::new(Executor::builder().build().unwrap());
    let layer = ScheduledLayer::new(Arc::clone(&executor), |(): &()| Request::new());
    let mut service = layer.layer(Silent(send));
    let response = service.call(());
    let tells = || told.recv_timeout(Duration::from_secs(60));
    assert_eq!(tells(), Ok("begun"));
    drop(response);
    assert_eq!(tells(), Ok("gone"));
    assert_eq!(executor.metrics().cancelled, 1);
}

#[test]
fn a_service_that_is_not_ready_says_so() {
    let (send, _told) = mpsc::channel();
    let executor = Arc::new(Executor::builder().build().unwrap());
    let mut service = ScheduledLayer::new(executor, |(): &()| Request::new()).layer(Silent(send));
    let ready = service.poll_ready(&mut Context::from_waker(Waker::noop()));
    assert_eq!(
        ready,
        Poll::Ready(Err(ScheduledError::Service("out of order")))
    );
}
