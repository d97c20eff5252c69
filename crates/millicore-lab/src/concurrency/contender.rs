//! Who is asked, and for what: concurrency models with what makes them differ, and two endpoints.

use millicore::Policy;
use millicore_server::model::ConcurrencyModel;
use serde::Serialize;
use std::fmt;

/// A server, by all that makes it differ from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contender {
    /// How it runs its handlers.
    pub model: ConcurrencyModel,
    /// How many processes it has forked beforehand; of `prefork` only.
    pub workers: Option<usize>,
    /// Whose turn it is; of `scheduled` only, and only where CPU time is asked for.
    pub policy: Option<Policy>,
}

impl Contender {
    /// How many of so many requests it takes at the same time.
    #[must_use]
    pub const fn slots(&self, requests: usize) -> usize {
        match (self.model, self.workers) {
            (ConcurrencyModel::Sync, _) => 1,
            (ConcurrencyModel::Prefork, Some(workers)) if workers < requests => workers,
            _ => requests,
        }
    }

    /// What `millicore serve` is told to be it.
    #[must_use]
    pub fn arguments(&self, requests: usize, cores: usize) -> Vec<String> {
        let mut arguments = vec!["--model".to_owned(), self.model.to_string()];
        let mut add = |flag: &str, value: String| arguments.extend([flag.to_owned(), value]);
        match self.model {
            // Its default bounds how many there are.
            ConcurrencyModel::Forks => add("--max-children", requests.to_string()),
            ConcurrencyModel::Scheduled => {
                add("--cores", cores.to_string());
                // Other work on the machine is to take as much from it as from the others.
                add("--niceness", "0".to_owned());
            }
            ConcurrencyModel::Sync | ConcurrencyModel::Threads | ConcurrencyModel::Prefork => {}
        }
        if let Some(workers) = self.workers {
            add("--workers", workers.to_string());
        }
        if let Some(policy) = self.policy {
            add("--policy", policy.to_string());
        }
        arguments
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match (self.workers, self.policy) {
            (Some(workers), _) => format!("{} {workers}", self.model),
            (_, Some(policy)) => format!("{} {policy}", self.model),
            (None, None) => self.model.to_string(),
        };
        f.pad(&name)
    }
}

/// What every contender is asked for: so long of waiting, or of computing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which of the two.
    pub kind: PartKind,
    /// How long each request waits, or how much CPU time it needs, in milliseconds.
    pub length_ms: u64,
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PartKind {
    /// It waits, and needs no CPU time.
    Sleep,
    /// It computes.
    Spin,
}

impl PartKind {
    /// Its name in flags and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sleep => "sleep",
            Self::Spin => "spin",
        }
    }
}

impl Part {
    /// The path of the endpoint.
    #[must_use]
    pub fn path(&self) -> String {
        match (self.kind, self.length_ms) {
            // The endpoint of the article.
            (PartKind::Sleep, 1000) => "/".to_owned(),
            (PartKind::Sleep, length_ms) => format!("/sleep?ms={length_ms}"),
            (PartKind::Spin, length_ms) => format!("/spin?ms={length_ms}"),
        }
    }

    /// The length in nanoseconds.
    #[must_use]
    pub const fn length_ns(&self) -> u64 {
        self.length_ms * 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::{Contender, Part, PartKind};
    use millicore_server::model::ConcurrencyModel::{self, Forks, Prefork, Scheduled, Sync};

    fn contender(model: ConcurrencyModel) -> Contender {
        Contender {
            model,
            workers: (model == Prefork).then_some(2),
            policy: (model == Scheduled).then(|| "srpt/one".parse().unwrap()),
        }
    }

    #[track_caller]
    fn check(model: ConcurrencyModel, name: &str, slots: usize, arguments: &str) {
        let contender = contender(model);
        assert_eq!(
            (contender.to_string().as_str(), contender.slots(5)),
            (name, slots)
        );
        assert_eq!(contender.arguments(5, 3).join(" "), arguments);
    }

    #[test]
    fn every_contender_is_a_command() {
        check(Sync, "sync", 1, "--model sync");
        check(Forks, "forks", 5, "--model forks --max-children 5");
        check(Prefork, "prefork 2", 2, "--model prefork --workers 2");
        let scheduled = "--model scheduled --cores 3 --niceness 0 --policy srpt/one";
        check(Scheduled, "scheduled srpt/one", 5, scheduled);
    }

    #[test]
    fn a_second_of_waiting_is_the_endpoint_of_the_article() {
        let path = |kind, length_ms| Part { kind, length_ms }.path();
        assert_eq!(path(PartKind::Sleep, 1000), "/");
        assert_eq!(path(PartKind::Sleep, 20), "/sleep?ms=20");
        assert_eq!(path(PartKind::Spin, 1000), "/spin?ms=1000");
    }
}
