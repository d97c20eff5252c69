//! The work of one request: described to the executor and watched on it, or done on this thread.

use super::Shared;
use super::answer::Refused;
use super::live::ScheduledRequest;
use super::parameters::Parameters;
use super::scheduling::Scheduling;
use crate::compute::Compute;
use crate::observe::{RequestContext, Spent};
use ::http::request::Parts;
use axum::extract::FromRequestParts;
use millicore::{Cpu, Error, Request};
use millicore_workload::spin::thread_cpu_time;
use std::sync::Arc;
use std::time::Duration;

/// What a handler gets of a request.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) shared: Arc<Shared>,
    pub(super) parameters: Parameters,
    pub(super) compute: Compute,
    /// The request's number, if it is observed.
    pub(super) number: Option<u64>,
    scheduling: Scheduling,
}

/// How large a request is, as far as that is known before it has run.
#[derive(Clone, Debug)]
pub(super) enum Size {
    /// The CPU time it will take.
    Known(Duration),
    /// Not known, but others of its class will have taken about as long; until one has, this is a
    /// rough guess.
    LikeClass(Duration),
}

/// What the work of a request came to.
#[derive(Debug)]
pub(super) struct Done<T> {
    pub(super) value: T,
    pub(super) spent: Spent,
}

impl FromRequestParts<Arc<Shared>> for Call {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refused> {
        let parameters = Parameters::of(&parts.uri)?;
        let scheduling = if shared.settings.trust_scheduling_headers {
            Scheduling::of(&parameters, &parts.headers)?
        } else {
            Scheduling::default()
        };
        let compute = parts.extensions.get::<Compute>().cloned();
        let context = parts.extensions.get::<RequestContext>();
        Ok(Self {
            shared: Arc::clone(shared),
            parameters,
            // Whoever serves a request says where it computes.
            compute: compute.ok_or(Error::ShutDown)?,
            number: context.map(|context| context.number),
            scheduling,
        })
    }
}

impl Call {
    /// Does the work of the request. `body` may be called twice: no part of the first has run then.
    pub(super) async fn work<T, F, Fut>(
        &self,
        class: String,
        size: &Size,
        body: F,
    ) -> Result<Done<T>, Error>
    where
        T: Send + 'static,
        F: Fn(Cpu) -> Fut,
        Fut: Future<Output = T> + Send + 'static,
    {
        let result = match self.compute.executor() {
            Some(_) => self.work_on_executor(class, size, body).await,
            None => self.work_here(body).await,
        };
        if let Err(Error::Panicked { message }) = &result {
            tracing::error!(message, "a computation panicked");
            self.shared.settings.activity.handler_panicked();
        }
        result
    }

    async fn work_here<T, F, Fut>(&self, body: F) -> Result<Done<T>, Error>
    where
        T: Send + 'static,
        F: Fn(Cpu) -> Fut,
        Fut: Future<Output = T> + Send + 'static,
    {
        let before = thread_cpu_time();
        let value = self.compute.submit(Request::new(), body).await?;
        let spent = Spent {
            queue: Duration::ZERO,
            cpu: thread_cpu_time().saturating_sub(before),
        };
        Ok(Done { value, spent })
    }

    async fn work_on_executor<T, F, Fut>(
        &self,
        class: String,
        size: &Size,
        body: F,
    ) -> Result<Done<T>, Error>
    where
        T: Send + 'static,
        F: Fn(Cpu) -> Fut,
        Fut: Future<Output = T> + Send + 'static,
    {
        let described = self
            .scheduling
            .describe(Request::new().class(class.as_str()));
        let (stated, guess) = match size {
            Size::Known(size) => (described.clone().size(at_least_something(*size)), None),
            Size::LikeClass(guess) => (described.clone(), Some(at_least_something(*guess))),
        };
        let first = self.scheduled(stated, &class, &body)?.done().await;
        match (first, guess) {
            // The first of its class: nobody else could tell the policy.
            (Err(Error::SizeUnknown { .. }), Some(guess)) => {
                self.scheduled(described.size(guess), &class, &body)?
                    .done()
                    .await
            }
            (done, _) => done,
        }
    }

    fn scheduled<T, F, Fut>(
        &self,
        request: Request,
        class: &str,
        body: &F,
    ) -> Result<ScheduledRequest<T>, Error>
    where
        T: Send + 'static,
        F: Fn(Cpu) -> Fut,
        Fut: Future<Output = T> + Send + 'static,
    {
        let executor = self.compute.executor().ok_or(Error::ShutDown)?;
        let handle = executor.submit(request, body);
        let registry = &self.shared.registry;
        Ok(registry.watch(handle, self.number, class, &self.scheduling))
    }
}

/// A size of nothing is none.
fn at_least_something(size: Duration) -> Duration {
    size.max(Duration::from_nanos(1))
}
