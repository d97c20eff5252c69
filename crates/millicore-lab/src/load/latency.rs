//! How long requests took, as a histogram; what was given up counts with the time that it took at
//! least.

use hdrhistogram::Histogram;

/// A distribution of times. Percentiles are exact to three digits, mean and maximum to the last.
#[derive(Clone, Debug)]
pub struct Latencies {
    histogram: Histogram<u64>,
    sum_ns: u128,
    max_ns: u64,
    censored: u64,
    least_censored_ns: u64,
}

/// A number of the report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// What it is.
    pub value: f64,
    /// Whether it is at least that, because requests were given up before their answer came.
    pub is_lower_bound: bool,
}

/// An hour; more is counted as that in percentiles.
const LONGEST_NS: u64 = 3_600_000_000_000;
const DIGITS: u8 = 3;

impl Default for Latencies {
    fn default() -> Self {
        #[expect(
            clippy::expect_used,
            reason = "the bounds are constants: 2 * 1 <= LONGEST_NS, and at most 5 digits"
        )]
        let histogram = Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).expect("bounds");
        Self {
            histogram,
            sum_ns: 0,
            max_ns: 0,
            censored: 0,
            least_censored_ns: u64::MAX,
        }
    }
}

impl Latencies {
    /// One that is known.
    pub(super) fn record(&mut self, time_ns: u64) {
        self.histogram.saturating_record(time_ns.max(1));
        self.sum_ns += u128::from(time_ns);
        self.max_ns = self.max_ns.max(time_ns);
    }

    /// One of which only a lower bound is known.
    pub(super) fn record_censored(&mut self, at_least_ns: u64) {
        self.record(at_least_ns);
        self.censored += 1;
        self.least_censored_ns = self.least_censored_ns.min(at_least_ns);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// Of how many only a lower bound is known.
    #[must_use]
    pub fn censored(&self) -> u64 {
        self.censored
    }

    /// Their mean, in nanoseconds.
    #[must_use]
    pub fn mean_ns(&self) -> Option<Figure> {
        (self.count() > 0).then(|| Figure {
            value: self.sum_ns as f64 / self.count() as f64,
            is_lower_bound: self.censored > 0,
        })
    }

    /// The time that this share of them does not exceed, in nanoseconds.
    #[must_use]
    pub fn quantile_ns(&self, quantile: f64) -> Option<Figure> {
        let time_ns = self.histogram.value_at_quantile(quantile).min(self.max_ns);
        // A request that was given up may have any place from its time upwards.
        (self.count() > 0).then(|| Figure {
            value: time_ns as f64,
            is_lower_bound: self.censored > 0
                && self.histogram.highest_equivalent(time_ns) >= self.least_censored_ns,
        })
    }

    /// The longest, in nanoseconds.
    #[must_use]
    pub fn max_ns(&self) -> Option<Figure> {
        (self.count() > 0).then_some(Figure {
            value: self.max_ns as f64,
            is_lower_bound: self.censored > 0,
        })
    }

    /// The shortest that is known, in nanoseconds.
    #[must_use]
    pub fn min_ns(&self) -> Option<u64> {
        (self.count() > 0).then(|| self.histogram.min())
    }
}

impl PartialEq for Latencies {
    fn eq(&self, other: &Self) -> bool {
        self.histogram == other.histogram
            && (self.sum_ns, self.max_ns) == (other.sum_ns, other.max_ns)
            && (self.censored, self.least_censored_ns) == (other.censored, other.least_censored_ns)
    }
}

impl Figure {
    /// It in whole nanoseconds, if that is its unit.
    #[must_use]
    pub fn whole_ns(&self) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "no figure is negative, and a time of centuries saturates"
        )]
        let ns = self.value.round() as u64;
        ns
    }
}

#[cfg(test)]
mod tests {
    use super::{Figure, Latencies};

    fn latencies(known_ns: &[u64], censored_ns: &[u64]) -> Latencies {
        let mut latencies = Latencies::default();
        known_ns.iter().for_each(|ns| latencies.record(*ns));
        censored_ns
            .iter()
            .for_each(|ns| latencies.record_censored(*ns));
        latencies
    }

    fn figure(value: u64, is_lower_bound: bool) -> Option<Figure> {
        Some(Figure {
            value: value as f64,
            is_lower_bound,
        })
    }

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let all: Vec<u64> = (1..=100).map(|it| it * 10).collect();
        let all = latencies(&all, &[]);
        for percent in [1, 50, 90, 99, 100_u32] {
            let expected = figure(u64::from(percent) * 10, false);
            assert_eq!(
                all.quantile_ns(f64::from(percent) / 100.0),
                expected,
                "{percent}"
            );
        }
        assert_eq!(all.mean_ns(), figure(505, false));
        assert_eq!(all.max_ns(), figure(1000, false));
    }

    #[test]
    fn no_percentile_exceeds_the_maximum() {
        let latencies = latencies(&[1_000_000_001], &[]);
        assert_eq!(latencies.quantile_ns(0.5), figure(1_000_000_001, false));
    }

    #[test]
    fn what_was_given_up_makes_lower_bounds() {
        let latencies = latencies(&[10, 20, 30, 40, 50, 60, 70, 80, 90], &[60]);
        assert_eq!(latencies.count(), 10);
        assert_eq!(latencies.quantile_ns(0.5), figure(50, false));
        assert_eq!(latencies.quantile_ns(0.9), figure(80, true));
        assert_eq!(latencies.max_ns(), figure(90, true));
        assert_eq!(latencies.mean_ns(), figure(51, true));
    }

    #[test]
    fn nothing_has_no_figures() {
        let none = Latencies::default();
        assert_eq!(
            (
                none.mean_ns(),
                none.quantile_ns(0.5),
                none.max_ns(),
                none.min_ns()
            ),
            (None, None, None, None)
        );
    }

    #[test]
    fn hours_saturate() {
        let long = latencies(&[2 * super::LONGEST_NS], &[]);
        assert_eq!(long.max_ns(), figure(2 * super::LONGEST_NS, false));
        assert!(long.quantile_ns(0.5).unwrap().value >= super::LONGEST_NS as f64);
    }
}
