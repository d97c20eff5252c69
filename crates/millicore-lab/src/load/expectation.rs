//! Expectations of a run, such as `p99<100ms`, and whether they were met.

use crate::load::latency::Figure;
use crate::load::run::Outcome;
use millicore_sim::duration::{Display as Length, parse_duration};
use std::fmt;
use std::str::FromStr;

/// What a figure of the report should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    text: String,
    metric: Metric,
    comparison: Comparison,
    bound: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Metric {
    /// In nanoseconds, like the next three.
    Mean,
    Quantile(f64),
    Max,
    Spread,
    /// A number of requests, like the next two.
    Ok,
    Failed,
    Sent,
    /// Of the requests that ended.
    OkPercent,
    FailedPercent,
    /// Requests each second.
    Rate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Below,
    AtMost,
    Above,
    AtLeast,
    Equal,
}

/// Longer ones first, so that `<=` is not read as `<`.
const COMPARISONS: [(&str, Comparison); 5] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("<", Comparison::Below),
    (">", Comparison::Above),
    ("=", Comparison::Equal),
];

/// Whether an expectation was met, and what was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The expectation as it was typed.
    pub expectation: String,
    /// What was measured, as text.
    pub measured: String,
    /// Whether it was met. What was not measured does not meet any.
    pub is_met: bool,
}

impl Expectation {
    /// Holds it against what was measured.
    #[must_use]
    pub fn judge(&self, outcome: &Outcome) -> Judgement {
        let figure = self.metric.measure(outcome);
        let is_met = figure.is_some_and(|figure| self.comparison.holds(figure, self.bound));
        let measured = figure.map_or_else(
            || "nothing was measured".to_owned(),
            |figure| self.metric.describe(figure),
        );
        Judgement {
            expectation: self.text.clone(),
            measured,
            is_met,
        }
    }
}

impl FromStr for Expectation {
    type Err = ExpectationError;

    fn from_str(text: &str) -> Result<Self, ExpectationError> {
        let wrong = |kind| ExpectationError {
            given: text.to_owned(),
            kind,
        };
        let found = COMPARISONS
            .iter()
            .find_map(|(sign, comparison)| Some((text.split_once(sign)?, *comparison)));
        let ((name, bound), comparison) = found.ok_or_else(|| wrong(Wrong::Form))?;
        let (name, bound) = (name.trim(), bound.trim());
        // Both `failed%<1` and `failed<1%` are written.
        let (number, is_share) = match bound.strip_suffix('%') {
            Some(number) => (number.trim_end(), true),
            None => (bound, name.ends_with('%')),
        };
        let metric = Metric::named(name.trim_end_matches('%').trim_end(), is_share);
        let metric = metric.ok_or_else(|| wrong(Wrong::Metric))?;
        let bound = match metric.is_time() {
            true => parse_duration(number).ok().map(|ns| ns as f64),
            false => plain_number(number),
        };
        Ok(Self {
            text: text.to_owned(),
            metric,
            comparison,
            bound: bound.ok_or_else(|| wrong(Wrong::Bound(metric.bound_example())))?,
        })
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn plain_number(text: &str) -> Option<f64> {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|_| is_plain)
}

impl Metric {
    fn named(name: &str, is_share: bool) -> Option<Self> {
        Some(match (name, is_share) {
            ("ok", false) => Self::Ok,
            ("ok", true) => Self::OkPercent,
            ("fail" | "failed", false) => Self::Failed,
            ("fail" | "failed", true) => Self::FailedPercent,
            ("mean", false) => Self::Mean,
            ("max", false) => Self::Max,
            ("spread", false) => Self::Spread,
            ("sent", false) => Self::Sent,
            ("rate", false) => Self::Rate,
            (name, false) => {
                let percent = plain_number(name.strip_prefix('p')?)?;
                (0.0..=100.0).contains(&percent).then_some(())?;
                Self::Quantile(percent / 100.0)
            }
            _ => return None,
        })
    }

    fn is_time(self) -> bool {
        matches!(
            self,
            Self::Mean | Self::Quantile(_) | Self::Max | Self::Spread
        )
    }

    fn bound_example(self) -> &'static str {
        match self {
            Self::OkPercent | Self::FailedPercent => "a share such as 1%",
            _ if self.is_time() => "a time such as 100ms",
            _ => "a number such as 100",
        }
    }

    fn measure(self, outcome: &Outcome) -> Option<Figure> {
        let exact = |value| Figure {
            value,
            is_lower_bound: false,
        };
        let failed = outcome.failed_count();
        let ended = outcome.ok + failed;
        let share = |count: u64| (ended > 0).then(|| exact(100.0 * count as f64 / ended as f64));
        match self {
            Self::Mean => outcome.latency.mean_ns(),
            Self::Quantile(quantile) => outcome.latency.quantile_ns(quantile),
            Self::Max => outcome.latency.max_ns(),
            Self::Spread => outcome.spread_ns.map(|ns| exact(ns as f64)),
            Self::Ok => Some(exact(outcome.ok as f64)),
            Self::Failed => Some(exact(failed as f64)),
            Self::Sent => Some(exact(outcome.sent as f64)),
            Self::OkPercent => share(outcome.ok),
            Self::FailedPercent => share(failed),
            Self::Rate => Some(exact(outcome.rate_per_s())),
        }
    }

    fn describe(self, figure: Figure) -> String {
        let value = figure.value;
        let text = match self {
            Self::OkPercent | Self::FailedPercent => format!("{value:.3} %"),
            Self::Rate => format!("{value:.1}"),
            _ if self.is_time() => Length(figure.whole_ns()).to_string(),
            _ => format!("{value}"),
        };
        let at_least = if figure.is_lower_bound { ">= " } else { "" };
        format!("{at_least}{text}")
    }
}

impl Comparison {
    /// A figure of which only a lower bound is known is not below anything.
    fn holds(self, figure: Figure, bound: f64) -> bool {
        match self {
            Self::Below => !figure.is_lower_bound && figure.value < bound,
            Self::AtMost => !figure.is_lower_bound && figure.value <= bound,
            Self::Above => figure.value > bound,
            Self::AtLeast => figure.value >= bound,
            Self::Equal => {
                !figure.is_lower_bound && (figure.value - bound).abs() <= f64::EPSILON * bound
            }
        }
    }
}

/// What is no expectation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given}: {kind}")]
pub struct ExpectationError {
    given: String,
    kind: Wrong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Wrong {
    #[error("an expectation is a figure, one of < <= > >= =, and a bound, such as p99<100ms")]
    Form,
    #[error(
        "the figures are mean, p50, p90, p99 or any other percentile, max, spread, ok, failed, \
         ok%, failed%, sent and rate"
    )]
    Metric,
    #[error("its bound is {0}")]
    Bound(&'static str),
}
