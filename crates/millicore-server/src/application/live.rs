//! Whom the server serves now: `/requests`, and the requests on the executor that it asks.

use super::Shared;
use super::answer::json;
use super::scheduling::Scheduling;
use super::work::{Call, Done};
use crate::activity::LiveRow;
use crate::observe::Spent;
use ::http::Response;
use axum::body::Body;
use millicore::{Error, Handle, Progress};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;

/// The requests on the executor, by the numbers under which the server knows them.
#[derive(Clone, Default)]
pub(super) struct Registry {
    live: Arc<Mutex<Live>>,
}

type Live = BTreeMap<u64, Weak<dyn Watched>>;

/// A request on the executor, whatever its result is.
trait Watched: Send + Sync {
    fn on_executor(&self) -> OnExecutor;
}

/// A request on the executor, whose client waits. Dropping it cancels it.
#[derive(Debug)]
pub(super) struct ScheduledRequest<T: Send + 'static> {
    request: Arc<Described<T>>,
    registry: Registry,
    number: Option<u64>,
}

#[derive(Debug)]
struct Described<T> {
    handle: Mutex<Handle<T>>,
    class: String,
    priority: i32,
    tenant: Option<Box<str>>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(lock(&self.live).keys()).finish()
    }
}

impl Registry {
    /// Shows the request under its number until it is dropped.
    pub(super) fn watch<T: Send + 'static>(
        &self,
        handle: Handle<T>,
        number: Option<u64>,
        class: &str,
        scheduling: &Scheduling,
    ) -> ScheduledRequest<T> {
        let request = Arc::new(Described {
            handle: Mutex::new(handle),
            class: class.to_owned(),
            priority: scheduling.priority,
            tenant: scheduling.tenant.clone(),
        });
        if let Some(number) = number {
            let watched: Weak<Described<T>> = Arc::downgrade(&request);
            lock(&self.live).insert(number, watched);
        }
        ScheduledRequest {
            request,
            registry: self.clone(),
            number,
        }
    }

    fn find(&self, number: u64) -> Option<Arc<dyn Watched>> {
        lock(&self.live).get(&number)?.upgrade()
    }
}

impl<T: Send> ScheduledRequest<T> {
    /// Waits for the result, and says what it cost.
    pub(super) async fn done(self) -> Result<Done<T>, Error> {
        let value = std::future::poll_fn(|context| {
            let mut handle = lock(&self.request.handle);
            let polled: Poll<Result<T, Error>> = Pin::new(&mut *handle).poll(context);
            polled
        })
        .await?;
        let progress = lock(&self.request.handle).progress();
        let spent = Spent {
            queue: progress.waited,
            cpu: progress.cpu_time,
        };
        Ok(Done { value, spent })
    }
}

impl<T: Send> Drop for ScheduledRequest<T> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            lock(&self.registry.live).remove(&number);
        }
        // Somebody may be reading its progress, and would keep it for that long.
        lock(&self.request.handle).cancel();
    }
}

impl<T: Send> Watched for Described<T> {
    fn on_executor(&self) -> OnExecutor {
        let handle = lock(&self.handle);
        OnExecutor {
            executor_id: handle.id(),
            class: self.class.clone(),
            tenant: self.tenant.clone(),
            priority: self.priority,
            progress: handle.progress(),
        }
    }
}

/// What holds a mutex here does not panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct OnExecutor {
    executor_id: u64,
    class: String,
    tenant: Option<Box<str>>,
    priority: i32,
    progress: Progress,
}

/// `/requests`: who waits and who runs, and on the executor on how many cores.
#[derive(Serialize)]
struct Requests {
    schema: u32,
    model: &'static str,
    /// Null where there is no executor.
    policy: Option<String>,
    cores: Option<usize>,
    /// Connections that wait for a slot, or requests that wait for their first chunk.
    waiting: u64,
    running: u64,
    /// Those of them that the table has no room for.
    unlisted: u64,
    requests: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    method: String,
    path: String,
    state: &'static str,
    pid: u32,
    thread_id: u32,
    age_s: f64,
    /// From here on null for a request that is not on an executor.
    executor_id: Option<u64>,
    class: Option<String>,
    tenant: Option<Box<str>>,
    priority: Option<i32>,
    /// How many cores work on it at this moment.
    cores: Option<u32>,
    most_cores: Option<u32>,
    cpu_s: Option<f64>,
    waited_s: Option<f64>,
    /// How much of its open loops has been given to cores, from 0 to 1; null if it has none.
    progress: Option<f64>,
}

pub(super) async fn requests(call: Call) -> Response<Body> {
    let Shared { settings, registry } = &*call.shared;
    let rows: Vec<Row> = settings
        .activity
        .live_requests()
        .into_iter()
        // Who asks would see itself, always.
        .filter(|row| Some(row.number) != call.number)
        .map(|row| {
            let watched = registry.find(row.number);
            Row::new(row, watched.map(|it| it.on_executor()))
        })
        .collect();
    let counted = settings.activity.snapshot();
    let metrics = call.compute.executor().map(|executor| executor.metrics());
    let on_executor = metrics.map(|metrics| u64::from(metrics.waiting));
    let others = counted
        .requests_in_flight
        .saturating_sub(u64::from(call.number.is_some()));
    json(&Requests {
        schema: 1,
        model: settings.model.name(),
        policy: call.compute.executor().map(|it| it.policy().to_string()),
        cores: call.compute.executor().map(|it| it.cores()),
        waiting: on_executor.unwrap_or(counted.connections_waiting),
        running: others.saturating_sub(on_executor.unwrap_or(0)),
        unlisted: counted.requests_unlisted,
        requests: rows,
    })
}

impl Row {
    fn new(row: LiveRow, on_executor: Option<OnExecutor>) -> Self {
        let shown = Self {
            id: row.id,
            method: row.method,
            path: row.path,
            state: "running",
            pid: row.pid,
            thread_id: row.thread_id,
            age_s: row.age.as_secs_f64(),
            executor_id: None,
            class: None,
            tenant: None,
            priority: None,
            cores: None,
            most_cores: None,
            cpu_s: None,
            waited_s: None,
            progress: None,
        };
        match on_executor {
            Some(on_executor) => shown.with(on_executor),
            None => shown,
        }
    }

    fn with(self, on_executor: OnExecutor) -> Self {
        let progress = on_executor.progress;
        Self {
            state: if progress.slices == 0 {
                "waiting"
            } else {
                "running"
            },
            executor_id: Some(on_executor.executor_id),
            class: Some(on_executor.class),
            tenant: on_executor.tenant,
            priority: Some(on_executor.priority),
            cores: Some(progress.cores),
            most_cores: Some(progress.most_cores),
            cpu_s: Some(progress.cpu_time.as_secs_f64()),
            waited_s: Some(progress.waited.as_secs_f64()),
            progress: (progress.loop_indexes > 0)
                .then(|| progress.loop_indexes_claimed as f64 / progress.loop_indexes as f64),
            ..self
        }
    }
}
