//! The server that follows a plan, from its sockets to its last answer.

use super::changes::Applicable;
use super::plan::{AccessLog, Plan};
use super::print;
use super::reload::Reload;
use super::{Wished, limit};
use crate::failure::{Failure, note};
use millicore_quota::ProcessLimit;
use millicore_server::activity::Activity;
use millicore_server::application::{Application, ApplicationSettings};
use millicore_server::descriptors;
use millicore_server::draining::Draining;
use millicore_server::http::{Hooks, serve_blocking, serve_scheduled};
use millicore_server::listener::Listener;
use millicore_server::model::ConcurrencyModel;
use millicore_server::observe::access_log::AccessLog as Log;
use millicore_server::observe::log::{self, LogLevel};
use millicore_server::observe::{Observe, ObserveSettings};
use millicore_server::signals::Signals;
use millicore_server::systemd::{Notifier, ServiceState};
use std::error::Error;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, iter};
use tracing::{info, warn};

/// Serves until it is told to stop.
pub(super) fn serve(wished: Wished, plan: Plan, limit: &ProcessLimit) -> Result<(), Failure> {
    // Before any thread: those that start later take over what is blocked.
    let signals = Signals::block().map_err(failed)?;
    if let Some(parent) = plan.parent {
        signals.terminate_after(parent).map_err(failed)?;
    }
    let observing = &plan.observing;
    let log_level = log::init(observing.log_level, observing.log_format).map_err(failed)?;
    let activity = Arc::new(Activity::new().map_err(failed)?);
    let draining = Draining::shared(Arc::clone(&activity));
    let prepared = Prepared {
        signals,
        log_level,
        listeners: listeners(&plan)?,
        service: observed_application(&plan, &activity, &draining)?,
        shared: (activity, draining),
        manager: Manager::new(),
    };
    announce(&plan, limit);
    match plan.server.model {
        ConcurrencyModel::Scheduled => prepared.serve_on_executor(wished, plan, limit),
        _ => prepared.serve_blocking(wished, plan),
    }
}

/// What every model needs.
struct Prepared {
    signals: Signals,
    log_level: LogLevel,
    listeners: Vec<Listener>,
    service: Observe<Application>,
    /// What the server and the application count in, and whether the server is on its way out.
    shared: (Arc<Activity>, Draining),
    manager: Manager,
}

impl Prepared {
    fn serve_blocking(self, wished: Wished, plan: Plan) -> Result<(), Failure> {
        let settings = plan.server.clone();
        let log_level = self.log_level;
        let follow = move |changes: &Applicable| set_level(&log_level, changes);
        let reload = Reload::new(wished, plan, Box::new(follow));
        let hooks = hooks(&self.listeners, self.manager, self.shared, reload);
        let Self {
            listeners,
            service,
            signals,
            ..
        } = self;
        serve_blocking(listeners, service, &settings, signals, hooks).map_err(failed)
    }

    fn serve_on_executor(
        self,
        wished: Wished,
        plan: Plan,
        limit: &ProcessLimit,
    ) -> Result<(), Failure> {
        let settings = plan.server.clone();
        let executor = Arc::new(plan.scheduling.start().map_err(failed)?);
        let followed = Arc::new(Mutex::new(plan.scheduling.clone()));
        let watched = Arc::downgrade(&executor);
        limit::watch(&followed, limit, move |settings, old, new| {
            let executor = watched.upgrade()?;
            Some(settings.follow_limit(old, new, &executor))
        });
        let log_level = self.log_level;
        let changed = Arc::clone(&executor);
        let follow = move |changes: &Applicable| {
            set_level(&log_level, changes);
            if let Some(new) = &changes.scheduling {
                let mut latest = followed.lock().unwrap_or_else(PoisonError::into_inner);
                for error in new.apply(&latest, &changed) {
                    warn!("{error}");
                }
                latest.clone_from(new);
            }
        };
        let reload = Reload::new(wished, plan, Box::new(follow));
        let hooks = hooks(&self.listeners, self.manager, self.shared, reload);
        let Self {
            listeners,
            service,
            signals,
            ..
        } = self;
        serve_scheduled(listeners, service, executor, &settings, signals, hooks).map_err(failed)
    }
}

fn set_level(log_level: &LogLevel, changes: &Applicable) {
    if let Some(level) = changes.log_level {
        log_level.set(level);
    }
}

fn failed(error: impl Error) -> Failure {
    let causes = iter::successors(error.source(), |error| (*error).source());
    let causes: String = causes.map(|cause| format!(": {cause}")).collect();
    Failure::at("serve", format!("{error}{causes}"))
}

fn listeners(plan: &Plan) -> Result<Vec<Listener>, Failure> {
    let bind = |place| Listener::bind(place, &plan.listen);
    let listeners: Result<_, _> = plan.binds.iter().map(bind).collect();
    listeners.map_err(failed)
}

fn observed_application(
    plan: &Plan,
    activity: &Arc<Activity>,
    draining: &Draining,
) -> Result<Observe<Application>, Failure> {
    let settings = ApplicationSettings {
        trust_scheduling_headers: plan.trusts_scheduling_headers,
        serves_metrics: plan.observing.metrics,
        ..ApplicationSettings::new(plan.server.model, Arc::clone(activity), draining.clone())
    };
    let observing = ObserveSettings {
        trusted: plan.trusted_peers.clone(),
        access_log: access_log(plan)?,
        ..ObserveSettings::new(Arc::clone(activity))
    };
    Ok(Observe::new(Application::new(settings), observing))
}

fn access_log(plan: &Plan) -> Result<Log, Failure> {
    let format = plan.observing.access_log_format;
    match &plan.observing.access_log {
        AccessLog::Nowhere => Ok(Log::off()),
        AccessLog::StandardOutput => Log::to_stdout(format).map_err(failed),
        AccessLog::File(path) => {
            let file = File::options().append(true).create(true).open(path);
            let file = file.map_err(|error| Failure::at(path.display(), error))?;
            Ok(Log::to(format, file.into()))
        }
    }
}

/// Says what is served, and on how much of the machine.
fn announce(plan: &Plan, limit: &ProcessLimit) {
    for warning in &limit.warnings {
        warn!("{warning}");
    }
    let descriptors = match descriptors::raise_limit() {
        Ok(Some(most)) => format!("{most} open files at most"),
        Ok(None) => "open files without limit".to_owned(),
        Err(error) => {
            warn!("the limit on open files stays as it is: {error}");
            "open files as before".to_owned()
        }
    };
    info!("{}; {descriptors}", print::summary(plan, limit));
}

/// Whoever waits for the server, or manages it, is told how it is.
fn hooks(
    listeners: &[Listener],
    manager: Manager,
    (activity, draining): (Arc<Activity>, Draining),
    mut reload: Reload,
) -> Hooks {
    let urls: Vec<String> = listeners.iter().map(Listener::url).collect();
    let manager = Arc::new(manager);
    let [at_first, now_and_then, at_last] = [(); 3].map(|()| Arc::clone(&manager));
    Hooks {
        activity: Some(activity),
        draining,
        ready: Some(Box::new(move || {
            for url in urls {
                note(format_args!("listening on {url}"));
            }
            at_first.tell(ServiceState::Ready);
        })),
        reload: Some(Box::new(move || {
            now_and_then.tell(ServiceState::reloading_now());
            let settings = reload.again();
            now_and_then.tell(ServiceState::Ready);
            settings
        })),
        stopping: Some(Box::new(move || at_last.tell(ServiceState::Stopping))),
    }
}

/// The service manager that started this process, if one did.
#[derive(Debug)]
struct Manager(Option<Notifier>);

impl Manager {
    fn new() -> Self {
        let notifier = Notifier::new(env::var_os("NOTIFY_SOCKET").as_deref());
        Self(notifier.unwrap_or_else(|error| {
            warn!("NOTIFY_SOCKET cannot be used: {error}");
            None
        }))
    }

    fn tell(&self, state: ServiceState) {
        if let Some(notifier) = &self.0
            && let Err(error) = notifier.tell(state)
        {
            warn!("the service manager cannot be told: {error}");
        }
    }
}
