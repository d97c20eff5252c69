//! The executor: a pool of workers over one policy. Start here.

use crate::builder::{BuildError, Builder, CpuLimit, tenant_spec};
use crate::completion::Completion;
use crate::cpu::Cpu;
use crate::dispatcher::Dispatcher;
use crate::handle::Handle;
use crate::metrics::Metrics;
use crate::request::Request;
use crate::task::Task;
use crate::worker::{self, Settings};
use millicore_policy::Policy;
use millicore_policy::journal::Entry;
use millicore_policy::scheduler::SizesUnknown;
use millicore_quota::{Millicores, ProcessLimit};
use std::num::{NonZeroU32, NonZeroUsize};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

/// A pool of worker threads over one policy.
///
/// Dropping it shuts it down as [`Shutdown::Abort`] does.
///
/// ```
/// use millicore::{Executor, Policy, Request};
///
/// let executor = Executor::builder().policy(Policy::focus()).build()?;
/// let sum = executor.submit(Request::new(), |cpu| async move {
///     cpu.map_reduce(0..1_000_000_u64, |range| range.sum::<u64>(), |a, b| a + b).await
/// });
/// assert_eq!(sum.wait()?, 499_999_500_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Executor {
    dispatcher: Arc<Dispatcher>,
    settings: Settings,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

/// How an executor is shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// What was submitted runs to its end; what comes now is refused.
    Drain,
    /// What was submitted ends with [`Error::ShutDown`](crate::Error::ShutDown) once the chunks that run have ended.
    Abort,
}

impl Executor {
    /// An executor to be set up.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn start(
        dispatcher: Arc<Dispatcher>,
        settings: Settings,
    ) -> Result<Self, BuildError> {
        let executor = Self {
            dispatcher,
            settings,
            workers: Mutex::new(Vec::new()),
        };
        executor.staff()?;
        Ok(executor)
    }

    fn staff(&self) -> Result<(), BuildError> {
        for core in self.dispatcher.staff() {
            let index = core.index;
            let (dispatcher, settings) = (Arc::clone(&self.dispatcher), self.settings.clone());
            let worker = std::thread::Builder::new()
                .name(self.settings.name_of(index))
                .spawn(move || worker::work(&dispatcher, &core, &settings))
                .map_err(|source| BuildError::Worker {
                    core: index,
                    source,
                })?;
            let mut workers = crate::completion::lock(&self.workers);
            // A thread that has ended keeps its stack until its handle goes.
            workers.retain(|worker| !worker.is_finished());
            workers.push(worker);
        }
        Ok(())
    }

    /// Submits a request: `body` makes the future that is its control flow, and works through the
    /// [`Cpu`] it is given. A refused request has its error in the handle at once.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "what was said of a request is handed over with it"
    )]
    pub fn submit<T, F, Fut>(&self, request: Request, body: F) -> Handle<T>
    where
        T: Send + 'static,
        F: FnOnce(Cpu) -> Fut,
        Fut: Future<Output = T> + Send + 'static,
    {
        submit(&self.dispatcher, &request, body)
    }

    /// What the executor has counted so far.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.dispatcher.metrics()
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.dispatcher.policy()
    }

    /// How many cores work.
    #[must_use]
    pub fn cores(&self) -> usize {
        self.dispatcher.core_count()
    }

    /// Changes the policy; running slices go on.
    ///
    /// # Errors
    ///
    /// Says how many live requests have no size, if the new policy orders by size.
    pub fn set_policy(&self, policy: Policy) -> Result<(), SizesUnknown> {
        self.dispatcher
            .change(|recorder, now_ns| recorder.set_policy(now_ns, policy))
    }

    /// Changes how many cores work. A core that goes ends its chunk first.
    ///
    /// # Errors
    ///
    /// Says which worker the system did not let start.
    pub fn set_cores(&self, cores: NonZeroUsize) -> Result<(), BuildError> {
        self.dispatcher.set_cores(cores.get());
        self.staff()
    }

    /// Changes how much CPU time requests may use together.
    ///
    /// A container that is given more or less is followed by setting [`CpuLimit::Container`] again,
    /// and the cores; `millicore_quota::LimitWatch` tells when.
    pub fn set_cpu_limit(&self, limit: CpuLimit) {
        let process = ProcessLimit::read();
        self.dispatcher
            .set_machine_limit(limit.pace(&process), limit.foreign_use(&process));
    }

    /// Adds a tenant, or changes the weight and limit of the one with that name.
    pub fn set_tenant(
        &self,
        name: impl Into<String>,
        weight: NonZeroU32,
        limit: Option<Millicores>,
    ) {
        let spec = tenant_spec(name.into(), weight, limit);
        self.dispatcher
            .change(|recorder, now_ns| recorder.set_tenant(now_ns, spec));
    }

    /// The journal since the last call, if the executor keeps one: replay it with
    /// `millicore_sim::replay`, or read from it which core worked on what, and when.
    #[must_use]
    pub fn take_journal(&self) -> Vec<Entry> {
        self.dispatcher.take_journal()
    }

    /// Shuts down and waits until every worker has ended. Do not call it in a body.
    pub fn shutdown(self, how: Shutdown) {
        self.stop(how);
    }

    fn stop(&self, how: Shutdown) {
        self.dispatcher.close(how == Shutdown::Abort);
        let workers = std::mem::take(&mut *crate::completion::lock(&self.workers));
        for worker in workers {
            // The executor may be dropped by a body: that worker ends by itself.
            if worker.thread().id() != std::thread::current().id() {
                // A worker does not panic: what it runs is caught.
                let _ = worker.join();
            }
        }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.stop(Shutdown::Abort);
    }
}

pub(crate) fn submit<T, F, Fut>(
    dispatcher: &Arc<Dispatcher>,
    request: &Request,
    body: F,
) -> Handle<T>
where
    T: Send + 'static,
    F: FnOnce(Cpu) -> Fut,
    Fut: Future<Output = T> + Send + 'static,
{
    let completion = Arc::new(Completion::new());
    let class = request.class.clone();
    let task = Arc::new(Task::new(dispatcher, class, completion.clone()));
    let future = body(Cpu::new(Arc::clone(&task)));
    task.set_body(Box::pin(Keep {
        future,
        completion: Arc::clone(&completion),
    }));
    if let Err(error) = dispatcher.submit(&task, request) {
        task.close(Err(error));
    }
    Handle::new(task, completion)
}

pin_project_lite::pin_project! {
    /// Keeps the output of a body where its handle finds it.
    struct Keep<F: Future> {
        #[pin]
        future: F,
        completion: Arc<Completion<F::Output>>,
    }
}

impl<F: Future> Future for Keep<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.future
            .poll(context)
            .map(|output| this.completion.keep(output))
    }
}
