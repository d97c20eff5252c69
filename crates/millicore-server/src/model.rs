//! The concurrency models: how a server runs its handlers.

use std::fmt;
use std::str::FromStr;

/// How a server runs its handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConcurrencyModel {
    /// One request after the other.
    Sync,
    /// A thread for each request, as `socketserver.ThreadingMixIn` of Python.
    Threads,
    /// A forked process for each request, as `socketserver.ForkingMixIn` of Python.
    Forks,
    /// Processes forked beforehand, each with one request at a time.
    Prefork,
    /// Requests on the executor, chunk by chunk, by a policy.
    Scheduled,
}

impl ConcurrencyModel {
    /// All of them, from the simplest on.
    pub const ALL: [Self; 5] = [
        Self::Sync,
        Self::Threads,
        Self::Forks,
        Self::Prefork,
        Self::Scheduled,
    ];

    /// Its name in flags and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Threads => "threads",
            Self::Forks => "forks",
            Self::Prefork => "prefork",
            Self::Scheduled => "scheduled",
        }
    }
}

impl fmt::Display for ConcurrencyModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The name is not one of a concurrency model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown concurrency model {0:?}: the known ones are sync, threads, forks, prefork, scheduled"
)]
pub struct UnknownModel(pub String);

impl FromStr for ConcurrencyModel {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<Self, UnknownModel> {
        Self::ALL
            .into_iter()
            .find(|model| model.name() == name)
            .ok_or_else(|| UnknownModel(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::ConcurrencyModel;

    #[test]
    fn a_model_is_found_by_its_name() {
        for model in ConcurrencyModel::ALL {
            assert_eq!(model.name().parse(), Ok(model));
        }
        let error = "fork".parse::<ConcurrencyModel>().unwrap_err();
        assert!(error.to_string().contains("\"fork\""), "{error}");
    }
}
