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

/// Which part of the time of the cores that they could have used went to computing, from 0 to 1:
/// the rest went to other work on the machine, the kernel's included.
pub(crate) fn core_share(events: &[Event], cores: usize) -> f64 {
    let (mut active, mut before_ns) = (0_usize, 0);
    let (mut offered_ns, mut used_ns) = (0.0, 0.0);
    for event in events {
        let passed_ns = event.at_ns.saturating_sub(before_ns);
        offered_ns += passed_ns as f64 * active.min(cores) as f64;
        before_ns = event.at_ns;
        match event.what {
            What::Started => active += 1,
            What::Computed { cpu_ns, .. } => {
                active = active.saturating_sub(1);
                used_ns += cpu_ns as f64;
            }
            _ => {}
        }
    }
    f64::min(used_ns / f64::max(offered_ns, 1.0), 1.0)
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

#[cfg(test)]
mod tests {
    use super::{Doubling, core_share, doublings, ids, rounds};
    use crate::fork::event::{Event, What};

    fn event(at_ns: u64, round: u32, id: i32, parent: i32, what: What) -> Event {
        Event {
            at_ns,
            round,
            id,
            parent,
            what,
        }
    }

    fn computed(cpu_ns: u64) -> What {
        What::Computed { cpu_ns, fnv1a: 1 }
    }

    /// 7 computes, forks 8, and both compute; 8 is the first to begin.
    fn events() -> Vec<Event> {
        let forked = What::Forked {
            asked_ns: 110,
            child: Some(8),
        };
        vec![
            event(10, 0, 7, 1, What::Started),
            event(110, 0, 7, 1, computed(90)),
            event(115, 1, 8, 7, What::Started),
            event(118, 0, 7, 1, forked),
            event(120, 1, 7, 1, What::Started),
            event(220, 1, 7, 1, computed(70)),
            event(240, 1, 8, 7, computed(80)),
        ]
    }

    #[test]
    fn a_round_lasts_from_the_first_start_to_the_last_end() {
        let times = rounds(&events(), 1).unwrap();
        let summary: Vec<(u32, usize, u64, u64, f64)> = times
            .iter()
            .map(|it| (it.round, it.members, it.start_ns, it.took_ns, it.cpu_ns))
            .collect();
        assert_eq!(summary, [(0, 1, 10, 100, 90.0), (1, 2, 115, 125, 75.0)]);
        assert_eq!(rounds(&events(), 2), None);
    }

    #[test]
    fn a_fork_takes_until_both_compute() {
        let expected = Doubling {
            round: 0,
            parent: 7,
            child: 8,
            parent_ns: 10,
            child_ns: 5,
        };
        assert_eq!(doublings(&events()), [expected]);
        assert_eq!(expected.apart_ns(), 5);
        assert_eq!(ids(&events()), [7, 8]);
    }

    #[test]
    fn cores_are_offered_to_as_many_as_compute() {
        let check = |cores, offered_ns: f64| {
            assert_eq!(core_share(&events(), cores), 240.0 / offered_ns);
        };
        // 100 alone, 5 of 8 alone, 100 of both, 20 of 8 alone.
        check(2, 100.0 + 5.0 + 200.0 + 20.0);
        check(9, 100.0 + 5.0 + 200.0 + 20.0);
        // On one core no more is offered than passes, of which 240 was used: all, and not more.
        assert_eq!(core_share(&events(), 1), 1.0);
    }
}
