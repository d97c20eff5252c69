//! The model `scheduled`: sockets on tokio, work on the executor, so that what serves never computes.
//!
//! - `wire`: a socket of either kind, which notes when bytes come and go.
//! - `connection_state`: what a connection is doing, and until when it may.
//! - `connections`: all of them: whose time is up, who has been silent longest, who is left.
//! - `connection`: one of them, from its first byte to its last.
//! - `accepting`: who is let in, and when.
//! - `readable`: what is not a stream and is waited for.
//! - `control`: signals, and how the server stops.

mod accepting;
mod connection;
mod connection_state;
mod connections;
mod control;
mod readable;
mod wire;

use super::{Context, Hooks, HttpService, ServeError, version1};
use crate::compute::Compute;
use crate::control::ControlSource;
use crate::listener::Listener;
use crate::settings::{ConnectionSettings, ServerSettings};
use connections::Connections;
use hyper::rt::Timer;
use hyper_util::rt::TokioTimer;
use millicore::Executor;
use std::sync::Arc;
use std::time::Duration;

/// How long threads that serve are waited for at the very end.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// What the connections of a server share.
#[derive(Debug)]
struct Server {
    /// What their requests have in common, but for the peer.
    context: Context,
    connections: Arc<Connections>,
    http1: hyper::server::conn::http1::Builder,
    http2: hyper::server::conn::http2::Builder<hyper_util::rt::TokioExecutor>,
    max_connections: usize,
}

/// Serves HTTP/1.1 and HTTP/2 (with prior knowledge) on these listeners until it is told to stop.
/// Handlers compute on the executor, see [`Compute`]; what they do beside that holds up an I/O
/// thread, of which there are as many as cores.
///
/// Asked to terminate, it finishes what was accepted, the kernel's backlog included, for
/// `graceful_timeout` at most; then it returns.
///
/// # Errors
///
/// Where the system does not let it start.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the server owns what it serves with, as long as it runs"
)]
pub fn serve_scheduled<S: HttpService>(
    listeners: Vec<Listener>,
    service: S,
    executor: Arc<Executor>,
    settings: &ServerSettings,
    signals: impl ControlSource,
    hooks: Hooks,
) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(executor.cores())
        .thread_name("millicore-io")
        .enable_all()
        .build()
        .map_err(ServeError::to("start its I/O threads"))?;
    let server = Arc::new(Server::new(&executor, settings, &hooks));
    let served = runtime.block_on(control::run(
        control::Parts {
            listeners,
            server,
            settings: settings.clone(),
            executor: Arc::clone(&executor),
            hooks,
        },
        &service,
        signals,
    ));
    runtime.shutdown_timeout(LAST_WAIT);
    served
}

impl Server {
    fn new(executor: &Arc<Executor>, settings: &ServerSettings, hooks: &Hooks) -> Self {
        let timer: Arc<dyn Timer + Send + Sync> = Arc::new(TokioTimer::new());
        let connection = Arc::new(settings.connection.clone());
        Self {
            http1: http1(&connection),
            http2: http2(&connection),
            connections: Arc::new(Connections::new(&connection, hooks.activity.clone())),
            max_connections: settings.max_connections.get(),
            context: Context {
                settings: connection,
                peer: crate::address::Peer::Unix,
                compute: Compute::on(Arc::clone(executor)),
                timer,
                draining: hooks.draining.clone(),
            },
        }
    }
}

impl Server {
    /// The same for connections that come from now on and may do this. How long a connection may
    /// wait holds for those that there are as well.
    fn following(&self, settings: &ConnectionSettings) -> Self {
        self.connections.follow(settings);
        Self {
            http1: http1(settings),
            http2: http2(settings),
            connections: Arc::clone(&self.connections),
            max_connections: self.max_connections,
            context: Context {
                settings: Arc::new(settings.clone()),
                ..self.context.clone()
            },
        }
    }
}

fn http1(settings: &ConnectionSettings) -> hyper::server::conn::http1::Builder {
    let mut builder = version1::builder(settings);
    builder
        .half_close(true)
        // Time is kept by `connections`, for all of them.
        .header_read_timeout(None);
    builder
}

fn http2(
    settings: &ConnectionSettings,
) -> hyper::server::conn::http2::Builder<hyper_util::rt::TokioExecutor> {
    let mut builder =
        hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new());
    let max_head_bytes = u32::try_from(settings.max_head_bytes).unwrap_or(u32::MAX);
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(max_head_bytes);
    builder
}
