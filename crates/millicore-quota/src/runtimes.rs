//! How many threads well-known runtimes believe to be of use under a limit, as data.

use crate::group::ProcessGroup;
use crate::limit::ProcessLimit;
use crate::millicores::Millicores;

/// What there is to be read by a runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visible {
    /// The limit of the process's own group.
    pub own: Option<Millicores>,
    /// The smallest limit of its own group and those above it.
    pub smallest: Option<Millicores>,
    /// The processors in the affinity mask.
    pub processors: usize,
}

impl Visible {
    /// What a process has that is alone in a group with this limit.
    #[must_use]
    pub const fn alone(limit: Millicores, processors: usize) -> Self {
        Self {
            own: Some(limit),
            smallest: Some(limit),
            processors,
        }
    }

    /// What this process has: its own group is read anew.
    #[must_use]
    pub fn to_this_process(process: &ProcessLimit, own: Option<&ProcessGroup>) -> Self {
        Self {
            own: own.and_then(ProcessGroup::limit),
            smallest: process.group.as_ref().map(|group| group.limit),
            processors: process.affinity_cores.get(),
        }
    }
}

/// A runtime, and how it counts.
#[derive(Debug, Clone, Copy)]
pub struct Runtime {
    /// Its name, and what asks it.
    pub name: &'static str,
    /// How it counts, in words.
    pub rule: &'static str,
    count: fn(&Visible) -> usize,
}

impl Runtime {
    /// How many threads it believes to be of use.
    #[must_use]
    pub fn threads(&self, visible: &Visible) -> usize {
        (self.count)(visible)
    }
}

/// Those that a user may meet. Rules as of the versions named; each was seen under limits of its own
/// group and of a group above.
pub const RUNTIMES: &[Runtime] = &[
    Runtime {
        name: "Rust std, tokio, rayon",
        rule: "smallest limit of all groups, rounded down, at least 1",
        count: |visible| limited(visible.smallest, visible.processors, rounded_down),
    },
    Runtime {
        name: "Rust num_cpus 1",
        rule: "limit of the own group, rounded up",
        count: |visible| limited(visible.own, visible.processors, rounded_up),
    },
    Runtime {
        name: "Go 1.25 GOMAXPROCS",
        rule: "limit of the own group, rounded up, at least 2",
        count: |visible| limited(visible.own, visible.processors, |it| rounded_up(it).max(2)),
    },
    Runtime {
        name: "Java 17 availableProcessors",
        rule: "limit of the own group, rounded up",
        count: |visible| limited(visible.own, visible.processors, rounded_up),
    },
    Runtime {
        name: "Node 20 availableParallelism",
        rule: "affinity mask, whatever the limit",
        count: |visible| visible.processors,
    },
    Runtime {
        name: "Python os.cpu_count, nproc",
        rule: "processors, whatever the limit",
        count: |visible| visible.processors,
    },
];

fn limited(limit: Option<Millicores>, processors: usize, count: fn(Millicores) -> usize) -> usize {
    limit.map_or(processors, |limit| count(limit).clamp(1, processors.max(1)))
}

fn rounded_up(limit: Millicores) -> usize {
    limit.cores_rounded_up().get()
}

fn rounded_down(limit: Millicores) -> usize {
    usize::try_from(limit.get() / 1000).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{RUNTIMES, Visible};

    /// On two processors, in the order of the list.
    #[track_caller]
    fn check(own: Option<&str>, smallest: Option<&str>, expected: [usize; 6]) {
        let visible = Visible {
            own: own.map(|text| text.parse().unwrap()),
            smallest: smallest.map(|text| text.parse().unwrap()),
            processors: 2,
        };
        let found: Vec<usize> = RUNTIMES.iter().map(|it| it.threads(&visible)).collect();
        assert_eq!(found, expected, "{visible:?}");
    }

    #[test]
    fn runtimes_count_as_they_were_seen_to() {
        check(None, None, [2, 2, 2, 2, 2, 2]);
        check(Some("100m"), Some("100m"), [1, 1, 2, 1, 2, 2]);
        check(Some("1500m"), Some("1500m"), [1, 2, 2, 2, 2, 2]);
        check(Some("1900m"), Some("1900m"), [1, 2, 2, 2, 2, 2]);
        // A limit above the own group: most do not look there.
        check(None, Some("500m"), [1, 2, 2, 2, 2, 2]);
        check(Some("100"), Some("100"), [2, 2, 2, 2, 2, 2]);
    }
}
