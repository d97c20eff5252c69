//! How the server is: `/readyz` and `/metrics`, which never wait for the executor.

use super::Shared;
use super::answer::{text, with_type};
use crate::compute::Compute;
use ::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use std::fmt::{self, Write};
use std::sync::Arc;

/// Whether the server takes requests: no, from the signal to stop on.
pub(super) async fn ready(State(shared): State<Arc<Shared>>) -> Response<Body> {
    if shared.settings.draining.is_draining() {
        text(StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned())
    } else {
        text(StatusCode::OK, "ready\n".to_owned())
    }
}

/// What was counted, in the format that the client prefers: OpenMetrics if it names it, the older
/// text format of Prometheus otherwise.
pub(super) async fn metrics(
    State(shared): State<Arc<Shared>>,
    compute: Option<Extension<Compute>>,
    headers: HeaderMap,
) -> Response<Body> {
    let mut counted = String::new();
    // Writing to a string does not fail.
    let _ = write(&shared, compute.as_deref(), &mut counted);
    let mut accepted = headers.get_all(header::ACCEPT).iter();
    let is_open = accepted.any(|value| {
        let value = value.to_str().unwrap_or("");
        value.contains("application/openmetrics-text")
    });
    let (kind, counted) = if is_open {
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        (kind, counted)
    } else {
        ("text/plain; version=0.0.4; charset=utf-8", older(&counted))
    };
    let kind = HeaderValue::from_static(kind);
    with_type(StatusCode::OK, kind, counted.into())
}

fn write(shared: &Shared, compute: Option<&Compute>, out: &mut String) -> fmt::Result {
    let settings = &shared.settings;
    writeln!(out, "# TYPE millicore_server_info gauge")?;
    writeln!(
        out,
        "# HELP millicore_server_info The server's model and version."
    )?;
    writeln!(
        out,
        "millicore_server_info{{model=\"{}\",version=\"{}\"}} 1",
        settings.model,
        env!("CARGO_PKG_VERSION")
    )?;
    writeln!(out, "# TYPE millicore_draining gauge")?;
    writeln!(
        out,
        "# HELP millicore_draining Whether the server was asked to stop."
    )?;
    let is_draining = u8::from(settings.draining.is_draining());
    writeln!(out, "millicore_draining {is_draining}")?;
    settings.activity.snapshot().write_openmetrics(out)?;
    match compute.and_then(Compute::executor) {
        // It writes the end, too.
        Some(executor) => executor.metrics().write_openmetrics(out),
        None => writeln!(out, "# EOF"),
    }
}

/// The same in the older format: there a counter's family is named like its sample.
fn older(open_metrics: &str) -> String {
    let mut older = String::with_capacity(open_metrics.len() + 512);
    let mut counter = None;
    for line in open_metrics.lines() {
        if let Some(name) = line
            .strip_prefix("# TYPE ")
            .and_then(|line| line.strip_suffix(" counter"))
        {
            counter = Some(name);
            older.extend(["# TYPE ", name, "_total counter\n"]);
        } else if let Some((name, help)) = line
            .strip_prefix("# HELP ")
            .and_then(|line| line.split_once(' '))
            .filter(|(name, _)| counter == Some(*name))
        {
            older.extend(["# HELP ", name, "_total ", help, "\n"]);
        } else {
            older.extend([line, "\n"]);
        }
    }
    older
}
