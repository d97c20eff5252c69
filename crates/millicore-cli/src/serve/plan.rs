//! What will be served and how: wishes that were found to go together, with nothing left open.

use super::options as option;
use super::options::{OPTIONS, ServeOption};
use super::values::{count, cpu, duration, or_auto, or_off, size, switch, tenant, wait, whole};
use super::wishes::{Place, Source, Wishes};
use crate::failure::Failure;
use millicore_quota::ProcessLimit;
use millicore_server::address::Bind;
use millicore_server::listener::ListenOptions;
use millicore_server::model::ConcurrencyModel;
use millicore_server::observe::access_log::AccessLogFormat;
use millicore_server::observe::forwarded::TrustedPeers;
use millicore_server::observe::log::{LevelFilter, LogFormat};
use millicore_server::scheduling::SchedulingSettings;
use millicore_server::settings::{ConnectionSettings, ServerSettings};
use millicore_sim::Policy;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

/// Valid settings of a server.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) binds: Vec<Bind>,
    pub(crate) listen: ListenOptions,
    pub(crate) server: ServerSettings,
    pub(crate) scheduling: SchedulingSettings,
    /// Whether clients say the priority, deadline and tenant of their requests.
    pub(crate) trusts_scheduling_headers: bool,
    pub(crate) observing: Observing,
    /// Peers whose X-Forwarded-* is believed.
    pub(crate) trusted_peers: TrustedPeers,
    /// The process whose end stops the server.
    pub(crate) parent: Option<i32>,
    /// What it was made of, to be printed and compared.
    pub(super) wishes: Wishes,
}

/// What is said about requests, and where.
#[derive(Clone, Debug)]
pub(crate) struct Observing {
    /// Whether `/metrics` is there.
    pub(crate) metrics: bool,
    pub(crate) access_log: AccessLog,
    pub(crate) access_log_format: AccessLogFormat,
    pub(crate) log_level: LevelFilter,
    pub(crate) log_format: LogFormat,
}

/// Where each request leaves a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AccessLog {
    Nowhere,
    StandardOutput,
    File(PathBuf),
}

/// More threads or processes than any machine starts.
const MOST_SLOTS: usize = 1_000_000;

impl Plan {
    pub(super) fn new(wishes: Wishes, limit: &ProcessLimit) -> Result<Self, Failure> {
        let model = wishes.value(&option::MODEL, str::parse)?;
        refuse_unknown_to_the_model(&wishes, model)?;
        let plan = Self {
            binds: binds(&wishes)?,
            listen: listen_options(&wishes)?,
            server: server(&wishes, model, limit)?,
            scheduling: scheduling(&wishes)?,
            trusts_scheduling_headers: wishes.value(&option::TRUST_SCHEDULING_HEADERS, switch)?,
            observing: observing(&wishes)?,
            trusted_peers: wishes.value(&option::FORWARDED_ALLOW_IPS, str::parse)?,
            parent: wishes.value(&option::PARENT, or_off(whole(1, i32::MAX)))?,
            wishes,
        };
        plan.check_jitter()?;
        plan.check_tenants()?;
        Ok(plan)
    }

    fn check_jitter(&self) -> Result<(), Failure> {
        let jitter = self.server.max_requests_jitter;
        if jitter == 0 || self.server.max_requests.is_some() {
            return Ok(());
        }
        let problem = "without --max-requests no worker is replaced: give both or neither";
        Err(self.refuse(&option::MAX_REQUESTS_JITTER, &jitter.to_string(), problem))
    }

    fn check_tenants(&self) -> Result<(), Failure> {
        let tenants = &self.scheduling.tenants;
        let twice = tenants.iter().enumerate().find(|(index, tenant)| {
            tenants[..*index]
                .iter()
                .any(|other| other.name == tenant.name)
        });
        match twice {
            Some((index, tenant)) => {
                let text = &self.wishes.setting(&option::TENANT).texts[index];
                let problem = format!("the tenant {:?} is there already", tenant.name);
                Err(self.refuse(&option::TENANT, text, &problem))
            }
            None => Ok(()),
        }
    }

    fn refuse(&self, option: &ServeOption, text: &str, problem: &str) -> Failure {
        self.wishes.setting(option).refuse(option, text, problem)
    }
}

/// An option that was set to no effect was meant to have one.
fn refuse_unknown_to_the_model(wishes: &Wishes, model: ConcurrencyModel) -> Result<(), Failure> {
    let unknown = OPTIONS.into_iter().find(|option| {
        let source = wishes.setting(option).source;
        !option.serves(model) && !matches!(source, Source::Default | Source::Convention(_))
    });
    let Some(option) = unknown else {
        return Ok(());
    };
    let setting = wishes.setting(option);
    let model_setting = wishes.setting(&option::MODEL);
    let chosen = match model_setting.source {
        Source::Default => format!("{model}, the default"),
        _ => Place {
            option: &option::MODEL,
            text: model.name(),
            source: &model_setting.source,
        }
        .to_string(),
    };
    let problem = format!(
        "the model is {chosen}, and {} is an option of {}: leave it out, or choose another model{}",
        option.name,
        option.model_names(),
        instead(option, model),
    );
    Err(setting.refuse(option, &setting.text(), problem))
}

/// What does in this model what somebody seems to want.
fn instead(option: &ServeOption, model: ConcurrencyModel) -> String {
    const SLOTS: [&ServeOption; 4] = [
        &option::WORKERS,
        &option::MAX_CHILDREN,
        &option::MAX_THREADS,
        &option::CORES,
    ];
    let is_slots = |option: &ServeOption| SLOTS.iter().any(|slots| slots.name == option.name);
    match SLOTS.into_iter().find(|slots| slots.serves(model)) {
        Some(slots) if is_slots(option) => format!("; {model} has --{}", slots.name),
        _ => String::new(),
    }
}

fn binds(wishes: &Wishes) -> Result<Vec<Bind>, Failure> {
    let binds: Vec<Bind> = wishes.list(&option::BIND, str::parse)?;
    let setting = wishes.setting(&option::BIND);
    if binds.is_empty() {
        return Err(setting.refuse(&option::BIND, "[]", "it must listen somewhere"));
    }
    for (index, bind) in binds.iter().enumerate() {
        let can_repeat = matches!(bind, Bind::Tcp { port: 0, .. });
        if !can_repeat && binds[..index].contains(bind) {
            let problem = "it is there already";
            return Err(setting.refuse(&option::BIND, &setting.texts[index], problem));
        }
    }
    Ok(binds)
}

fn listen_options(wishes: &Wishes) -> Result<ListenOptions, Failure> {
    Ok(ListenOptions {
        backlog: wishes.value(&option::BACKLOG, whole(1, i32::MAX))?,
        reuse_port: wishes.value(&option::REUSE_PORT, switch)?,
        ..ListenOptions::default()
    })
}

fn server(
    wishes: &Wishes,
    model: ConcurrencyModel,
    limit: &ProcessLimit,
) -> Result<ServerSettings, Failure> {
    let workers = wishes_of(model, wishes, &option::WORKERS, or_auto(count(MOST_SLOTS)))?;
    let max_requests = wishes.value(&option::MAX_REQUESTS, or_off(whole(1, u64::MAX)))?;
    let max_connections = wishes.value(&option::MAX_CONNECTIONS, or_off(count(usize::MAX)))?;
    Ok(ServerSettings {
        model,
        workers: workers.unwrap_or_else(|| limit.cores()),
        max_children: wishes.value(&option::MAX_CHILDREN, count(MOST_SLOTS))?,
        max_threads: wishes.value(&option::MAX_THREADS, or_off(count(MOST_SLOTS)))?,
        max_connections: max_connections.unwrap_or(NonZeroUsize::MAX),
        max_requests: max_requests.and_then(NonZeroU64::new),
        max_requests_jitter: wishes.value(&option::MAX_REQUESTS_JITTER, whole(0, u64::MAX))?,
        graceful_timeout: wishes.value(&option::GRACEFUL_TIMEOUT, duration)?,
        drain_delay: wishes.value(&option::DRAIN_DELAY, duration)?,
        connection: connection(wishes)?,
    })
}

/// A value that a platform sets for every server is read only where it means something.
fn wishes_of<T>(
    model: ConcurrencyModel,
    wishes: &Wishes,
    option: &ServeOption,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<T, Failure> {
    match option.serves(model) {
        true => wishes.value(option, parse),
        false => Wishes::default().value(option, parse),
    }
}

/// The least that hyper takes for its buffer.
const LEAST_HEAD_BYTES: u64 = 8 * 1024;
const MOST_HEAD_BYTES: u64 = 16 * 1024 * 1024;
const MOST_HEADERS: usize = 10_000;

fn connection(wishes: &Wishes) -> Result<ConnectionSettings, Failure> {
    let head = wishes.value(&option::MAX_HEAD, size(LEAST_HEAD_BYTES, MOST_HEAD_BYTES))?;
    Ok(ConnectionSettings {
        keep_alive: wishes.value(&option::KEEP_ALIVE, switch)?,
        idle_timeout: wishes.value(&option::IDLE_TIMEOUT, wait)?,
        header_timeout: wishes.value(&option::HEADER_TIMEOUT, wait)?,
        body_timeout: wishes.value(&option::BODY_TIMEOUT, wait)?,
        write_timeout: wishes.value(&option::WRITE_TIMEOUT, wait)?,
        request_timeout: wishes.value(&option::REQUEST_TIMEOUT, or_off(wait))?,
        max_head_bytes: usize::try_from(head).unwrap_or(usize::MAX),
        max_headers: wishes.value(&option::MAX_HEADERS, whole(1, MOST_HEADERS))?,
        max_body_bytes: wishes.value(&option::MAX_BODY, size(0, u64::MAX))?,
    })
}

fn scheduling(wishes: &Wishes) -> Result<SchedulingSettings, Failure> {
    let policy = |text: &str| text.parse::<Policy>().map_err(|error| error.to_string());
    Ok(SchedulingSettings {
        policy: wishes.value(&option::POLICY, policy)?,
        cores: wishes.value(&option::CORES, or_auto(count(MOST_SLOTS)))?,
        cpu: wishes.value(&option::CPU, cpu)?,
        max_waiting: wishes.value(&option::QUEUE, or_off(whole(1, u32::MAX)))?,
        max_wait: wishes.value(&option::QUEUE_TIMEOUT, or_off(wait))?,
        ageing: wishes.value(&option::AGEING, or_off(wait))?,
        tenants: wishes.list(&option::TENANT, tenant)?,
        niceness: wishes.value(&option::NICENESS, whole(-20, 19))?,
    })
}

fn observing(wishes: &Wishes) -> Result<Observing, Failure> {
    Ok(Observing {
        metrics: wishes.value(&option::METRICS, switch)?,
        access_log: wishes.value(&option::ACCESS_LOG, access_log)?,
        access_log_format: wishes.value(&option::ACCESS_LOG_FORMAT, str::parse)?,
        log_level: wishes.value(&option::LOG_LEVEL, log_level)?,
        log_format: wishes.value(&option::LOG_FORMAT, str::parse)?,
    })
}

fn access_log(text: &str) -> Result<AccessLog, String> {
    match switch(text) {
        Ok(false) => Ok(AccessLog::Nowhere),
        Ok(true) => Ok(AccessLog::StandardOutput),
        Err(_) if text == "-" => Ok(AccessLog::StandardOutput),
        Err(_) if text.is_empty() => Err("it must be off, -, or a file".to_owned()),
        Err(_) => Ok(AccessLog::File(text.into())),
    }
}

fn log_level(text: &str) -> Result<LevelFilter, String> {
    match text.to_ascii_lowercase().as_str() {
        "off" => Ok(LevelFilter::OFF),
        "error" => Ok(LevelFilter::ERROR),
        "warn" | "warning" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        "trace" => Ok(LevelFilter::TRACE),
        _ => Err("it must be off, error, warn, info, debug or trace".to_owned()),
    }
}

#[cfg(test)]
mod tests;
