//! The handler of the tests: a router whose routes do one thing each.

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use millicore_server::address::Peer;
use millicore_server::compute::Compute;
use millicore_server::http::{body_error_response, error_response};
use std::time::Duration;

/// What every model serves in the tests.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/smuggled", get(async || "smuggled"))
        .route("/hello", get(async || "hello"))
        .route("/peer", get(async |peer: Extension<Peer>| peer.to_string()))
        .route("/echo", post(async |body: axum::body::Bytes| body))
        .route("/count", post(count))
        .route("/ignore", post(async || "ignored"))
        .route("/sum", get(sum))
        .route("/sleep/{ms}", get(wait))
        .route("/panic", get(panics))
        .route("/panic-in-chunk", get(panics_in_chunk))
        .route("/broken-body", get(broken_body))
        .route("/large/{bytes}", get(large))
}

async fn count(request: Request) -> Response {
    match axum::body::to_bytes(request.into_body(), usize::MAX).await {
        Ok(bytes) => bytes.len().to_string().into_response(),
        Err(error) => body_error_response(&error).into_response(),
    }
}

async fn sum(compute: Extension<Compute>) -> Response {
    let body = |cpu: millicore::Cpu| async move {
        cpu.map_reduce(0..1_000_u64, |part| part.sum::<u64>(), |a, b| a + b)
            .await
    };
    match compute.submit(millicore::Request::new(), body).await {
        Ok(sum) => sum.to_string().into_response(),
        Err(error) => error_response(&error).into_response(),
    }
}

async fn wait(compute: Extension<Compute>, Path(ms): Path<u64>) -> Response {
    // That a handler can wait is what is tested.
    let waits = Compute::sleep;
    match waits(&compute, Duration::from_millis(ms)).await {
        Ok(()) => "slept".into_response(),
        Err(error) => error_response(&error).into_response(),
    }
}

async fn panics() -> Response {
    panic!("a handler that panics, as the test wants")
}

async fn panics_in_chunk(compute: Extension<Compute>) -> Response {
    let body = |cpu: millicore::Cpu| async move {
        cpu.run(|| panic!("a chunk that panics, as the test wants"))
            .await;
    };
    match compute
        .submit::<(), _, _>(millicore::Request::new(), body)
        .await
    {
        Ok(()) => "no panic".into_response(),
        Err(error) => error_response(&error).into_response(),
    }
}

/// Two pieces, and then an error.
async fn broken_body() -> Response {
    struct Pieces(u32);
    impl http_body::Body for Pieces {
        type Data = bytes::Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, std::io::Error>>>
        {
            self.0 += 1;
            std::task::Poll::Ready(Some(if self.0 > 2 {
                Err(std::io::Error::other("no more"))
            } else {
                Ok(http_body::Frame::data("piece".into()))
            }))
        }
    }
    Response::new(Body::new(Pieces(0)))
}

async fn large(Path(bytes): Path<usize>) -> Vec<u8> {
    vec![b'x'; bytes]
}
