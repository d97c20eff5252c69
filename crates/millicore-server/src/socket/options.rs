//! The attributes of a socket server, named as those of Python's `socketserver`.

use std::num::NonZeroUsize;
use std::time::Duration;

/// How a socket server runs its handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SocketModel {
    /// One request after the other, on the thread that serves.
    Sync,
    /// A thread for each request.
    Threads,
    /// A forked process for each request, from a program that has no other thread.
    Forks,
    /// So many processes forked beforehand, from a program that has no other thread; for streams.
    Prefork(NonZeroUsize),
}

/// The attributes of a socket server.
#[derive(Clone, Debug)]
pub struct SocketOptions {
    /// How handlers run.
    pub model: SocketModel,
    /// How many connections the kernel keeps beside those accepted: listen(2). 5 by default.
    pub request_queue_size: i32,
    /// `SO_REUSEADDR`. Off by default.
    pub allow_reuse_address: bool,
    /// `SO_REUSEPORT`. Off by default.
    pub allow_reuse_port: bool,
    /// How long `handle_request` waits; for ever by default, 300 s in `Forks`.
    pub timeout: Option<Duration>,
    /// How long a handler may wait for its client; for ever by default.
    pub connection_timeout: Option<Duration>,
    /// Whether small pieces are sent at once: `TCP_NODELAY`. Off by default.
    pub disable_nagle_algorithm: bool,
    /// What is longer of a datagram is cut off. 8192 bytes by default.
    pub max_packet_size: usize,
    /// The most processes of `Forks` at once. 40 by default.
    pub max_children: NonZeroUsize,
    /// The most threads of `Threads` at once. Unbounded by default.
    pub max_threads: Option<NonZeroUsize>,
    /// Whether closing the server waits for the requests at work. On by default.
    pub block_on_close: bool,
    /// Whether closing waits for no thread, whatever `block_on_close` says. Off by default.
    pub daemon_threads: bool,
    /// The longest between two calls of `service_actions`. By default they are called only when
    /// something happens: nothing else needs a poll.
    pub poll_interval: Option<Duration>,
}

impl SocketOptions {
    /// The defaults for a model, which are those of Python.
    #[must_use]
    pub fn new(model: SocketModel) -> Self {
        Self {
            model,
            request_queue_size: 5,
            allow_reuse_address: false,
            allow_reuse_port: false,
            timeout: (model == SocketModel::Forks).then_some(Duration::from_secs(300)),
            connection_timeout: None,
            disable_nagle_algorithm: false,
            max_packet_size: 8192,
            max_children: NonZeroUsize::MIN.saturating_add(39),
            max_threads: None,
            block_on_close: true,
            daemon_threads: false,
            poll_interval: None,
        }
    }
}
