//! Where an experiment runs and under which limit, as it was typed.

use crate::flags::FlagError;
use crate::place::{PlaceKind, find};
use millicore_quota::{Bandwidth, Enclosure, Limits, Millicores, Place, PlaceError, Spec};

/// A place, and the limit that is to hold in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// The place.
    pub place: PlaceKind,
    /// The limit; none of its own, if it is not said.
    pub limit: Option<Millicores>,
}

impl Site {
    /// Reads what was typed after `--in` and `--cpu`.
    ///
    /// # Errors
    ///
    /// Says which places there are, or what is wrong with the limit.
    pub fn new(place: &str, cpu: Option<&str>) -> Result<Self, FlagError> {
        let limit = cpu.map(|given| {
            given.parse().map_err(|source| FlagError::Cpu {
                given: given.to_owned(),
                source,
            })
        });
        Ok(Self {
            place: place.parse().map_err(|source| FlagError::Place {
                given: place.to_owned(),
                source,
            })?,
            limit: limit.transpose()?,
        })
    }

    /// Finds the place.
    ///
    /// # Errors
    ///
    /// Says why it cannot be used, and what would make it usable.
    pub(crate) fn find(self) -> Result<Box<dyn Place>, PlaceError> {
        find(self.place)
    }

    /// Makes an enclosure there with the limit.
    pub(crate) fn open(
        self,
        place: &dyn Place,
        label: &str,
    ) -> Result<Box<dyn Enclosure>, PlaceError> {
        place.open(&self.spec(label))
    }

    pub(crate) fn spec(self, label: &str) -> Spec {
        Spec {
            label: label.to_owned(),
            limits: Limits {
                bandwidth: self.limit.map(Bandwidth::of),
                weight: None,
            },
            inside: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Site;

    #[test]
    fn places_and_limits_are_read() {
        let check = |place: &str, cpu: Option<&str>, expected: Result<Option<u32>, &str>| {
            let site = Site::new(place, cpu).map_err(|error| error.to_string());
            let limit = site.map(|site| site.limit.map(millicore_quota::Millicores::get));
            assert_eq!(limit, expected.map_err(str::to_owned));
        };
        check("cgroup", None, Ok(None));
        check("docker", Some("0.5"), Ok(Some(500)));
        check(
            "pod",
            None,
            Err("--in pod: the places are process, cgroup and docker"),
        );
        check(
            "process",
            Some("fast"),
            Err(&format!(
                "--cpu fast: {}",
                "fast".parse::<millicore_quota::Millicores>().unwrap_err()
            )),
        );
    }
}
