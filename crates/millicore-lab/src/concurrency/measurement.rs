//! Each contender's repeats, summed up beside what was expected.

use crate::concurrency::answer::Response;
use crate::concurrency::contender::{Contender, Part};
use crate::concurrency::run::Round;
use crate::concurrency::theory::Theory;
use crate::median::{median, median_index};
use crate::place::PlaceRecord;
use std::collections::BTreeSet;

/// What one contender came to in one part.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Who was asked.
    pub contender: Contender,
    /// What was expected.
    pub theory: Theory,
    /// When the first response came, in nanoseconds, as the median of the repeats; and so on.
    pub first_ns: f64,
    /// The mean response time.
    pub mean_ns: f64,
    /// When the last response came.
    pub last_ns: f64,
    /// The mean response time of each repeat.
    pub repeat_means_ns: Vec<f64>,
    /// From the first to the last departure, in the worst of the repeats.
    pub spread_ns: u64,
    /// How many processes answered, in the repeat that is shown.
    pub processes: usize,
    /// How many threads answered in it. A process has at least one, by the same number.
    pub threads: usize,
    /// The mean CPU time of a request, by the median of the repeats; nothing of what waited.
    pub cpu_ns: Option<f64>,
    /// The responses of the repeat that is shown: that with the median mean.
    pub responses: Vec<Response>,
    /// The place of the same repeat, and what was counted there.
    pub place: Option<PlaceRecord>,
}

impl Measurement {
    /// Sums up the repeats of a contender; nothing if there is none.
    pub(super) fn new(
        rounds: &[Round],
        part: Part,
        contender: Contender,
        theory: Theory,
    ) -> Option<Self> {
        let is_its = |round: &&Round| round.part == part && round.contender == contender;
        let repeats: Vec<&Round> = rounds.iter().filter(is_its).collect();
        let over_repeats = |of: fn(&Round) -> f64| median(repeats.iter().map(|round| of(round)));
        let repeat_means_ns: Vec<f64> = repeats.iter().map(|round| mean_ns(round)).collect();
        let shown = repeats.get(median_index(&repeat_means_ns))?;
        let distinct = |of: fn(&Response) -> u32| {
            let all: BTreeSet<u32> = shown.responses.iter().map(of).collect();
            all.len()
        };
        let has_cpu = shown.responses.iter().any(|it| it.cpu_ns.is_some());
        Some(Self {
            contender,
            theory,
            first_ns: over_repeats(|round| ns(round.responses.iter().map(response_ns).min())),
            mean_ns: over_repeats(mean_ns),
            last_ns: over_repeats(|round| ns(round.responses.iter().map(response_ns).max())),
            spread_ns: repeats.iter().map(|it| it.spread_ns).max().unwrap_or(0),
            processes: distinct(|it| it.pid),
            threads: distinct(|it| it.thread_id),
            cpu_ns: has_cpu.then(|| over_repeats(mean_cpu_ns)),
            responses: shown.responses.clone(),
            place: shown.place.clone(),
            repeat_means_ns,
        })
    }

    /// How much greater the mean response time is than by theory, in per cent.
    #[must_use]
    pub fn mean_differs_percent(&self) -> Option<f64> {
        percent_above(self.mean_ns, self.theory.mean_ns)
    }

    /// How much later the last response came than by theory, in per cent.
    #[must_use]
    pub fn last_differs_percent(&self) -> Option<f64> {
        percent_above(self.last_ns, self.theory.last_ns)
    }
}

fn percent_above(measured: f64, expected: Option<f64>) -> Option<f64> {
    Some(100.0 * (measured / expected? - 1.0))
}

const fn response_ns(response: &Response) -> u64 {
    response.response_ns
}

fn ns(some: Option<u64>) -> f64 {
    some.unwrap_or(0) as f64
}

fn mean_ns(round: &Round) -> f64 {
    mean(round.responses.iter().map(response_ns))
}

fn mean_cpu_ns(round: &Round) -> f64 {
    mean(round.responses.iter().map(|it| it.cpu_ns.unwrap_or(0)))
}

fn mean(values: impl ExactSizeIterator<Item = u64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.map(|value| value as f64).sum::<f64>() / count
}
