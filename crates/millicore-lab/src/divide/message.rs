//! What a run inside of a place tells the lab outside, a line of JSON at a time.

use crate::divide::recording::Stay;
use crate::divide::round::Round;
use crate::divide::run::Outcome;
use serde::{Deserialize, Serialize};

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// The cores are calibrated, and the first round begins.
    Calibrated,
    /// A round begins.
    Round {
        /// How many are done.
        rounds_done: usize,
        /// The policy, by its place in the plan.
        policy: usize,
        /// The repeat, counted from 1.
        repeat: usize,
    },
    /// All is done, or was stopped.
    Done(Results),
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    pub(super) work: String,
    pub(super) was_stopped: bool,
    repeats: Vec<Vec<RoundResult>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct RoundResult {
    responses_ns: Vec<u64>,
    cpu_ns: Vec<u64>,
    submission_spread_ns: u64,
    /// Core, request, begin and end.
    timeline: Vec<(usize, usize, u64, u64)>,
}

impl Message {
    /// The message of a run that is done.
    #[must_use]
    pub fn done(outcome: &Outcome) -> Self {
        let repeat = |rounds: &Vec<Round>| rounds.iter().map(RoundResult::from).collect();
        Self::Done(Results {
            work: outcome.work.clone(),
            was_stopped: outcome.was_stopped,
            repeats: outcome.repeats.iter().map(repeat).collect(),
        })
    }

    /// As a line, without its end.
    ///
    /// # Errors
    ///
    /// None that is known: every field is a number, a text or a list of them.
    pub fn to_line(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

impl Results {
    pub(super) fn repeats(&self) -> Vec<Vec<Round>> {
        let repeat = |rounds: &Vec<RoundResult>| rounds.iter().map(Round::from).collect();
        self.repeats.iter().map(repeat).collect()
    }
}

impl From<&Round> for RoundResult {
    fn from(round: &Round) -> Self {
        let stay = |it: &Stay| (it.core, it.request, it.start_ns, it.end_ns);
        Self {
            responses_ns: round.responses_ns.clone(),
            cpu_ns: round.cpu_ns.clone(),
            submission_spread_ns: round.submission_spread_ns,
            timeline: round.timeline.iter().map(stay).collect(),
        }
    }
}

impl From<&RoundResult> for Round {
    fn from(round: &RoundResult) -> Self {
        let stay = |&(core, request, start_ns, end_ns): &(usize, usize, u64, u64)| Stay {
            core,
            request,
            start_ns,
            end_ns,
        };
        Self {
            responses_ns: round.responses_ns.clone(),
            cpu_ns: round.cpu_ns.clone(),
            submission_spread_ns: round.submission_spread_ns,
            timeline: round.timeline.iter().map(stay).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Message, Results, RoundResult};
    use crate::divide::{Round, Stay};

    #[test]
    fn what_is_said_inside_is_understood_outside() {
        let round = Round {
            responses_ns: vec![1, u64::MAX],
            cpu_ns: vec![3, 4],
            submission_spread_ns: 5,
            timeline: vec![Stay {
                core: 0,
                request: 2,
                start_ns: 6,
                end_ns: 7,
            }],
        };
        let results = Results {
            work: "nothing".to_owned(),
            was_stopped: true,
            repeats: vec![vec![RoundResult::from(&round)]],
        };
        assert_eq!(results.repeats(), [[round]]);
        let begins = Message::Round {
            rounds_done: 1,
            policy: 2,
            repeat: 3,
        };
        for message in [Message::Calibrated, begins, Message::Done(results)] {
            let line = message.to_line().unwrap();
            assert!(!line.contains('\n'), "{line}");
            let understood: Message = serde_json::from_str(&line).unwrap();
            assert_eq!(understood, message);
        }
    }
}
