//! The endpoints that wait, and use no CPU.

use super::answer::{Refused, Start, json};
use super::work::Call;
use ::http::Response;
use axum::body::Body;
use std::time::Duration;

/// The longest wait and the longest computation that anybody may ask for.
pub(super) const LONGEST_MS: u64 = 60_000;

/// `/`: answers after a second.
pub(super) async fn one_second(call: Call) -> Result<Response<Body>, Refused> {
    wait(&call, Duration::from_secs(1)).await
}

/// `/sleep?ms=`: answers after so long.
pub(super) async fn sleep(call: Call) -> Result<Response<Body>, Refused> {
    let milliseconds = call.parameters.required("ms", &(0..=LONGEST_MS))?;
    wait(&call, Duration::from_millis(milliseconds)).await
}

async fn wait(call: &Call, time: Duration) -> Result<Response<Body>, Refused> {
    let start = Start::now();
    call.compute.sleep(time).await?;
    Ok(json(&start.stamp()))
}
