//! Serves a handler of one's own on every concurrency model.
//!
//! `cargo run --release -p millicore-server --example own_handler -- threads`, then
//! `curl 'http://127.0.0.1:8000/?below=3000000'`.

#![expect(clippy::print_stderr, reason = "it says where it listens")]

use axum::Router;
use axum::extract::{Extension, Query};
use axum::http::StatusCode;
use axum::routing::get;
use millicore::{Executor, Policy, Request};
use millicore_server::compute::Compute;
use millicore_server::http::{Hooks, serve_blocking, serve_scheduled};
use millicore_server::listener::{ListenOptions, Listener};
use millicore_server::model::ConcurrencyModel;
use millicore_server::settings::ServerSettings;
use millicore_server::signals::Signals;
use millicore_workload::divided;
use std::collections::HashMap;
use std::sync::Arc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let model: ConcurrencyModel = arguments.next().as_deref().unwrap_or("scheduled").parse()?;
    let bind = arguments.next();
    let bind = bind.as_deref().unwrap_or("127.0.0.1:8000").parse()?;

    // Before any thread: two of the models fork.
    let signals = Signals::block()?;
    let listener = Listener::bind(&bind, &ListenOptions::default())?;
    eprintln!("listening on {}", listener.url());
    let settings = ServerSettings::new(model);
    let router = Router::new().route("/", get(primes));
    let (listeners, hooks) = (vec![listener], Hooks::default());
    if model == ConcurrencyModel::Scheduled {
        let executor = Executor::builder()
            .policy(Policy::las())
            .niceness(10)
            .build()?;
        let executor = Arc::new(executor);
        serve_scheduled(listeners, router, executor, &settings, signals, hooks)?;
    } else {
        serve_blocking(listeners, router, &settings, signals, hooks)?;
    }
    Ok(())
}

/// The same in every model: what computes, and how many at once, is the model's choice.
async fn primes(
    Extension(compute): Extension<Compute>,
    Query(query): Query<HashMap<String, u64>>,
) -> Result<String, (StatusCode, String)> {
    let limit = query.get("below").copied().unwrap_or(1_000_000);
    let request = Request::new().class("/");
    let count = compute.submit(request, move |cpu| async move {
        divided::count_primes(&cpu, limit).await
    });
    match count.await {
        Ok(Ok(count)) => Ok(format!("{count}\n")),
        Ok(Err(error)) => Err((StatusCode::BAD_REQUEST, format!("{error}\n"))),
        Err(error) => Err((StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n"))),
    }
}
