//! The demonstration application: endpoints that wait, that compute, and that show the server.
//!
//! | endpoint | what it does |
//! |---|---|
//! | `/` | waits a second |
//! | `/sleep?ms=` | waits so long |
//! | `/spin?ms=` | uses so much CPU time, divided into chunks |
//! | `/primes?below=` | counts primes |
//! | `/factorial/{n}` | multiplies; answers the digest of the number, which is long |
//! | `/mandelbrot.png` | draws, with `width`, `height`, `x`, `y`, `zoom`, `iterations` |
//! | `/healthz`, `/readyz` | whether the server lives, and whether it takes requests |
//! | `/metrics` | what it has counted |
//! | `/requests` | whom it serves now |
//!
//! Every parameter has a bound, and whoever asks for more is told which. On the executor, a request
//! that computes says what class it is of and how large it is, as far as that is known; where the
//! settings trust clients with it, they say its priority, deadline and tenant
//! ([`ApplicationSettings::trust_scheduling_headers`]).

mod answer;
mod computing;
mod live;
mod monitoring;
mod parameters;
mod scheduling;
mod waiting;
mod work;

use self::live::Registry;
use crate::activity::Activity;
use crate::draining::Draining;
use crate::model::ConcurrencyModel;
use ::http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use axum::Router;
use axum::body::Body;
use axum::routing::future::RouteFuture;
use axum::routing::get;
use bytes::Bytes;
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

/// What the application is told.
#[derive(Clone, Debug)]
pub struct ApplicationSettings {
    /// The model that runs it, to be shown.
    pub model: ConcurrencyModel,
    /// Whether `?priority=`, `?deadline_ms=` and `?tenant=`, or the fields `x-priority`,
    /// `x-deadline-ms` and `x-tenant`, reach the policy. Where they do not they are ignored: no
    /// client may jump the queue because it says so.
    pub trust_scheduling_headers: bool,
    /// Whether `/metrics` is one of the endpoints.
    pub serves_metrics: bool,
    /// What the server has counted.
    pub activity: Arc<Activity>,
    /// Whether the server is on its way out.
    pub draining: Draining,
}

impl ApplicationSettings {
    /// Trusts no client.
    #[must_use]
    pub const fn new(model: ConcurrencyModel, activity: Arc<Activity>, draining: Draining) -> Self {
        Self {
            model,
            trust_scheduling_headers: false,
            serves_metrics: true,
            activity,
            draining,
        }
    }
}

/// The application as a service. Wrap it in [`Observe`](crate::observe::Observe): requests without
/// its context are not shown at `/requests`.
#[derive(Clone, Debug)]
pub struct Application {
    router: Router,
}

/// What all requests share.
#[derive(Debug)]
struct Shared {
    settings: ApplicationSettings,
    registry: Registry,
}

impl Shared {
    fn new(settings: ApplicationSettings) -> Self {
        Self {
            settings,
            registry: Registry::default(),
        }
    }
}

impl Application {
    /// The application with these settings.
    #[must_use]
    pub fn new(settings: ApplicationSettings) -> Self {
        let shared = Shared::new(settings);
        let router = Router::new()
            .route("/", get(waiting::one_second))
            .route("/sleep", get(waiting::sleep))
            .route("/spin", get(computing::spin))
            .route("/primes", get(computing::primes))
            .route("/factorial/{n}", get(computing::factorial))
            .route("/mandelbrot.png", get(computing::mandelbrot))
            .route("/healthz", get(|| async { healthy() }))
            .route("/readyz", get(monitoring::ready))
            .route("/requests", get(live::requests));
        let router = if shared.settings.serves_metrics {
            router.route("/metrics", get(monitoring::metrics))
        } else {
            router
        };
        Self::finished(router, shared)
    }

    /// Its `/metrics` alone, for an address of its own: in `scheduled`, serve it with the
    /// [`Compute`](crate::compute::Compute) of the server whose executor it shows.
    #[must_use]
    pub fn metrics_only(settings: ApplicationSettings) -> Self {
        let router = Router::new().route("/metrics", get(monitoring::metrics));
        Self::finished(router, Shared::new(settings))
    }

    fn finished(router: Router<Arc<Shared>>, shared: Shared) -> Self {
        let router = router
            .method_not_allowed_fallback(not_allowed)
            .fallback(not_found)
            .with_state(Arc::new(shared));
        Self { router }
    }
}

impl<B> Service<Request<B>> for Application
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ApplicationFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ApplicationFuture {
        // What is asked most, and has to be answered fastest, needs no search.
        if request.method() == Method::GET && request.uri().path() == "/healthz" {
            return ApplicationFuture::Known {
                answer: Some(healthy()),
            };
        }
        ApplicationFuture::Routed {
            future: self.router.call(request),
        }
    }
}

pin_project_lite::pin_project! {
    /// The response of the application.
    #[project = Projected]
    #[must_use = "dropping the response cancels the request"]
    pub enum ApplicationFuture {
        #[doc(hidden)]
        Known { answer: Option<Response<Body>> },
        #[doc(hidden)]
        Routed { #[pin] future: RouteFuture<Infallible> },
    }
}

impl fmt::Debug for ApplicationFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplicationFuture").finish_non_exhaustive()
    }
}

impl Future for ApplicationFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            // A future that was ready is not polled again.
            Projected::Known { answer } => answer
                .take()
                .map_or(Poll::Pending, |it| Poll::Ready(Ok(it))),
            Projected::Routed { future } => future.poll(context),
        }
    }
}

fn healthy() -> Response<Body> {
    let mut response = Response::new(Body::from("ok\n"));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, PLAIN_TEXT);
    response
}

const PLAIN_TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

async fn not_found(uri: Uri) -> Response<Body> {
    let says = format!(
        "there is nothing at {:?}: there are /, /sleep?ms=, /spin?ms=, /primes?below=, \
         /factorial/{{n}}, /mandelbrot.png, /healthz, /readyz, /metrics, /requests\n",
        uri.path()
    );
    answer::text(StatusCode::NOT_FOUND, says)
}

/// The router adds which methods are.
async fn not_allowed(method: Method, uri: Uri) -> Response<Body> {
    let says = format!("{method} is not for {:?}: use GET\n", uri.path());
    answer::text(StatusCode::METHOD_NOT_ALLOWED, says)
}

#[cfg(test)]
mod tests;
