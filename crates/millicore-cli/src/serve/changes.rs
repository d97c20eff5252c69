//! What a server that runs takes from settings that were read again, and what it cannot.

use super::options as option;
use super::options::{OPTIONS, ServeOption};
use super::plan::Plan;
use millicore_server::observe::log::LevelFilter;
use millicore_server::scheduling::{SchedulingSettings, TenantShare};
use millicore_server::settings::ServerSettings;
use std::fmt;

/// New values, where they differ, that hold from now on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Applicable {
    /// Of it what a server can change while it runs.
    pub(crate) server: Option<ServerSettings>,
    /// Of it what an executor can change while it runs.
    pub(crate) scheduling: Option<SchedulingSettings>,
    pub(crate) log_level: Option<LevelFilter>,
}

/// A change that has to wait for a new start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotNow {
    option: &'static str,
    old: String,
    new: String,
}

impl fmt::Display for NotNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { option, old, new } = self;
        write!(
            f,
            "{option} is still {old:?}: {new:?} needs a new start of the server"
        )
    }
}

/// What a server that was started by one plan cannot take from another.
pub(crate) fn not_now(started: &Plan, new: &Plan) -> Vec<NotNow> {
    let dead = OPTIONS
        .into_iter()
        .filter(|option| !option.is_live && concerns(option, started, new));
    let changed = dead.filter_map(|option| differing(option, started, new));
    changed.chain(removed_tenants(started, new)).collect()
}

/// Of the options that only one of two models knows, the change of the model says enough.
fn concerns(option: &ServeOption, old: &Plan, new: &Plan) -> bool {
    option.serves(old.server.model) && option.serves(new.server.model)
}

fn differing(option: &'static ServeOption, old: &Plan, new: &Plan) -> Option<NotNow> {
    let text = |plan: &Plan| plan.wishes.setting(option).text();
    let (old, new) = (text(old), text(new));
    (old != new).then_some(NotNow {
        option: option.name,
        old,
        new,
    })
}

/// A share can change; that somebody was a tenant cannot be undone.
fn removed_tenants(old: &Plan, new: &Plan) -> Option<NotNow> {
    let (old, new) = (&old.scheduling.tenants, &new.scheduling.tenants);
    let is_gone = |tenant: &&TenantShare| !new.iter().any(|other| other.name == tenant.name);
    let names = |tenants: Vec<&TenantShare>| {
        let names: Vec<&str> = tenants.iter().map(|tenant| tenant.name.as_str()).collect();
        names.join(",")
    };
    let is_any_gone = old.iter().any(|tenant| is_gone(&tenant));
    is_any_gone.then(|| NotNow {
        option: option::TENANT.name,
        old: names(old.iter().collect()),
        new: names(new.iter().collect()),
    })
}

/// What a server that follows one plan does to follow another: nothing, if that is for another model.
pub(crate) fn applicable(latest: &Plan, new: &Plan) -> Applicable {
    if latest.server.model != new.server.model {
        return Applicable::default();
    }
    let changed = |options: &[&'static ServeOption]| {
        let mut options = options.iter();
        options.any(|option| differing(option, latest, new).is_some())
    };
    Applicable {
        server: changed(&SERVER).then(|| new.server.clone()),
        scheduling: changed(&SCHEDULING).then(|| new.scheduling.clone()),
        log_level: changed(&[&option::LOG_LEVEL]).then_some(new.observing.log_level),
    }
}

/// What an executor can change while it runs.
const SCHEDULING: [&ServeOption; 4] = [
    &option::POLICY,
    &option::CORES,
    &option::CPU,
    &option::TENANT,
];

/// What a server can change while it runs.
const SERVER: [&ServeOption; 14] = [
    &option::WORKERS,
    &option::MAX_CHILDREN,
    &option::MAX_THREADS,
    &option::GRACEFUL_TIMEOUT,
    &option::DRAIN_DELAY,
    &option::KEEP_ALIVE,
    &option::IDLE_TIMEOUT,
    &option::HEADER_TIMEOUT,
    &option::BODY_TIMEOUT,
    &option::WRITE_TIMEOUT,
    &option::REQUEST_TIMEOUT,
    &option::MAX_HEAD,
    &option::MAX_HEADERS,
    &option::MAX_BODY,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;
    use crate::serve::options::by_name;
    use crate::serve::wishes::{Source, Wishes};
    use millicore_quota::ProcessLimit;
    use std::num::NonZeroUsize;

    fn plan(typed: &str) -> Plan {
        try_plan(typed).unwrap()
    }

    fn try_plan(typed: &str) -> Result<Plan, Failure> {
        let limit = ProcessLimit {
            group: None,
            affinity_cores: NonZeroUsize::MIN,
            warnings: Vec::new(),
        };
        let mut wishes = Wishes::default();
        for word in typed.split_whitespace() {
            let (name, text) = word.split_once('=').unwrap();
            let texts = text.split('|').map(str::to_owned).collect();
            wishes.insert(by_name(name).unwrap(), texts, Source::CommandLine);
        }
        Plan::new(wishes, &limit)
    }

    #[track_caller]
    fn check(old: &str, new: &str, expected: &Applicable, not_now: &[&str]) {
        let (old, new) = (plan(old), plan(new));
        let applicable = applicable(&old, &new);
        assert_eq!(format!("{applicable:?}"), format!("{expected:?}"));
        let refused = super::not_now(&old, &new);
        let refused: Vec<String> = refused.iter().map(ToString::to_string).collect();
        assert_eq!(refused, not_now);
    }

    #[test]
    fn the_same_settings_change_nothing() {
        check("queue=5", "queue=5", &Applicable::default(), &[]);
    }

    #[test]
    fn what_can_change_while_running_changes() {
        let typed = "policy=srpt cores=3 cpu=off tenant=a=2|b=1 log-level=debug";
        let expected = Applicable {
            scheduling: Some(plan(typed).scheduling),
            log_level: Some(LevelFilter::DEBUG),
            ..Applicable::default()
        };
        check("tenant=a=1|b=1", typed, &expected, &[]);
        let typed = "model=prefork workers=3";
        let expected = Applicable {
            server: Some(plan(typed).server),
            ..Applicable::default()
        };
        check("model=prefork", typed, &expected, &[]);
    }

    #[test]
    fn every_setting_of_a_server_that_can_change_does() {
        let of_all_models = SERVER
            .into_iter()
            .filter(|option| option.serves_every_model());
        for option in of_all_models {
            let typed = ["11", "11s", "64K", "false"]
                .map(|text| format!("{}={text}", option.name))
                .into_iter()
                .find(|typed| try_plan(typed).is_ok())
                .unwrap();
            let expected = Applicable {
                server: Some(plan(&typed).server),
                ..Applicable::default()
            };
            check("", &typed, &expected, &[]);
        }
    }

    #[test]
    fn what_needs_a_new_start_is_named() {
        let kept = Applicable::default();
        let queue = "queue is still \"1000\": \"5\" needs a new start of the server";
        check("", "queue=5", &kept, &[queue]);
        let bind = "bind is still \"a:1\": \"a:2\" needs a new start of the server";
        check("bind=a:1", "bind=a:2", &kept, &[bind]);
        let tenant = "tenant is still \"a,b\": \"a\" needs a new start of the server";
        let fewer = Applicable {
            scheduling: Some(plan("tenant=a=1").scheduling),
            ..Applicable::default()
        };
        check("tenant=a=1|b=1", "tenant=a=1", &fewer, &[tenant]);
        let model = "model is still \"scheduled\": \"prefork\" needs a new start of the server";
        check("queue=5", "model=prefork workers=3", &kept, &[model]);
    }

    #[test]
    fn an_option_is_either_applied_or_named() {
        let applied: Vec<&str> = SCHEDULING
            .into_iter()
            .chain(SERVER)
            .chain([&option::LOG_LEVEL])
            .map(|option| option.name)
            .collect();
        for option in OPTIONS {
            assert_eq!(
                option.is_live,
                applied.contains(&option.name),
                "{}",
                option.name
            );
        }
    }
}
