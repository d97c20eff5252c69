//! What a server is told: how many slots it has, how long it waits, how much it takes.

use crate::model::ConcurrencyModel;
use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

/// How an HTTP server behaves.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// How handlers run.
    pub model: ConcurrencyModel,
    /// Processes of `prefork`.
    pub workers: NonZeroUsize,
    /// Processes at once in `forks`.
    pub max_children: NonZeroUsize,
    /// Threads at once in `threads`; unbounded without.
    pub max_threads: Option<NonZeroUsize>,
    /// Connections at once; further ones wait in the kernel's backlog.
    pub max_connections: NonZeroUsize,
    /// After how many requests a worker of `prefork` is replaced; never without.
    pub max_requests: Option<NonZeroU64>,
    /// Up to so many more, by chance, so that workers are not replaced all at once.
    pub max_requests_jitter: u64,
    /// How long a server that was asked to stop waits for what it accepted.
    pub graceful_timeout: Duration,
    /// How long a server that was asked to stop goes on accepting, so that a load balancer notices
    /// that it is not ready any more.
    pub drain_delay: Duration,
    /// What a connection may do.
    pub connection: ConnectionSettings,
}

/// What a client may do with its connection.
#[derive(Clone, Debug)]
pub struct ConnectionSettings {
    /// Whether a connection may bring another request.
    pub keep_alive: bool,
    /// How long a connection may be silent before a request.
    pub idle_timeout: Duration,
    /// How long the head of a request may take from its first byte on.
    pub header_timeout: Duration,
    /// How long a client may keep the server waiting for the next piece of a body.
    pub body_timeout: Duration,
    /// How long a client may take no byte of a response.
    pub write_timeout: Duration,
    /// How long a request may take until its response begins; it is answered 503 then. Unbounded
    /// without.
    pub request_timeout: Option<Duration>,
    /// The most bytes of a request's head.
    pub max_head_bytes: usize,
    /// The most fields in it.
    pub max_headers: usize,
    /// The most bytes of a request's body.
    pub max_body_bytes: u64,
}

impl ServerSettings {
    /// The defaults for a model.
    #[must_use]
    pub fn new(model: ConcurrencyModel) -> Self {
        Self {
            model,
            workers: millicore_quota::ProcessLimit::read().cores(),
            max_children: NonZeroUsize::MIN.saturating_add(39),
            max_threads: None,
            max_connections: NonZeroUsize::MAX,
            max_requests: None,
            max_requests_jitter: 0,
            graceful_timeout: Duration::from_secs(30),
            drain_delay: Duration::ZERO,
            connection: ConnectionSettings::default(),
        }
    }
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self {
            keep_alive: true,
            idle_timeout: Duration::from_secs(75),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            request_timeout: None,
            max_head_bytes: 64 * 1024,
            max_headers: 100,
            max_body_bytes: 8 * 1024 * 1024,
        }
    }
}
