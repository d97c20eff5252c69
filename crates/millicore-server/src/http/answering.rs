//! A request on its way through a service: until it is ready, until it answers, or until it has
//! taken as long as it may.
//!
//! By hand rather than an async function, whose every layer would keep a request of its own: each
//! is copied, and a small request would spend a twentieth of its time on that.

use super::response::{failure_response, text, unavailable};
use super::strict::Refused;
use super::{Body, BoxError, HttpService, ResponseBody};
use http::{Request, Response, StatusCode};
use hyper::rt::{Sleep, Timer};
use pin_project_lite::pin_project;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

pin_project! {
    /// The response to come, whatever becomes of the request.
    pub(super) struct Answering<S>
    where
        S: HttpService,
    {
        #[pin]
        call: Call<S>,
        limit: Option<Limit>,
    }
}

pin_project! {
    #[project = CallProjection]
    enum Call<S>
    where
        S: HttpService,
    {
        Refused { refused: Refused },
        Accepted { service: S, request: Option<Request<Body>> },
        Called { #[pin] future: S::Future },
    }
}

/// When a request has taken as long as it may.
pub(super) struct Limit {
    at: Instant,
    alarm: Pin<Box<dyn Sleep>>,
    timer: Arc<dyn Timer + Send + Sync>,
}

impl Limit {
    pub(super) fn new(at: Instant, timer: &Arc<dyn Timer + Send + Sync>) -> Self {
        Self {
            at,
            alarm: timer.sleep_until(at),
            timer: Arc::clone(timer),
        }
    }
}

impl<S: HttpService> Answering<S> {
    pub(super) const fn accepted(service: S, request: Request<Body>, limit: Option<Limit>) -> Self {
        let request = Some(request);
        Self {
            call: Call::Accepted { service, request },
            limit,
        }
    }

    pub(super) const fn refused(refused: Refused) -> Self {
        Self {
            call: Call::Refused { refused },
            limit: None,
        }
    }
}

impl<S: HttpService> Future for Answering<S> {
    type Output = Response<ResponseBody>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let polled = catch_unwind(AssertUnwindSafe(|| this.call.as_mut().poll(context)));
        let Ok(polled) = polled else {
            let failed = text(StatusCode::INTERNAL_SERVER_ERROR, "the request failed");
            return Poll::Ready(failed);
        };
        let is_overdue = this.limit.as_mut().is_some_and(|limit| match polled {
            // A response that comes later is not sent.
            Poll::Ready(_) => limit.timer.now() >= limit.at,
            Poll::Pending => limit.alarm.as_mut().poll(context).is_ready(),
        });
        if is_overdue {
            let says = "the request took longer than it may";
            return Poll::Ready(unavailable(says, Duration::ZERO));
        }
        polled.map(|answered| answered.unwrap_or_else(|error| failure_response(&*error)))
    }
}

impl<S: HttpService> Call<S> {
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Response<ResponseBody>, BoxError>> {
        loop {
            let future = match self.as_mut().project() {
                CallProjection::Refused { refused } => {
                    return Poll::Ready(Ok(text(refused.status, refused.says)));
                }
                CallProjection::Accepted { service, request } => {
                    ready!(service.poll_ready(context)).map_err(Into::into)?;
                    // It is taken once: what follows is another state.
                    let Some(request) = request.take() else {
                        return Poll::Pending;
                    };
                    service.call(request)
                }
                CallProjection::Called { future } => {
                    let response = ready!(future.poll(context)).map_err(Into::into)?;
                    return Poll::Ready(Ok(response.map(ResponseBody::new)));
                }
            };
            self.set(Self::Called { future });
        }
    }
}
