//! What the application answers: JSON with who answered and when, text, refusals.

use super::PLAIN_TEXT;
use super::parameters::BadParameter;
use crate::http::error_response;
use crate::observe::timestamp::Timestamp;
use ::http::{HeaderValue, Response, StatusCode, header};
use axum::body::Body;
use axum::response::IntoResponse;
use millicore::Error;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Who answered a request, and when.
#[derive(Debug, Serialize)]
pub(super) struct Stamp {
    pid: u32,
    ppid: i32,
    thread_id: i32,
    started: String,
    finished: String,
    elapsed_s: f64,
}

/// When a handler was called, on both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    on_the_wall: Timestamp,
    at: Instant,
}

/// Why a request has no answer of its own.
#[derive(Debug)]
pub(super) enum Refused {
    /// The client asked for what is not there.
    BadParameter(BadParameter),
    /// Its work has no result.
    NoResult(Error),
}

impl Start {
    pub(super) fn now() -> Self {
        Self {
            on_the_wall: Timestamp::now(),
            at: Instant::now(),
        }
    }

    /// What the thread that calls it puts on its answer. The clock on the wall may be set
    /// meanwhile: the end is the start and what a clock that is never set says.
    pub(super) fn stamp(self) -> Stamp {
        let elapsed: Duration = self.at.elapsed();
        let parent = rustix::process::getppid();
        Stamp {
            pid: std::process::id(),
            ppid: parent.map_or(0, |pid| pid.as_raw_nonzero().get()),
            thread_id: rustix::thread::gettid().as_raw_nonzero().get(),
            started: self.on_the_wall.to_string(),
            finished: self.on_the_wall.after(elapsed).to_string(),
            elapsed_s: elapsed.as_secs_f64(),
        }
    }
}

pub(super) fn json(answer: &impl Serialize) -> Response<Body> {
    // Strings and numbers are always JSON.
    let mut text = serde_json::to_string(answer).unwrap_or_default();
    text.push('\n');
    let kind = HeaderValue::from_static("application/json");
    with_type(StatusCode::OK, kind, text.into())
}

pub(super) fn text(status: StatusCode, says: String) -> Response<Body> {
    with_type(status, PLAIN_TEXT, says.into())
}

pub(super) fn with_type(status: StatusCode, kind: HeaderValue, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response<Body> {
        match self {
            Self::BadParameter(bad) => text(StatusCode::BAD_REQUEST, format!("{bad}\n")),
            Self::NoResult(Error::UnknownTenant { name }) => {
                let says = format!("no tenant is named {name:?}: leave it out, or correct it\n");
                text(StatusCode::BAD_REQUEST, says)
            }
            Self::NoResult(error) => error_response(&error).map(Body::new),
        }
    }
}

impl From<BadParameter> for Refused {
    fn from(bad: BadParameter) -> Self {
        Self::BadParameter(bad)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::NoResult(error)
    }
}
