//! A web server that counts primes on the executor and answers health checks meanwhile.
//!
//! `cargo run --release --example axum`, then
//! `curl 'http://127.0.0.1:8080/primes?below=30000000'`.
#![expect(clippy::print_stdout, reason = "it says where it listens")]

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use millicore::{Error, Executor, Policy, Request};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let executor = Executor::builder()
        .policy(Policy::fair())
        .max_waiting(100)
        .niceness(10)
        .build()?;
    let app = Router::new()
        .route("/health", get(|| async { "ok\n" }))
        .route("/primes", get(primes))
        .with_state(Arc::new(executor));
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8080");
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

/// A client that leaves drops this future, and with it the handle: nothing is counted for nobody.
async fn primes(
    State(executor): State<Arc<Executor>>,
    Query(query): Query<HashMap<String, u64>>,
) -> Result<String, (StatusCode, String)> {
    let Some(&limit) = query.get("below") else {
        let usage = "say how far: /primes?below=1000000\n".to_owned();
        return Err((StatusCode::BAD_REQUEST, usage));
    };
    let count = executor.submit(Request::new().class("/primes"), move |cpu| async move {
        cpu.map_reduce(2..limit.max(2), count_primes, |a, b| a + b)
            .await
    });
    match count.await {
        Ok(count) => Ok(format!("{count}\n")),
        Err(error) => Err((status_of(&error), format!("{error}\n"))),
    }
}

fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::QueueFull { .. } | Error::WaitedTooLong { .. } => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn count_primes(range: Range<u64>) -> usize {
    let is_prime = |n: &u64| {
        (2..)
            .take_while(|d| d * d <= *n)
            .all(|d| !n.is_multiple_of(d))
    };
    range.filter(is_prime).count()
}
