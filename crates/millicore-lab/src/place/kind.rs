//! A place by its name.

use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// Where an experiment's server runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaceKind {
    /// Beside the lab, without a limit that the kernel keeps.
    #[default]
    Process,
    /// In a control group of its own.
    Cgroup,
    /// In a container.
    Docker,
}

impl PlaceKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Process, Self::Cgroup, Self::Docker];

    /// As it is typed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Cgroup => "cgroup",
            Self::Docker => "docker",
        }
    }
}

impl fmt::Display for PlaceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for PlaceKind {
    type Err = UnknownPlace;

    fn from_str(text: &str) -> Result<Self, UnknownPlace> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.name() == text).ok_or(UnknownPlace)
    }
}

/// No place has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the places are process, cgroup and docker")]
pub struct UnknownPlace;

#[cfg(test)]
mod tests {
    use super::{PlaceKind, UnknownPlace};

    #[test]
    fn places_are_read_as_they_are_printed() {
        for kind in PlaceKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert_eq!("Docker".parse::<PlaceKind>(), Err(UnknownPlace));
    }
}
