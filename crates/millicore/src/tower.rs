//! A tower service whose calls are requests of an executor: for stacks that exist already.

use crate::error::Error;
use crate::executor::Executor;
use crate::handle::Handle;
use crate::request::Request;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

/// Makes services [`Scheduled`]: `describe` says of each call which class, size, tenant or
/// priority its request has.
#[derive(Clone, Debug)]
pub struct ScheduledLayer<D> {
    executor: Arc<Executor>,
    describe: D,
}

impl<D> ScheduledLayer<D> {
    /// A layer over this executor; `|_| Request::new()` describes nothing.
    pub const fn new(executor: Arc<Executor>, describe: D) -> Self {
        Self { executor, describe }
    }
}

impl<S, D: Clone> Layer<S> for ScheduledLayer<D> {
    type Service = Scheduled<S, D>;

    fn layer(&self, inner: S) -> Scheduled<S, D> {
        Scheduled {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service whose every call, and the future it gives, runs on an executor as the body of a
/// request. Dropping the response future cancels the request.
///
/// The body yields where the inner future awaits. Sockets and timers of a runtime that it awaits
/// need that runtime's context, which a core of the executor does not have.
#[derive(Clone, Debug)]
pub struct Scheduled<S, D> {
    inner: S,
    layer: ScheduledLayer<D>,
}

impl<S, D, R> Service<R> for Scheduled<S, D>
where
    S: Service<R> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
    D: Fn(&R) -> Request,
{
    type Response = S::Response;
    type Error = ScheduledError<S::Error>;
    type Future = Response<S::Response, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let ready = self.inner.poll_ready(context);
        ready.map_err(ScheduledError::Service)
    }

    fn call(&mut self, call: R) -> Self::Future {
        let clone = self.inner.clone();
        // The one that was polled ready takes the call.
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let request = (self.layer.describe)(&call);
        let body = |_| async move { inner.call(call).await };
        Response(self.layer.executor.submit(request, body))
    }
}

/// The response of a [`Scheduled`] service.
#[derive(Debug)]
#[must_use = "dropping the response cancels the request"]
pub struct Response<T, E>(Handle<Result<T, E>>);

impl<T, E> Future for Response<T, E> {
    type Output = Result<T, ScheduledError<E>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(match ended {
            Ok(result) => result.map_err(ScheduledError::Service),
            Err(error) => Err(ScheduledError::Executor(error)),
        })
    }
}

/// Why a [`Scheduled`] service has no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduledError<E> {
    /// The inner service failed.
    #[error(transparent)]
    Service(E),
    /// The executor refused or ended the request.
    #[error(transparent)]
    Executor(Error),
}
