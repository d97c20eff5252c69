//! A limit that no file shows, told from the CPU time that is delivered.
//!
//! A container often cannot see the groups above its own. A quota there is felt all the same: threads
//! want to run, processors are idle, and the time is not given.

use crate::millicores::Millicores;
use std::time::Duration;

/// What was wanted and received in a stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sample {
    /// How long it was.
    pub elapsed: Duration,
    /// CPU time that threads wanted: what they received and what they waited for.
    pub wanted: Duration,
    /// CPU time that they received.
    pub received: Duration,
    /// For how long processors of the machine had nothing to do, summed over them.
    pub idle: Duration,
    /// For how long the machine's own host gave its processors to others, summed over them.
    pub steal: Duration,
}

/// A limit that no file shows, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HiddenLimit {
    /// The rate at which CPU time was delivered.
    pub limit: Millicores,
    /// By how many millicores it may be wrong, to either side.
    pub uncertainty_m: u32,
}

/// What samples say about the limit that files show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// As much as it allows was delivered, or all that was wanted.
    AsVisible,
    /// Clearly less was delivered, and nobody else needed the processors.
    HeldBack(HiddenLimit),
    /// Less was delivered, and others needed the processors, or too little was seen.
    Unclear,
}

/// A limit is hidden only if it is below this part of what can be expected.
const CLEARLY_BELOW: f64 = 0.9;

/// Idle processors could have made up for this part of what was missing, or it was competition.
const COULD_HAVE_RUN: f64 = 0.5;

/// Processors overrun a quota by up to a tick.
const TICK_S: f64 = 0.004;

/// Two usual periods: in less, nothing can be told.
const SHORTEST_WINDOW_S: f64 = 0.2;

impl HiddenLimit {
    /// The hidden limit, if there is clearly one below `visible`.
    #[must_use]
    pub fn estimate(samples: &[Sample], visible: Millicores) -> Option<Self> {
        match Delivery::of(samples, visible) {
            Delivery::HeldBack(limit) => Some(limit),
            Delivery::AsVisible | Delivery::Unclear => None,
        }
    }
}

impl Delivery {
    /// Compares what was delivered with what the visible limit allows.
    #[must_use]
    pub fn of(samples: &[Sample], visible: Millicores) -> Self {
        let all = Rates::of(samples);
        if all.elapsed_s < SHORTEST_WINDOW_S {
            return Self::Unclear;
        }
        let expected = visible.as_cores().min(all.wanted());
        let uncertainty = uncertainty(samples, &all);
        if all.received() >= CLEARLY_BELOW * expected {
            return Self::AsVisible;
        }
        let missing_s = (expected - all.received()) * all.elapsed_s;
        let could_have_run = all.idle_s >= COULD_HAVE_RUN * missing_s;
        let was_stolen = all.steal_s >= COULD_HAVE_RUN * missing_s;
        let is_clear = all.received() + uncertainty < CLEARLY_BELOW * expected;
        match limit(all.received()) {
            Some(limit) if could_have_run && !was_stolen && is_clear => {
                Self::HeldBack(HiddenLimit {
                    limit,
                    uncertainty_m: whole_millicores(uncertainty).max(1),
                })
            }
            _ => Self::Unclear,
        }
    }
}

/// Sums over samples, in seconds.
struct Rates {
    elapsed_s: f64,
    wanted_s: f64,
    received_s: f64,
    idle_s: f64,
    steal_s: f64,
}

impl Rates {
    fn of(samples: &[Sample]) -> Self {
        let sum = |of: fn(&Sample) -> Duration| samples.iter().map(|it| of(it).as_secs_f64()).sum();
        Self {
            elapsed_s: sum(|it| it.elapsed),
            wanted_s: sum(|it| it.wanted),
            received_s: sum(|it| it.received),
            idle_s: sum(|it| it.idle),
            steal_s: sum(|it| it.steal),
        }
    }

    /// In cores.
    fn received(&self) -> f64 {
        self.received_s / self.elapsed_s.max(f64::MIN_POSITIVE)
    }

    fn wanted(&self) -> f64 {
        self.wanted_s / self.elapsed_s.max(f64::MIN_POSITIVE)
    }
}

/// In cores: how far the two halves lie apart; and, because the window can hold one period more or
/// less, the quota of a period, whose length the longest stall tells.
fn uncertainty(samples: &[Sample], all: &Rates) -> f64 {
    let (first, second) = samples.split_at(samples.len() / 2);
    let apart = (Rates::of(first).received() - Rates::of(second).received()).abs() / 2.0;
    let running = (all.received() / all.wanted().max(f64::MIN_POSITIVE)).min(0.99);
    let period_s = longest_stall_s(samples) / (1.0 - running);
    let of_a_period = all.received() * period_s / all.elapsed_s;
    let of_ticks = all.wanted() * TICK_S / all.elapsed_s;
    apart.max(of_a_period) + of_ticks
}

/// The longest time in which next to nothing was received, over as many samples as it lasted.
fn longest_stall_s(samples: &[Sample]) -> f64 {
    let (mut longest_s, mut stall_s) = (0.0_f64, 0.0);
    for sample in samples {
        let starved = sample.received * 2 < sample.wanted;
        let wanted_s = sample.wanted.as_secs_f64().max(f64::MIN_POSITIVE);
        let waited_s = sample.wanted.saturating_sub(sample.received).as_secs_f64();
        let share = waited_s / wanted_s * sample.elapsed.as_secs_f64();
        stall_s = if starved { stall_s + share } else { 0.0 };
        longest_s = longest_s.max(stall_s);
    }
    longest_s
}

fn limit(cores: f64) -> Option<Millicores> {
    Millicores::new(u64::from(whole_millicores(cores))).ok()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range of the type"
)]
fn whole_millicores(cores: f64) -> u32 {
    (cores * 1000.0).round().clamp(0.0, f64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests;
