//! What is answered: any body, and a short text for what went wrong.

use super::BodyError;
use super::service::BoxError;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use std::any::Any;
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
    Whole(Full<Bytes>),
    Axums(axum::body::Body),
    Handlers(UnsyncBoxBody<Bytes, BoxError>),
}

impl ResponseBody {
    /// This body.
    pub fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        // The usual ones need no box, or have one.
        let mut body = Some(body);
        let kind = take(&mut body)
            .map(Kind::Whole)
            .or_else(|| take(&mut body).map(Kind::Axums));
        let boxed = |body: B| Kind::Handlers(body.map_err(Into::into).boxed_unsync());
        let kind = kind.or_else(|| body.map(boxed));
        // One of the three had it.
        kind.map_or_else(|| Self::from_bytes(Bytes::new()), |kind| Self { kind })
    }

    /// These bytes.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Self {
        Self {
            kind: Kind::Whole(Full::new(bytes.into())),
        }
    }
}

/// Takes the value if it is of this type.
fn take<A: 'static, B: 'static>(value: &mut Option<A>) -> Option<B> {
    let value: &mut dyn Any = value;
    value.downcast_mut::<Option<B>>()?.take()
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Piece {
        match &mut self.kind {
            Kind::Whole(body) => Pin::new(body).poll_frame(context).map_err(Into::into),
            Kind::Axums(body) => caught(|| Pin::new(body).poll_frame(context).map_err(Into::into)),
            Kind::Handlers(body) => caught(|| Pin::new(body).poll_frame(context)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole(body) => body.is_end_stream(),
            Kind::Axums(body) => body.is_end_stream(),
            Kind::Handlers(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(body) => body.size_hint(),
            Kind::Axums(body) => body.size_hint(),
            Kind::Handlers(body) => body.size_hint(),
        }
    }
}

type Piece = Poll<Option<Result<Frame<Bytes>, BoxError>>>;

fn caught(poll: impl FnOnce() -> Piece) -> Piece {
    catch_unwind(AssertUnwindSafe(poll))
        .unwrap_or_else(|_| Poll::Ready(Some(Err("the response panicked".into()))))
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

/// What a client is told when its body could not be read to the end, or else that the request
/// failed: 413, 408 or 400, whatever wraps the [`BodyError`].
#[must_use]
pub fn body_error_response(error: &(dyn std::error::Error + 'static)) -> Response<ResponseBody> {
    failure_response(error)
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
