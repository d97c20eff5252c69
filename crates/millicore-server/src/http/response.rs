//! What is answered: any body, and a short text for what went wrong.

use super::BodyError;
use super::service::BoxError;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// The body of a response, of whatever kind the handler's is. Where that fails or panics, the
/// connection ends without the mark of a complete body, so that the client sees that it is cut.
#[derive(Debug)]
pub struct ResponseBody {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Text(Full<Bytes>),
    Handlers(UnsyncBoxBody<Bytes, BoxError>),
}

impl ResponseBody {
    /// This body.
    pub fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self {
            kind: Kind::Handlers(body.map_err(Into::into).boxed_unsync()),
        }
    }

    /// These bytes.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Self {
        Self {
            kind: Kind::Text(Full::new(bytes.into())),
        }
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.kind {
            Kind::Text(text) => Pin::new(text).poll_frame(context).map_err(Into::into),
            Kind::Handlers(body) => {
                let body = Pin::new(body);
                catch_unwind(AssertUnwindSafe(|| body.poll_frame(context)))
                    .unwrap_or_else(|_| Poll::Ready(Some(Err("the response panicked".into()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Text(text) => text.is_end_stream(),
            Kind::Handlers(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Text(text) => text.size_hint(),
            Kind::Handlers(body) => body.size_hint(),
        }
    }
}

/// A short answer in words.
pub(super) fn text(status: StatusCode, says: &str) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::from_bytes(format!("{says}\n")));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

/// The server cannot do it now: come back after so long.
pub(super) fn unavailable(says: &str, retry_after: Duration) -> Response<ResponseBody> {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, says);
    let part_of_a_second = u64::from(retry_after.subsec_nanos() > 0);
    let seconds = retry_after
        .as_secs()
        .saturating_add(part_of_a_second)
        .max(1);
    response.headers_mut().insert(RETRY_AFTER, seconds.into());
    response
}

/// What a client is told when its request has no result.
///
/// | error | answer |
/// |---|---|
/// | `QueueFull`, `WaitedTooLong` | 503 with `Retry-After`, in whole seconds and at least one |
/// | `ShutDown` | 503 with `Retry-After: 1`: another server of the same may take it |
/// | `DeadlinePassed` | 504: what would come later is of no use, so that nobody tries again |
/// | others | 500 |
#[must_use]
pub fn error_response(error: &millicore::Error) -> Response<ResponseBody> {
    use millicore::Error;
    match error {
        Error::QueueFull { retry_after, .. } | Error::WaitedTooLong { retry_after } => {
            unavailable(&error.to_string(), *retry_after)
        }
        Error::ShutDown => unavailable(&error.to_string(), Duration::ZERO),
        Error::DeadlinePassed => text(StatusCode::GATEWAY_TIMEOUT, &error.to_string()),
        // What a panic says is for the log of the server.
        Error::Panicked { .. } => text(StatusCode::INTERNAL_SERVER_ERROR, "the request failed"),
        error => text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// What a client is told when a handler failed with an error: by what caused it.
pub(super) fn failure_response(
    error: &(dyn std::error::Error + 'static),
) -> Response<ResponseBody> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<millicore::Error>() {
            return error_response(error);
        }
        if let Some(error) = error.downcast_ref::<BodyError>() {
            return text(status_of(error), &error.to_string());
        }
        cause = error.source();
    }
    text(StatusCode::INTERNAL_SERVER_ERROR, "the request failed")
}

const fn status_of(error: &BodyError) -> StatusCode {
    match error {
        BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        BodyError::TimedOut => StatusCode::REQUEST_TIMEOUT,
        BodyError::Broken(_) => StatusCode::BAD_REQUEST,
    }
}
