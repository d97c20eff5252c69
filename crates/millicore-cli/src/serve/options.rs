//! The options of `millicore serve` as data: what help, file, environment and documentation read.

use super::nearest::nearest;
use millicore_server::model::ConcurrencyModel::{self, Forks, Prefork, Scheduled, Threads};

/// One option, wherever it is written: `--max-children`, `MILLICORE_MAX_CHILDREN`, or the key
/// `max-children` of a file.
#[derive(Debug)]
pub(super) struct ServeOption {
    pub(super) name: &'static str,
    /// What its value is called in help; a switch has none.
    pub(super) value: &'static str,
    /// What it is if nobody says anything, as it would be typed; empty for a list of nothing.
    pub(super) default: &'static str,
    pub(super) help: &'static str,
    pub(super) shape: Shape,
    /// The models that know it.
    pub(super) models: &'static [ConcurrencyModel],
    pub(super) section: Section,
    /// Whether a server that runs can take a new value.
    pub(super) is_live: bool,
    pub(super) short: Option<char>,
    /// Other spellings on the command line, those of gunicorn where they mean the same.
    pub(super) aliases: &'static [&'static str],
}

/// How an option is written on a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `--name VALUE`
    Value,
    /// `--name VALUE`, or `--name` alone, which means the same as this value.
    ValueOrBare(&'static str),
    /// `--name VALUE`, as often as one likes.
    List,
    /// `--name`, or `--` and this, `no-name`.
    Switch(&'static str),
}

/// Where an option stands in the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Listening,
    Models,
    Scheduling,
    Connections,
    Stopping,
    Observing,
}

impl Section {
    pub(super) const fn heading(self) -> &'static str {
        match self {
            Self::Listening => "Listening",
            Self::Models => "Models and their slots",
            Self::Scheduling => "Scheduling (model scheduled)",
            Self::Connections => "Connections and requests",
            Self::Stopping => "Stopping",
            Self::Observing => "Observing",
        }
    }
}

impl ServeOption {
    /// `--max-children`
    pub(super) fn flag(&self) -> String {
        format!("--{}", self.name)
    }

    /// `MILLICORE_MAX_CHILDREN`
    pub(super) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_uppercase().replace('-', "_"))
    }

    pub(super) fn serves(&self, model: ConcurrencyModel) -> bool {
        self.models.contains(&model)
    }

    /// `threads`, or `forks or prefork`
    pub(super) fn model_names(&self) -> String {
        let names: Vec<&str> = self.models.iter().map(|model| model.name()).collect();
        names.join(" or ")
    }

    pub(super) const fn serves_every_model(&self) -> bool {
        self.models.len() == ConcurrencyModel::ALL.len()
    }

    const fn of(mut self, models: &'static [ConcurrencyModel]) -> Self {
        self.models = models;
        self
    }

    const fn shaped(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    const fn live(mut self) -> Self {
        self.is_live = true;
        self
    }

    const fn or(mut self, short: Option<char>, aliases: &'static [&'static str]) -> Self {
        self.short = short;
        self.aliases = aliases;
        self
    }
}

/// What the name of every variable begins with.
pub(super) const PREFIX: &str = "MILLICORE_";

/// The option of a name, with `_` for `-` or not.
pub(super) fn by_name(name: &str) -> Option<&'static ServeOption> {
    let name = name.replace('_', "-");
    OPTIONS.into_iter().find(|option| option.name == name)
}

/// The option that was perhaps meant.
pub(super) fn by_similar_name(name: &str) -> Option<&'static str> {
    let name = name.replace('_', "-");
    nearest(&name, OPTIONS.into_iter().map(|option| option.name))
}

const fn option(
    section: Section,
    name: &'static str,
    value: &'static str,
    default: &'static str,
    help: &'static str,
) -> ServeOption {
    ServeOption {
        name,
        value,
        default,
        help,
        shape: Shape::Value,
        models: &ConcurrencyModel::ALL,
        section,
        is_live: false,
        short: None,
        aliases: &[],
    }
}

use Section::{Connections, Listening, Models, Observing, Scheduling, Stopping};

pub(super) static BIND: ServeOption = option(
    Listening,
    "bind",
    "ADDRESS",
    "127.0.0.1:8000",
    "Where to listen: HOST:PORT, unix:PATH or fd://N; may be repeated. Port 0 takes a free one",
)
.shaped(Shape::List)
.or(Some('b'), &[]);

pub(super) static BACKLOG: ServeOption = option(
    Listening,
    "backlog",
    "N",
    "1024",
    "Connections that the kernel keeps until they are accepted, at most net.core.somaxconn",
);

pub(super) static REUSE_PORT: ServeOption = option(
    Listening,
    "reuse-port",
    "",
    "false",
    "Share the port with other processes that do the same: SO_REUSEPORT",
)
.shaped(Shape::Switch("no-reuse-port"));

pub(super) static MODEL: ServeOption = option(
    Models,
    "model",
    "NAME",
    "scheduled",
    "How requests run: sync, threads, forks, prefork or scheduled",
);

pub(super) static WORKERS: ServeOption = option(
    Models,
    "workers",
    "N",
    "auto",
    "Processes forked beforehand; auto takes the CPU limit, rounded up",
)
.of(&[Prefork])
.or(Some('w'), &[])
.live();

pub(super) static MAX_CHILDREN: ServeOption = option(
    Models,
    "max-children",
    "N",
    "40",
    "Forked processes at once, each with one request",
)
.of(&[Forks])
.live();

pub(super) static MAX_THREADS: ServeOption = option(
    Models,
    "max-threads",
    "N",
    "off",
    "Threads at once, each with one request; off for as many as requests",
)
.of(&[Threads])
.or(None, &["threads"])
.live();

pub(super) static MAX_REQUESTS: ServeOption = option(
    Models,
    "max-requests",
    "N",
    "off",
    "Requests after which a worker is replaced by a new process",
)
.of(&[Prefork]);

pub(super) static MAX_REQUESTS_JITTER: ServeOption = option(
    Models,
    "max-requests-jitter",
    "N",
    "0",
    "Up to so many requests more, by chance, so that workers are not replaced at the same time",
)
.of(&[Prefork]);

pub(super) static POLICY: ServeOption = scheduled(
    "policy",
    "NAME",
    "fair",
    "Whose turn it is, and how wide: fifo, fair, focus, sjf, srpt, las, edf or hesrpt, and \
     perhaps a width, as in srpt/one or focus/4",
)
.live();

pub(super) static CORES: ServeOption = scheduled(
    "cores",
    "N",
    "auto",
    "Cores that work on requests; auto takes the CPU limit, rounded up",
)
.live();

pub(super) static CPU: ServeOption = scheduled(
    "cpu",
    "AMOUNT",
    "auto",
    "CPU time that requests use together: 500m, 1.5, auto for just under this container's limit, \
     or off for all of the cores",
)
.live();

pub(super) static QUEUE: ServeOption = scheduled(
    "queue",
    "N",
    "1000",
    "Requests that may wait for their first chunk; further ones are answered 503 with \
     Retry-After. off for any number",
);

pub(super) static QUEUE_TIMEOUT: ServeOption = scheduled(
    "queue-timeout",
    "TIME",
    "off",
    "How long a request may wait for its first chunk; it is answered 503 then",
);

pub(super) static AGEING: ServeOption = scheduled(
    "ageing",
    "TIME",
    "30s",
    "A request without a chunk for so long goes before all others of its tenant; off for never",
);

pub(super) static TENANT: ServeOption = scheduled(
    "tenant",
    "NAME=WEIGHT[:LIMIT]",
    "",
    "The share of a tenant, and perhaps its limit, as in web=3 or batch=1:400m; may be repeated",
)
.shaped(Shape::List)
.live();

pub(super) static NICENESS: ServeOption = scheduled(
    "niceness",
    "N",
    "10",
    "Niceness of the cores' threads, -20 to 19, so that connections are served before them",
);

pub(super) static TRUST_SCHEDULING_HEADERS: ServeOption = scheduled(
    "trust-scheduling-headers",
    "",
    "false",
    "Let clients say the priority, deadline and tenant of their requests",
)
.shaped(Shape::Switch("no-trust-scheduling-headers"));

const fn scheduled(
    name: &'static str,
    value: &'static str,
    default: &'static str,
    help: &'static str,
) -> ServeOption {
    option(Scheduling, name, value, default, help).of(&[Scheduled])
}

pub(super) static MAX_CONNECTIONS: ServeOption = option(
    Connections,
    "max-connections",
    "N",
    "off",
    "Connections at once; further ones wait in the backlog. off for any number",
);

pub(super) static KEEP_ALIVE: ServeOption = option(
    Connections,
    "keep-alive",
    "",
    "true",
    "Let a connection bring one request after the other",
)
.shaped(Shape::Switch("no-keep-alive"))
.live();

pub(super) static IDLE_TIMEOUT: ServeOption = option(
    Connections,
    "idle-timeout",
    "TIME",
    "75s",
    "How long a connection may be silent before a request",
)
.live();

pub(super) static HEADER_TIMEOUT: ServeOption = option(
    Connections,
    "header-timeout",
    "TIME",
    "10s",
    "How long the head of a request may take from its first byte on",
)
.live();

pub(super) static BODY_TIMEOUT: ServeOption = option(
    Connections,
    "body-timeout",
    "TIME",
    "30s",
    "How long a client may keep the server waiting for the next piece of a body",
)
.live();

pub(super) static WRITE_TIMEOUT: ServeOption = option(
    Connections,
    "write-timeout",
    "TIME",
    "30s",
    "How long a client may take no byte of a response",
)
.live();

pub(super) static REQUEST_TIMEOUT: ServeOption = option(
    Connections,
    "request-timeout",
    "TIME",
    "off",
    "How long a request may take until its response begins; it is answered 503 then",
)
.live();

pub(super) static MAX_HEAD: ServeOption = option(
    Connections,
    "max-head",
    "SIZE",
    "64KiB",
    "The largest head of a request, at least 8KiB",
)
.live();

pub(super) static MAX_HEADERS: ServeOption = option(
    Connections,
    "max-headers",
    "N",
    "100",
    "The most fields in the head of a request",
)
.or(None, &["limit-request-fields"])
.live();

pub(super) static MAX_BODY: ServeOption = option(
    Connections,
    "max-body",
    "SIZE",
    "8MiB",
    "The largest body of a request; a larger one is answered 413",
)
.live();

pub(super) static FORWARDED_ALLOW_IPS: ServeOption = option(
    Connections,
    "forwarded-allow-ips",
    "LIST",
    "127.0.0.1,::1,unix",
    "Peers whose X-Forwarded-* is believed: addresses and networks with commas between, unix for \
     every peer on a Unix socket, * for everybody, off for nobody",
);

pub(super) static GRACEFUL_TIMEOUT: ServeOption = option(
    Stopping,
    "graceful-timeout",
    "TIME",
    "30s",
    "How long a server that was asked to stop finishes what it accepted",
)
.live();

pub(super) static DRAIN_DELAY: ServeOption = option(
    Stopping,
    "drain-delay",
    "TIME",
    "0s",
    "How long it goes on accepting first, while /readyz says 503, so that a load balancer notices",
)
.live();

pub(super) static PARENT: ServeOption = option(
    Stopping,
    "parent",
    "PID",
    "off",
    "The process that starts this one, whose end is to stop it as TERM does; off for nobody's",
);

pub(super) static METRICS: ServeOption = option(
    Observing,
    "metrics",
    "",
    "true",
    "Answer /metrics with what was counted, for Prometheus",
)
.shaped(Shape::Switch("no-metrics"));

pub(super) static ACCESS_LOG: ServeOption = option(
    Observing,
    "access-log",
    "WHERE",
    "off",
    "Where each request leaves a line: off, - for standard output, or a file",
)
.shaped(Shape::ValueOrBare("-"))
.or(None, &["access-logfile"]);

pub(super) static ACCESS_LOG_FORMAT: ServeOption = option(
    Observing,
    "access-log-format",
    "FORMAT",
    "common",
    "How that line looks: common, as Apache writes it, or json, with all that is known",
);

pub(super) static LOG_LEVEL: ServeOption = option(
    Observing,
    "log-level",
    "LEVEL",
    "info",
    "What is said on standard error: off, error, warn, info, debug or trace",
)
.live();

pub(super) static LOG_FORMAT: ServeOption = option(
    Observing,
    "log-format",
    "FORMAT",
    "text",
    "How it is said: text or json",
);

/// All of them, in the order of the help.
pub(super) static OPTIONS: [&ServeOption; 37] = [
    &BIND,
    &BACKLOG,
    &REUSE_PORT,
    &MODEL,
    &WORKERS,
    &MAX_CHILDREN,
    &MAX_THREADS,
    &MAX_REQUESTS,
    &MAX_REQUESTS_JITTER,
    &POLICY,
    &CORES,
    &CPU,
    &QUEUE,
    &QUEUE_TIMEOUT,
    &AGEING,
    &TENANT,
    &NICENESS,
    &TRUST_SCHEDULING_HEADERS,
    &MAX_CONNECTIONS,
    &KEEP_ALIVE,
    &IDLE_TIMEOUT,
    &HEADER_TIMEOUT,
    &BODY_TIMEOUT,
    &WRITE_TIMEOUT,
    &REQUEST_TIMEOUT,
    &MAX_HEAD,
    &MAX_HEADERS,
    &MAX_BODY,
    &FORWARDED_ALLOW_IPS,
    &GRACEFUL_TIMEOUT,
    &DRAIN_DELAY,
    &PARENT,
    &METRICS,
    &ACCESS_LOG,
    &ACCESS_LOG_FORMAT,
    &LOG_LEVEL,
    &LOG_FORMAT,
];
