//! A body is polled again whoever wakes it, from wherever.

use crate::deadline::{Gate, builder, finish};
use millicore::{Executor, Request};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::oneshot;

/// A body of `waits_on` awaits what a chunk of `sends_on` sends.
fn check_sent_between(waits_on: &Executor, sends_on: &Executor) {
    let (send, receive) = oneshot::channel();
    let waits = waits_on.submit(Request::new(), |_| async move { receive.await.unwrap() });
    while waits.progress().slices == 0 || waits.progress().cores > 0 {
        std::thread::yield_now();
    }
    let sends = sends_on.submit(Request::new(), |cpu| async move {
        cpu.run(move || send.send(5).unwrap()).await;
    });
    assert_eq!(finish(waits), Ok(5));
    assert_eq!(finish(sends), Ok(()));
}

#[test]
fn a_chunk_wakes_the_body_of_another_request() {
    let executor = builder(1).build().unwrap();
    check_sent_between(&executor, &executor);
}

/// Requests of two executors may have the same number.
#[test]
fn a_chunk_wakes_a_body_on_another_executor() {
    let (one, other) = (builder(1).build().unwrap(), builder(1).build().unwrap());
    check_sent_between(&one, &other);
    check_sent_between(&other, &one);
}

#[test]
fn a_chunk_that_runs_wakes_its_own_body() {
    let executor = builder(2).build().unwrap();
    let request = executor.submit(Request::new(), |cpu| async move {
        let (send, receive) = oneshot::channel();
        let answered = Gate::default();
        let answer = answered.clone();
        // The chunk goes on until the body has heard of it, on the other core.
        let chunk = cpu.run(move || {
            send.send(()).unwrap();
            answered.wait();
        });
        let hears = async move {
            receive.await.unwrap();
            answer.open();
        };
        cpu.join(chunk, hears).await;
    });
    assert_eq!(finish(request), Ok(()));
}

#[test]
fn a_body_that_wakes_itself_is_polled_again() {
    let executor = builder(1).build().unwrap();
    let request = executor.submit(Request::new(), |_| {
        let mut polls = 0_u32;
        poll_fn(move |context| {
            polls += 1;
            if polls == 100 {
                return Poll::Ready(polls);
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
    });
    assert_eq!(finish(request), Ok(100));
}

#[test]
fn many_threads_wake_many_bodies() {
    const BODIES: usize = 200;
    let executor = Arc::new(builder(2).build().unwrap());
    let (senders, handles): (Vec<_>, Vec<_>) = (0..BODIES)
        .map(|_| {
            let (send, receive) = oneshot::channel::<usize>();
            let handle = executor.submit(Request::new(), |cpu| async move {
                let sent = receive.await.unwrap();
                cpu.map_reduce(0..sent, |part| part.len(), |a, b| a + b)
                    .await
            });
            (send, handle)
        })
        .unzip();
    let mut parts: [Vec<_>; 4] = Default::default();
    for (number, send) in senders.into_iter().enumerate() {
        parts[number % 4].push((number, send));
    }
    std::thread::scope(|scope| {
        for part in parts {
            scope.spawn(|| {
                for (number, send) in part {
                    send.send(number).unwrap();
                }
            });
        }
    });
    for (number, handle) in handles.into_iter().enumerate() {
        assert_eq!(finish(handle), Ok(number));
    }
}
