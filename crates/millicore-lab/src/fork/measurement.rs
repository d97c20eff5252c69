//! Rounds and forks, from the events.

use crate::fork::event::{Event, What};
use crate::fork::plan::members;
use crate::median::median;

/// A round, measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoundTime {
    /// Which: 0 is the one process alone.
    pub round: u32,
    /// How many computed in it.
    pub members: usize,
    /// When the first of them began, in nanoseconds since the run began. Nobody waits for anybody,
    /// so others may still have been in the round before.
    pub start_ns: u64,
    /// From there until the last of them was done, in nanoseconds.
    pub took_ns: u64,
    /// The CPU time of one computation, in nanoseconds: the median.
    pub cpu_ns: f64,
}

/// A fork, or the start of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubling {
    /// In which round it was asked for.
    pub round: u32,
    /// Who asked.
    pub parent: i32,
    /// Who came of it.
    pub child: i32,
    /// From the question until the parent began to compute again, in nanoseconds.
    pub parent_ns: u64,
    /// From the question until the child began to compute, in nanoseconds.
    pub child_ns: u64,
}

impl Doubling {
    /// What a log shows that only has the beginnings: how far they lie apart, in nanoseconds.
    #[must_use]
    pub const fn apart_ns(&self) -> u64 {
        self.parent_ns.abs_diff(self.child_ns)
    }
}

/// Sums up each round from 0 to `last`; nothing if one has no events.
pub(crate) fn rounds(events: &[Event], last: u32) -> Option<Vec<RoundTime>> {
    (0..=last).map(|round| round_time(events, round)).collect()
}

fn round_time(events: &[Event], round: u32) -> Option<RoundTime> {
    let of_round = || events.iter().filter(move |event| event.round == round);
    let starts = of_round().filter(|event| event.what == What::Started);
    let ends = of_round().filter(|event| matches!(event.what, What::Computed { .. }));
    let start_ns = starts.map(|event| event.at_ns).min()?;
    let end_ns = ends.map(|event| event.at_ns).max()?;
    let cpu_ns = of_round().filter_map(|event| match event.what {
        What::Computed { cpu_ns, .. } => Some(cpu_ns as f64),
        _ => None,
    });
    Some(RoundTime {
        round,
        members: members(round),
        start_ns,
        took_ns: end_ns.saturating_sub(start_ns),
        cpu_ns: median(cpu_ns),
    })
}

/// Every fork, in the order of the events.
pub(crate) fn doublings(events: &[Event]) -> Vec<Doubling> {
    let began_ns = |id: i32, round: u32| {
        let mut starts = events.iter().filter(|event| event.what == What::Started);
        let start = starts.find(|event| (event.id, event.round) == (id, round));
        start.map(|event| event.at_ns)
    };
    let doubling = |event: &Event| {
        let What::Forked {
            asked_ns,
            child: Some(child),
        } = event.what
        else {
            return None;
        };
        let next = event.round + 1;
        Some(Doubling {
            round: event.round,
            parent: event.id,
            child,
            parent_ns: began_ns(event.id, next)?.saturating_sub(asked_ns),
            child_ns: began_ns(child, next)?.saturating_sub(asked_ns),
        })
    };
    events.iter().filter_map(doubling).collect()
}

/// The ids of all, in the order in which they began.
pub(crate) fn ids(events: &[Event]) -> Vec<i32> {
    let mut ids = Vec::new();
    for event in events {
        if event.what == What::Started && !ids.contains(&event.id) {
            ids.push(event.id);
        }
    }
    ids
}
