//! What a policy was measured at: medians over the repeats.

use crate::divide::prediction::Prediction;
use crate::divide::recording::Stay;
use crate::divide::round::Round;
use crate::median::{median, median_index};
use millicore::Policy;

/// One policy, measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// The policy.
    pub policy: Policy,
    /// What was expected of it.
    pub prediction: Prediction,
    /// The response time of each request in nanoseconds, in the order of submission: the median
    /// over the repeats.
    pub responses_ns: Vec<f64>,
    /// The mean of these.
    pub mean_ns: f64,
    /// The mean response time in each repeat, in nanoseconds.
    pub repeat_means_ns: Vec<f64>,
    /// The CPU time of a request, in nanoseconds: the median over all requests of all repeats.
    pub cpu_ns: f64,
    /// Which part of the time that cores held a request was CPU time of it, from 0 to 1: the rest
    /// went to other work on the machine, the kernel's included. The median over the repeats.
    pub core_share: f64,
    /// Between the first arrival and the last, in nanoseconds: the median over the repeats.
    pub submission_spread_ns: f64,
    /// Which request each core worked on in the repeat whose mean is the median.
    pub timeline: Vec<Stay>,
}

impl Measurement {
    /// Sums up the rounds of a policy, one of each repeat; nothing of none.
    pub(crate) fn new(policy: Policy, prediction: Prediction, rounds: &[&Round]) -> Option<Self> {
        let repeat_means_ns: Vec<f64> = rounds
            .iter()
            .map(|round| round.mean_response_ns())
            .collect();
        let requests = rounds.first()?.responses_ns.len();
        let response_of = |request: usize| {
            let of_all_repeats = rounds.iter().filter_map(|it| it.responses_ns.get(request));
            median(of_all_repeats.map(|&ns| ns as f64))
        };
        let responses_ns: Vec<f64> = (0..requests).map(response_of).collect();
        let cpu_of_all = rounds.iter().flat_map(|round| &round.cpu_ns);
        Some(Self {
            policy,
            prediction,
            mean_ns: responses_ns.iter().sum::<f64>() / requests.max(1) as f64,
            responses_ns,
            cpu_ns: median(cpu_of_all.map(|&ns| ns as f64)),
            core_share: median(rounds.iter().map(|round| core_share(round))),
            submission_spread_ns: median(rounds.iter().map(|it| it.submission_spread_ns as f64)),
            timeline: rounds[median_index(&repeat_means_ns)].timeline.clone(),
            repeat_means_ns,
        })
    }

    /// By how much the mean is above the predicted one, in per cent.
    #[must_use]
    pub fn difference_percent(&self) -> f64 {
        percent_above(self.mean_ns, self.prediction.mean_ns)
    }

    /// Between which means the middle half of the repeats lies, in nanoseconds: the quartiles by
    /// nearest rank, which of up to three repeats are the least and the greatest. So one repeat
    /// that something disturbed does not spoil many.
    #[must_use]
    pub fn middle_half_ns(&self) -> (f64, f64) {
        let mut ascending = self.repeat_means_ns.clone();
        ascending.sort_by(f64::total_cmp);
        let repeats = ascending.len();
        let at_rank = |rank: usize| {
            ascending
                .get(rank.saturating_sub(1))
                .copied()
                .unwrap_or(0.0)
        };
        (
            at_rank(repeats.div_ceil(4)),
            at_rank((3 * repeats).div_ceil(4)),
        )
    }
}

fn core_share(round: &Round) -> f64 {
    let held_ns = round
        .timeline
        .iter()
        .map(|stay| (stay.end_ns - stay.start_ns) as f64);
    let cpu_ns = round.cpu_ns.iter().map(|&ns| ns as f64);
    let share = cpu_ns.sum::<f64>() / held_ns.sum::<f64>().max(1.0);
    share.min(1.0)
}

/// By how much a value is above a base, in per cent of the base.
pub(crate) fn percent_above(value: f64, base: f64) -> f64 {
    100.0 * (value / base - 1.0)
}

#[cfg(test)]
mod tests {
    use super::Measurement;
    use crate::divide::{Prediction, Round, Stay};
    use millicore::Policy;

    #[test]
    fn a_disturbed_repeat_is_outside_of_the_middle_half() {
        let check = |repeat_means_ns: &[u64], expected: (f64, f64)| {
            let round = |&mean_ns: &u64| Round {
                responses_ns: vec![mean_ns],
                cpu_ns: vec![mean_ns],
                submission_spread_ns: 0,
                timeline: Vec::new(),
            };
            let rounds: Vec<Round> = repeat_means_ns.iter().map(round).collect();
            let rounds: Vec<&Round> = rounds.iter().collect();
            let prediction = Prediction {
                mean_ns: 1.0,
                makespan_ns: 1,
                closed_form_mean_ns: None,
            };
            let measured = Measurement::new(Policy::fifo(), prediction, &rounds).unwrap();
            assert_eq!(measured.middle_half_ns(), expected, "{repeat_means_ns:?}");
        };
        check(&[5], (5.0, 5.0));
        check(&[5, 4], (4.0, 5.0));
        check(&[99, 2, 3], (2.0, 99.0));
        check(&[99, 1, 2, 3], (1.0, 3.0));
        check(&[1, 99, 3, 2, 4], (2.0, 4.0));
    }

    #[test]
    fn repeats_are_summed_up() {
        let round = |responses_ns: [u64; 2], cpu_ns, submission_spread_ns| Round {
            responses_ns: responses_ns.to_vec(),
            cpu_ns: vec![cpu_ns, cpu_ns],
            submission_spread_ns,
            timeline: vec![Stay {
                core: 0,
                request: 1,
                start_ns: 0,
                end_ns: responses_ns[0],
            }],
        };
        let rounds = [
            round([10, 20], 5, 1),
            round([12, 90], 7, 2),
            round([14, 22], 6, 3),
        ];
        let prediction = Prediction {
            mean_ns: 16.0,
            makespan_ns: 20,
            closed_form_mean_ns: None,
        };
        let rounds: Vec<&Round> = rounds.iter().collect();
        let measured = Measurement::new(Policy::fifo(), prediction, &rounds).unwrap();
        assert_eq!(measured.responses_ns, [12.0, 22.0]);
        assert_eq!(measured.mean_ns, 17.0);
        assert_eq!(measured.repeat_means_ns, [15.0, 51.0, 18.0]);
        assert_eq!(measured.middle_half_ns(), (15.0, 51.0));
        assert_eq!((measured.cpu_ns, measured.submission_spread_ns), (6.0, 2.0));
        assert_eq!(measured.timeline[0].end_ns, 14);
        // The three rounds have 10 of 10, 14 of 12 and 12 of 14.
        assert_eq!(measured.core_share, 1.0);
        assert_eq!(measured.difference_percent(), 6.25);
        assert_eq!(Measurement::new(Policy::fifo(), prediction, &[]), None);
    }
}
