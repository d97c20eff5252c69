//! A service around a service: request ids, traces, who the client is, counts and logs.
//!
//! [`Observe`] is the same in every concurrency model. It puts a [`RequestContext`] into the extensions of
//! a request, hands the request on, and counts and logs what becomes of it. It catches no panic; one
//! that passes through it is counted.

pub mod access_log;
pub mod forwarded;
pub mod log;
pub mod request_id;
pub mod timestamp;
pub mod trace_context;

use self::access_log::{AccessLog, Answer, Asked};
use self::forwarded::{Client, TrustedPeers};
use self::request_id::{IdSource, RequestId};
use self::trace_context::TraceContext;
use crate::activity::{Activity, RequestGuard};
use crate::address::Peer;
use crate::compute::Compute;
use ::http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::Body;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll, ready};
use std::time::{Duration, Instant};
use tower_service::Service;
use tracing::Span;

/// What is known of a request beside what it asks: in the extensions of each.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// Its number: no other request of this server has it, in whichever process.
    pub number: u64,
    /// Its id, the client's if it gave one.
    pub request_id: RequestId,
    /// Its place in a trace over several services.
    pub trace: TraceContext,
    /// Who asks, proxies that are trusted left out.
    pub client: Client,
}

/// What a request has cost. A handler that knows puts it into the extensions of its response, and
/// the client reads it in the field `Server-Timing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// How long it waited until it was first worked on.
    pub queue: Duration,
    /// Its CPU time.
    pub cpu: Duration,
}

/// What is observed, and how.
#[derive(Debug)]
pub struct ObserveSettings {
    /// In what everything is counted.
    pub activity: Arc<Activity>,
    /// Whose word about the client is taken.
    pub trusted: TrustedPeers,
    /// Where a line goes for each request.
    pub access_log: AccessLog,
    /// Paths that are asked for too often for a context, an id and an event each, such as those of
    /// probes: they are counted, and in the access log if there is one.
    pub quiet_paths: &'static [&'static str],
}

impl ObserveSettings {
    /// Counts in `activity`, trusts this machine, and writes no access log.
    #[must_use]
    pub fn new(activity: Arc<Activity>) -> Self {
        Self {
            activity,
            trusted: TrustedPeers::default(),
            access_log: AccessLog::off(),
            quiet_paths: &["/healthz", "/readyz", "/metrics"],
        }
    }
}

/// Observes the requests of a service.
#[derive(Clone, Debug)]
pub struct Observe<S> {
    inner: S,
    observer: Arc<Observer>,
}

#[derive(Debug)]
struct Observer {
    settings: ObserveSettings,
    ids: IdSource,
}

impl<S> Observe<S> {
    /// Observes `inner`. Where processes are forked, make it before, so that no two give the same
    /// ids.
    #[must_use]
    pub fn new(inner: S, settings: ObserveSettings) -> Self {
        let ids = IdSource::new();
        let observer = Arc::new(Observer { settings, ids });
        Self { inner, observer }
    }
}

impl<S, B, R> Service<Request<B>> for Observe<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Observed<S::Future>;

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let (span, mut ending) = if self.observer.is_quiet(&request) {
            (Span::none(), self.observer.begin_quietly(&request))
        } else {
            let context = self.observer.context(&request);
            let begun = self.observer.begin(&request, &context);
            request.extensions_mut().insert(context);
            begun
        };
        let inner = span.in_scope(|| self.inner.call(request));
        ending.is_in_handler = false;
        Observed {
            inner,
            span,
            ending,
        }
    }
}

impl Observer {
    /// Whether nothing is kept of a request but that it was there.
    fn is_quiet<B>(&self, request: &Request<B>) -> bool {
        let settings = &self.settings;
        settings.quiet_paths.contains(&request.uri().path()) && !settings.access_log.is_on()
    }

    /// Keeps no context, and so as little time as a probe should cost.
    fn begin_quietly<B>(self: &Arc<Self>, request: &Request<B>) -> Ending {
        let request_id = RequestId::given(request.headers());
        self.ending(request, self.settings.activity.begin_unlisted(), request_id)
    }

    fn context<B>(&self, request: &Request<B>) -> RequestContext {
        let number = self.settings.activity.next_number();
        let headers = request.headers();
        let peer = request.extensions().get::<Peer>().copied();
        RequestContext {
            number,
            request_id: self.ids.request_id(number, headers),
            trace: self.ids.trace(number, headers),
            client: Client::of(peer, headers, &self.settings.trusted),
        }
    }

    fn begin<B>(
        self: &Arc<Self>,
        request: &Request<B>,
        context: &RequestContext,
    ) -> (Span, Ending) {
        let uri = request.uri();
        let target = uri.path_and_query().map_or("*", |target| target.as_str());
        let (method, id) = (request.method().as_str(), context.request_id.as_str());
        let span = tracing::info_span!(
            "request",
            request_id = id,
            trace_id = %context.trace.trace_id(),
            method,
            path = ?uri.path(),
        );
        let activity = &self.settings.activity;
        let guard = activity.begin(context.number, method, target, id);
        let mut ending = self.ending(request, guard, Some(context.request_id.clone()));
        let log = &self.settings.access_log;
        ending.asked = log.is_on().then(|| Box::new(Asked::new(request, context)));
        (span, ending)
    }

    fn ending<B>(
        self: &Arc<Self>,
        request: &Request<B>,
        guard: RequestGuard,
        request_id: Option<RequestId>,
    ) -> Ending {
        Ending {
            guard,
            request_id,
            asked: None,
            observer: Arc::clone(self),
            give_up_at: request
                .extensions()
                .get::<Compute>()
                .and_then(Compute::give_up_at),
            is_in_handler: true,
            is_ended: false,
        }
    }
}

pin_project_lite::pin_project! {
    /// The response of an observed service.
    #[derive(Debug)]
    #[must_use = "dropping the response abandons the request"]
    pub struct Observed<F> {
        // Goes before the ending, which then knows what became of it.
        #[pin]
        inner: F,
        span: Span,
        ending: Ending,
    }
}

impl<F, R, E> Future for Observed<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.span.enter();
        this.ending.is_in_handler = true;
        let result = this.inner.poll(task);
        this.ending.is_in_handler = false;
        let result = ready!(result);
        Poll::Ready(match result {
            Ok(mut response) => {
                this.ending.answer(&mut response);
                Ok(response)
            }
            // Whoever serves the connection answers so.
            Err(error) => {
                this.ending.end(FAILED, Answer::default());
                Err(error)
            }
        })
    }
}

/// What is left to do when a request ends, whichever way.
#[derive(Debug)]
struct Ending {
    guard: RequestGuard,
    request_id: Option<RequestId>,
    /// What the access log says of the request, if it is written.
    asked: Option<Box<Asked>>,
    observer: Arc<Observer>,
    /// When whoever serves the connection answers in the handler's place.
    give_up_at: Option<Instant>,
    /// If it is still so when the request is dropped, the handler panicked.
    is_in_handler: bool,
    is_ended: bool,
}

/// The status of a request whose handler failed.
const FAILED: u16 = 500;

/// The status of a request that took longer than it may.
const TOOK_TOO_LONG: u16 = 503;

/// What the access log has for a request whose client has left: the convention of nginx.
const GIVEN_UP: u16 = 499;

impl Ending {
    fn answer<R: Body>(&mut self, response: &mut Response<R>) {
        let bytes = response.body().size_hint().exact();
        let spent = response.extensions_mut().remove::<Spent>();
        let headers = response.headers_mut();
        if let Some(request_id) = &self.request_id {
            headers.insert(request_id::HEADER, request_id.header());
        }
        if let Some(spent) = spent {
            self.guard.activity().cpu_used(spent.cpu);
            insert_timing(headers, spent);
        }
        let status = response.status().as_u16();
        self.end(status, Answer { bytes, spent });
    }

    fn end(&mut self, status: u16, answer: Answer) {
        self.is_ended = true;
        let elapsed = self.guard.answered(status);
        let elapsed_s = elapsed.as_secs_f64();
        if status >= FAILED {
            let request_id = self.request_id();
            tracing::warn!(request_id, status, elapsed_s, "answered");
        } else {
            tracing::debug!(status, elapsed_s, "answered");
        }
        self.log(status, elapsed, answer);
    }

    fn request_id(&self) -> &str {
        self.request_id.as_ref().map_or("", RequestId::as_str)
    }

    fn log(&self, status: u16, elapsed: Duration, answer: Answer) {
        if let Some(asked) = &self.asked {
            let log = &self.observer.settings.access_log;
            if !log.write(asked, status, elapsed, answer) {
                self.guard.activity().log_line_lost();
            }
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if self.is_ended {
            return;
        }
        if self.is_in_handler {
            self.guard.activity().handler_panicked();
            self.end(FAILED, Answer::default());
            return;
        }
        if self.give_up_at.is_some_and(|at| Instant::now() >= at) {
            self.end(TOOK_TOO_LONG, Answer::default());
            return;
        }
        let elapsed = self.guard.age();
        let request_id = self.request_id();
        let elapsed_s = elapsed.as_secs_f64();
        tracing::info!(request_id, elapsed_s, "given up before an answer");
        self.log(GIVEN_UP, elapsed, Answer::default());
    }
}

/// <https://www.w3.org/TR/server-timing/>: durations are milliseconds.
fn insert_timing(headers: &mut HeaderMap, spent: Spent) {
    const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
    let [queue_ms, cpu_ms] = [spent.queue, spent.cpu].map(|time| time.as_secs_f64() * 1_000.0);
    let value = format!("queue;dur={queue_ms:.3},cpu;dur={cpu_ms:.3}");
    // Digits and letters are always a value.
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(SERVER_TIMING, value);
    }
}

#[cfg(test)]
mod tests;
