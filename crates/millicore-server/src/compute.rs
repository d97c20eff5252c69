//! Where a handler's work is done: on the executor, or on the thread that serves the request.

use millicore::{Cpu, Error, Executor, Request, run_here};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where a handler's work is done, the same to the handler in every concurrency model. Found in
/// the extensions of a request; cheap to clone.
///
/// ```
/// use millicore_server::compute::Compute;
///
/// async fn sum(request: http::Request<millicore_server::http::Body>) -> Result<u64, millicore::Error> {
///     let compute: &Compute = request.extensions().get().ok_or(millicore::Error::ShutDown)?;
///     let work = |cpu: millicore::Cpu| async move {
///         cpu.map_reduce(0..1_000_u64, |part| part.sum(), |a: u64, b| a + b).await
///     };
///     compute.submit(millicore::Request::new(), work).await
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Compute {
    place: Place,
    /// When the request has taken as long as it may; work on the executor ends with its handle.
    give_up_at: Option<Instant>,
}

#[derive(Clone)]
enum Place {
    Executor(Arc<Counted>),
    Here(Arc<dyn ClientWatch>),
}

/// An executor that is counted twice, so that requests of different connections do not count at one
/// place.
struct Counted(Arc<Executor>);

/// Notices that a client has left, for whoever computes or sleeps on the thread that serves it.
pub trait ClientWatch: Send + Sync {
    /// Waits at most so long for the client to leave; true if it has left.
    fn has_left_within(&self, wait: Duration) -> bool;
}

impl Compute {
    /// On this executor, chunk by chunk, as its policy decides.
    #[must_use]
    pub fn on(executor: Arc<Executor>) -> Self {
        Self {
            place: Place::Executor(Arc::new(Counted(executor))),
            give_up_at: None,
        }
    }

    /// On the thread that serves the request, which does nothing else meanwhile but watch for the
    /// client.
    #[must_use]
    pub fn here(client: Arc<dyn ClientWatch>) -> Self {
        Self {
            place: Place::Here(client),
            give_up_at: None,
        }
    }

    /// The same, counted apart: clones of this one are the requests of one connection.
    pub(crate) fn of_connection(&self) -> Self {
        match &self.place {
            Place::Executor(executor) => Self::on(Arc::clone(&executor.0)),
            Place::Here(_) => self.clone(),
        }
    }

    /// The same, for a request that is answered at this time, done or not.
    pub(crate) fn until(&self, give_up_at: Option<Instant>) -> Self {
        Self {
            place: self.place.clone(),
            give_up_at,
        }
    }

    /// Does the work of a request. Nothing starts before this is awaited; once it is dropped, or
    /// the client has left, no further chunk starts. What is said of the request counts on an
    /// executor: a thread of its own has nobody to choose between.
    ///
    /// # Errors
    ///
    /// Why the request has no result.
    pub async fn submit<T, F, Fut>(&self, request: Request, body: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(Cpu) -> Fut,
        Fut: Future<Output = T> + Send + 'static,
    {
        match &self.place {
            Place::Executor(executor) => executor.0.submit(request, body).await,
            Place::Here(client) => run_here(body, || {
                !self.is_overdue() && !client.has_left_within(Duration::ZERO)
            }),
        }
    }

    /// Waits. In a blocking model this blocks the thread or process that serves the request: that
    /// is what makes it one.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`] if the client has left, or the request has taken as long as it may.
    pub async fn sleep(&self, time: Duration) -> Result<(), Error> {
        match &self.place {
            Place::Executor(_) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            Place::Here(client) => {
                let left = self
                    .give_up_at
                    .map(|at| at.saturating_duration_since(Instant::now()));
                let wait = left.map_or(time, |left| left.min(time));
                let has_left = client.has_left_within(wait);
                (!has_left && wait == time)
                    .then_some(())
                    .ok_or(Error::Cancelled)
            }
        }
    }

    /// The executor, in the model that has one.
    #[must_use]
    pub fn executor(&self) -> Option<&Arc<Executor>> {
        match &self.place {
            Place::Executor(executor) => Some(&executor.0),
            Place::Here(_) => None,
        }
    }

    /// When the request is answered, done or not.
    pub(crate) const fn give_up_at(&self) -> Option<Instant> {
        self.give_up_at
    }

    fn is_overdue(&self) -> bool {
        self.give_up_at.is_some_and(|at| Instant::now() >= at)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Executor(executor) => executor.0.fmt(f),
            Self::Here(_) => f.write_str("Here"),
        }
    }
}
