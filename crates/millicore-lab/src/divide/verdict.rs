//! Who won, and whether that is more than noise.

use crate::divide::measurement::{Measurement, percent_above};
use millicore::Policy;
use std::fmt;

/// Who won.
///
/// Two policies differ if their mean response times do by more than the noise, which is how far the
/// middle half of the repeats of any policy lies apart, and if these middle halves do not overlap.
/// What differs by less lies inside the noise, and so does what lies between.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The policy with the least mean response time, and those that do not differ from it, by mean.
    pub best: Vec<Policy>,
    /// All others by mean, with how much greater their mean is than the least, in per cent.
    pub slower: Vec<(Policy, f64)>,
    /// How far the middle half of the repeats of one policy lies apart at the most, in per cent of
    /// its mean; nothing if there was only one repeat.
    pub noise_percent: Option<f64>,
}

impl Verdict {
    pub(crate) fn new(measurements: &[Measurement]) -> Self {
        let mut by_mean: Vec<&Measurement> = measurements.iter().collect();
        by_mean.sort_by(|a, b| a.mean_ns.total_cmp(&b.mean_ns));
        let mut verdict = Self {
            best: Vec::new(),
            slower: Vec::new(),
            noise_percent: noise_percent(measurements),
        };
        let Some(&least) = by_mean.first() else {
            return verdict;
        };
        let (_, slowest_of_least) = least.middle_half_ns();
        let noise_percent = verdict.noise_percent.unwrap_or(0.0);
        let is_alike = |it: &&Measurement| {
            let (fastest, _) = it.middle_half_ns();
            fastest <= slowest_of_least || percent_above(it.mean_ns, least.mean_ns) <= noise_percent
        };
        let alike = by_mean
            .iter()
            .rposition(is_alike)
            .map_or(0, |last| last + 1);
        let (best, slower) = by_mean.split_at(alike);
        verdict.best = best.iter().map(|it| it.policy).collect();
        let longer = |it: &&Measurement| (it.policy, percent_above(it.mean_ns, least.mean_ns));
        verdict.slower = slower.iter().map(longer).collect();
        verdict
    }
}

fn noise_percent(measurements: &[Measurement]) -> Option<f64> {
    let repeats = measurements.first()?.repeat_means_ns.len();
    let spread_percent = |measurement: &Measurement| {
        let (least, greatest) = measurement.middle_half_ns();
        100.0 * (greatest - least) / measurement.mean_ns
    };
    let spreads = measurements.iter().map(spread_percent);
    (repeats > 1).then(|| spreads.fold(0.0, f64::max))
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let best = list(self.best.iter().map(ToString::to_string));
        let under =
            |(policy, percent): &(Policy, f64)| format!("{percent:.1} % longer under {policy}");
        let longer = format!(
            "the mean response time is {}",
            list(self.slower.iter().map(under))
        );
        match (&*self.best, &*self.slower, self.noise_percent) {
            ([], ..) => f.write_str("No repeat was finished, so there is nothing to compare."),
            ([only], [], _) => write!(f, "Only {only} ran, so there is nothing to compare."),
            (_, [], None) => write!(f, "No winner: {best} do not differ; {ONE_REPEAT}."),
            (_, _, None) => write!(f, "{best} was fastest: {longer}; but {ONE_REPEAT}."),
            (_, [], Some(noise)) => write!(
                f,
                "No winner: {best} differ by less than the noise of {noise:.1} %; repeat more \
                 often, or on a quieter machine."
            ),
            ([winner], _, Some(noise)) => {
                write!(f, "{winner} won: {longer}; the noise is {noise:.1} %.")
            }
            (_, _, Some(noise)) => write!(
                f,
                "{best} won, and differ by less than the noise of {noise:.1} %: {longer}."
            ),
        }
    }
}

const ONE_REPEAT: &str =
    "one repeat does not show the noise, so that no difference can be called real";

/// `a, b and c`.
fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    match items.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict;
    use crate::divide::{Measurement, Prediction};

    fn measurement(policy: &str, repeat_means_ns: &[f64]) -> Measurement {
        let mean_ns = repeat_means_ns.iter().sum::<f64>() / repeat_means_ns.len() as f64;
        Measurement {
            policy: policy.parse().unwrap(),
            prediction: Prediction {
                mean_ns,
                makespan_ns: 0,
                closed_form_mean_ns: None,
            },
            responses_ns: vec![mean_ns],
            mean_ns,
            repeat_means_ns: repeat_means_ns.to_vec(),
            cpu_ns: 0.0,
            core_share: 1.0,
            submission_spread_ns: 0.0,
            timeline: Vec::new(),
        }
    }

    #[track_caller]
    fn check(means_ns: &[(&str, &[f64])], expected: &str) {
        let measurements: Vec<Measurement> = means_ns
            .iter()
            .map(|(policy, repeat_means_ns)| measurement(policy, repeat_means_ns))
            .collect();
        assert_eq!(Verdict::new(&measurements).to_string(), expected);
    }

    #[test]
    fn a_winner_is_faster_by_more_than_the_noise() {
        check(
            &[
                ("fifo", &[150.0, 149.0, 151.0]),
                ("fair", &[200.0, 200.0, 200.0]),
                ("focus", &[125.0, 124.0, 126.0]),
            ],
            "focus won: the mean response time is 20.0 % longer under fifo and 60.0 % longer \
             under fair; the noise is 1.6 %.",
        );
    }

    #[test]
    fn a_difference_inside_the_noise_is_none() {
        check(
            &[("fifo", &[100.0, 102.0]), ("focus", &[99.0, 101.0])],
            "No winner: focus and fifo differ by less than the noise of 2.0 %; repeat more often, \
             or on a quieter machine.",
        );
        check(
            &[("fifo", &[100.0, 100.0]), ("focus", &[100.0, 100.0])],
            "No winner: fifo and focus differ by less than the noise of 0.0 %; repeat more often, \
             or on a quieter machine.",
        );
        check(
            &[
                ("srpt", &[100.0, 102.0]),
                ("fifo", &[110.0, 112.2]),
                ("focus", &[99.0, 103.0]),
            ],
            "srpt and focus won, and differ by less than the noise of 4.0 %: the mean response \
             time is 10.0 % longer under fifo.",
        );
    }

    #[test]
    fn a_difference_smaller_than_the_noise_of_any_policy_is_none() {
        check(
            &[
                ("focus", &[100.0, 100.0]),
                ("fifo", &[110.0, 110.0]),
                ("fair", &[180.0, 220.0]),
            ],
            "focus and fifo won, and differ by less than the noise of 20.0 %: the mean response \
             time is 100.0 % longer under fair.",
        );
    }

    #[test]
    fn what_lies_between_two_that_are_alike_is_like_them() {
        check(
            &[
                ("las", &[100.0, 110.0]),
                ("fair", &[111.0, 111.0]),
                ("srpt", &[105.0, 140.0]),
            ],
            "No winner: las, fair and srpt differ by less than the noise of 28.6 %; repeat more \
             often, or on a quieter machine.",
        );
    }

    #[test]
    fn one_repeat_is_no_evidence() {
        check(
            &[("fifo", &[150.0]), ("focus", &[125.0])],
            "focus was fastest: the mean response time is 20.0 % longer under fifo; but one \
             repeat does not show the noise, so that no difference can be called real.",
        );
        check(
            &[("fifo", &[150.0]), ("focus", &[150.0])],
            "No winner: fifo and focus do not differ; one repeat does not show the noise, so that \
             no difference can be called real.",
        );
    }

    #[test]
    fn nothing_and_one_policy_cannot_be_compared() {
        check(
            &[],
            "No repeat was finished, so there is nothing to compare.",
        );
        let only = "Only fifo ran, so there is nothing to compare.";
        check(&[("fifo", &[150.0])], only);
        check(&[("fifo", &[150.0, 151.0])], only);
    }
}
