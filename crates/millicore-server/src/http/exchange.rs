//! One request and its response: what is refused, what a handler finds, what its failure becomes.

use super::response::{failure_response, text, unavailable};
use super::strict::{self, Refused};
use super::{Body, BoxError, HttpService, ResponseBody};
use crate::address::Peer;
use crate::compute::Compute;
use crate::draining::Draining;
use crate::settings::ConnectionSettings;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use hyper::rt::Timer;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

/// What the requests of a connection have in common.
#[derive(Clone)]
pub struct Context {
    /// What the client may do.
    pub settings: Arc<ConnectionSettings>,
    /// Who the client is.
    pub peer: Peer,
    /// Where handlers compute.
    pub compute: Compute,
    /// What wakes whoever waits for the client.
    pub timer: Arc<dyn Timer + Send + Sync>,
    /// Whether connections are kept no more.
    pub draining: Draining,
}

/// Answers one request through a service, whatever becomes of it. Dropping the future drops the
/// handler's, and so cancels its work.
///
/// The handler finds a [`Compute`] and the [`Peer`] in the request's extensions. A request that is
/// refused, that takes too long, and a handler that fails or panics, are answered too.
pub fn exchange<S: HttpService>(
    service: &S,
    request: Request<Incoming>,
    context: &Context,
) -> impl Future<Output = Response<ResponseBody>> + Send + use<S> {
    let version = request.version();
    let draining = context.draining.clone();
    let accepted = accept(request, context);
    let begun = accepted.map(|(request, give_up_at)| {
        let timer = Arc::clone(&context.timer);
        (service.clone(), request, give_up_at.map(|at| (at, timer)))
    });
    async move {
        let (mut response, keep) = match begun {
            Ok((service, request, limit)) => (answer(service, request, limit).await, true),
            Err(refused) => (text(refused.status, refused.says), false),
        };
        if version < Version::HTTP_2 && (!keep || draining.is_draining()) {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        response
    }
}

/// The request as its handler sees it, and when it has taken as long as it may.
fn accept(
    request: Request<Incoming>,
    context: &Context,
) -> Result<(Request<Body>, Option<Instant>), Refused> {
    let settings = &context.settings;
    strict::check(&request, settings.max_headers)?;
    if request.body().size_hint().lower() > settings.max_body_bytes {
        return Err(Refused {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            says: "the body of the request is larger than the server takes",
        });
    }
    let (parts, incoming) = request.into_parts();
    let body = Body::new(incoming, settings, &context.timer);
    let mut request = Request::from_parts(parts, body);
    let give_up_at = settings
        .request_timeout
        .and_then(|timeout| context.timer.now().checked_add(timeout));
    let extensions = request.extensions_mut();
    extensions.insert(context.compute.until(give_up_at));
    extensions.insert(context.peer);
    Ok((request, give_up_at))
}

/// Why a handler has no response.
enum Failure {
    Error(BoxError),
    Panicked,
    TookTooLong,
}

type Limit = (Instant, Arc<dyn Timer + Send + Sync>);

async fn answer<S: HttpService>(
    service: S,
    request: Request<Body>,
    limit: Option<Limit>,
) -> Response<ResponseBody> {
    match run(call(service, request), limit).await {
        Ok(response) => response.map(ResponseBody::new),
        Err(Failure::Error(error)) => failure_response(&*error),
        Err(Failure::Panicked) => text(StatusCode::INTERNAL_SERVER_ERROR, "the request failed"),
        Err(Failure::TookTooLong) => {
            unavailable("the request took longer than it may", Duration::ZERO)
        }
    }
}

async fn call<S: HttpService>(
    mut service: S,
    request: Request<Body>,
) -> Result<Response<S::ResponseBody>, BoxError> {
    poll_fn(|context| service.poll_ready(context))
        .await
        .map_err(Into::into)?;
    service.call(request).await.map_err(Into::into)
}

/// Runs a handler as long as it may take; a response that comes later is not sent.
async fn run<R>(
    call: impl Future<Output = Result<R, BoxError>>,
    limit: Option<Limit>,
) -> Result<R, Failure> {
    let mut call = pin!(call);
    let mut alarm = limit.as_ref().map(|(at, timer)| timer.sleep_until(*at));
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context)));
        let result = match polled {
            Ok(Poll::Ready(result)) => Poll::Ready(result.map_err(Failure::Error)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => return Poll::Ready(Err(Failure::Panicked)),
        };
        let is_overdue = match &limit {
            Some((at, timer)) if result.is_ready() => timer.now() >= *at,
            _ => alarm
                .as_mut()
                .is_some_and(|alarm| alarm.as_mut().poll(context).is_ready()),
        };
        if is_overdue {
            return Poll::Ready(Err(Failure::TookTooLong));
        }
        result
    })
    .await
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("settings", &self.settings)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
