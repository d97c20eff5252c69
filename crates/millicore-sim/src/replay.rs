//! Replay: the same events in a fresh scheduler must give the same answers.
//!
//! The executor on real threads writes down what it told its scheduler and what was answered.
//! Whatever threads and clocks did there, the decisions must be those of the simulator.

use millicore_policy::journal::{Answer, Entry};
use millicore_policy::scheduler::{Config, Decision, Scheduler};

/// Replays a journal from its beginning.
///
/// # Errors
///
/// The first entry that is missing or is answered otherwise.
pub fn replay(
    config: &Config,
    journal: impl IntoIterator<Item = Entry>,
) -> Result<ReplayCount, Divergence> {
    let mut scheduler = Scheduler::new(config);
    let mut count = ReplayCount::default();
    for entry in journal {
        if entry.sequence != count.events {
            return Err(Divergence::Gap {
                expected: count.events,
                found: entry.sequence,
            });
        }
        let answer = scheduler.apply(entry.now_ns, &entry.event);
        if answer != entry.answer {
            return Err(Divergence::Answer(Box::new(AnswerDivergence {
                entry,
                replayed: answer,
            })));
        }
        count.events += 1;
        count.chunks += u64::from(matches!(answer, Answer::Decided(Decision::Run { .. })));
    }
    Ok(count)
}

/// How much was replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayCount {
    /// Entries of the journal.
    pub events: u64,
    /// How many of them started a chunk.
    pub chunks: u64,
}

/// Where a journal and its replay part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Divergence {
    /// Entries are missing or out of order.
    #[error("the journal continues with entry {found} where entry {expected} should stand")]
    Gap {
        /// The sequence number that should come.
        expected: u64,
        /// The one that comes.
        found: u64,
    },
    /// The answers differ.
    #[error(transparent)]
    Answer(Box<AnswerDivergence>),
}

/// An entry that is answered otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "entry {} at {} ns, {:?}: the journal says {:?}, the replay {replayed:?}",
    entry.sequence,
    entry.now_ns,
    entry.event,
    entry.answer
)]
pub struct AnswerDivergence {
    /// The entry with the answer that was recorded.
    pub entry: Entry,
    /// What is answered now.
    pub replayed: Answer,
}

#[cfg(test)]
mod tests {
    use super::{Divergence, ReplayCount, replay};
    use crate::Setup;
    use millicore_policy::Policy;
    use millicore_policy::journal::{Answer, Entry, Event};
    use millicore_policy::scheduler::{Arrival, Config, Decision, Scheduler};
    use millicore_policy::work::Size;

    fn config() -> Config {
        Setup {
            chunk_ns: 10,
            ..Setup::new(Policy::srpt(), 2)
        }
        .scheduler_config()
    }

    /// Three requests on two cores, written down as a driver would.
    fn journal() -> Vec<Entry> {
        let mut scheduler = Scheduler::new(&config());
        let mut events: Vec<(u64, Event)> = (1..4)
            .map(|id| {
                (
                    0,
                    Event::Arrive(Box::new(Arrival::new(id, Size::Estimate(50 * id)))),
                )
            })
            .collect();
        for now_ns in (0..60).step_by(10) {
            for core in 0..2 {
                if now_ns > 0 {
                    events.push((
                        now_ns,
                        Event::EndSlice {
                            core,
                            used_ns: 7,
                            claimable: 9,
                        },
                    ));
                }
                events.push((now_ns, Event::Pick { core }));
            }
        }
        let apply = |(sequence, (now_ns, event)): (u64, (u64, Event))| {
            let answer = scheduler.apply(now_ns, &event);
            Entry {
                sequence,
                now_ns,
                event,
                answer,
            }
        };
        (0..).zip(events).map(apply).collect()
    }

    #[test]
    fn a_true_journal_replays() {
        assert_eq!(
            replay(&config(), journal()),
            Ok(ReplayCount {
                events: 25,
                chunks: 12
            })
        );
    }

    #[test]
    fn another_policy_diverges() {
        let other = Config {
            policy: Policy::las(),
            ..config()
        };
        let Err(Divergence::Answer(divergence)) = replay(&other, journal()) else {
            panic!("las decides otherwise than srpt");
        };
        assert_eq!(divergence.entry.sequence, 4);
        assert_eq!(divergence.entry.event, Event::Pick { core: 1 });
        let Answer::Decided(Decision::Run { id, .. }) = divergence.replayed else {
            panic!("a core has work");
        };
        assert_eq!(id, 2);
    }

    #[test]
    fn a_missing_entry_is_noticed() {
        let mut journal = journal();
        journal.remove(7);
        let gap = Divergence::Gap {
            expected: 7,
            found: 8,
        };
        assert_eq!(replay(&config(), journal), Err(gap));
    }
}
