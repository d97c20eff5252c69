//! What a handler is: a tower service from requests to responses.

use super::Body;
use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;

/// An error of any kind.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A handler of requests: every tower service of this shape is one, an `axum::Router` among them.
/// It is cloned for each request.
///
/// ```
/// use millicore_server::http::HttpService;
///
/// fn check(_: impl HttpService) {}
///
/// check(axum::Router::<()>::new().route("/", axum::routing::get(|| async { "hello" })));
/// ```
pub trait HttpService:
    Service<
        Request<Body>,
        Response = Response<Self::ResponseBody>,
        Error: Into<BoxError>,
        Future: Send + 'static,
    > + Clone
    + Send
    + 'static
{
    /// What it answers.
    type ResponseBody: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static;
}

impl<S, B> HttpService for S
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type ResponseBody = B;
}
