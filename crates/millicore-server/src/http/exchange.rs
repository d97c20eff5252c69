//! One request and its response: what is refused, what a handler finds, what its failure becomes.

use super::answering::{Answering, Limit};
use super::strict::{self, Refused};
use super::{Body, HttpService, ResponseBody};
use crate::address::Peer;
use crate::compute::Compute;
use crate::draining::Draining;
use crate::settings::ConnectionSettings;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use hyper::rt::Timer;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};
use std::time::Instant;

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
    let (answering, keep) = match accept(request, context) {
        Ok((request, give_up_at)) => {
            let limit = give_up_at.map(|at| Limit::new(at, &context.timer));
            let answering = Answering::accepted(service.clone(), request, limit);
            (answering, true)
        }
        Err(refused) => (Answering::refused(refused), false),
    };
    Closing {
        answering,
        // HTTP/2 says otherwise that a connection ends.
        closes: (version < Version::HTTP_2).then(|| context.draining.clone()),
        keep,
    }
}

pin_project! {
    struct Closing<S>
    where
        S: HttpService,
    {
        #[pin]
        answering: Answering<S>,
        // Whether a field of the response can end the connection, and what it depends on.
        closes: Option<Draining>,
        keep: bool,
    }
}

impl<S: HttpService> Future for Closing<S> {
    type Output = Response<ResponseBody>;

    fn poll(self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.answering.poll(context));
        if let Some(draining) = this.closes
            && (!*this.keep || draining.is_draining())
        {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        Poll::Ready(response)
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

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("settings", &self.settings)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
