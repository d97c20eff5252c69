//! When each request should start: an answer that does not depend on how fast the server is, unless
//! the loop is closed.

use crate::load::plan::{Arrivals, Extent};
use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng;

/// Permission to start a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    /// Counted from 0.
    pub(super) index: u64,
    /// When it should start. Whatever delays it, its latency counts from here.
    pub(super) intended_ns: u64,
}

/// Hands out tickets in order.
#[derive(Debug)]
pub(super) struct Schedule {
    spacing: Spacing,
    /// How many tickets there are.
    most: u64,
    /// No request starts at or after this time.
    end_ns: u64,
    issued: u64,
    /// When the next one is due, in open loop.
    next_ns: u64,
}

#[derive(Debug)]
enum Spacing {
    /// Whenever it is asked for.
    None,
    Constant {
        rate_per_s: f64,
    },
    Poisson {
        mean_ns: f64,
        at_ns: f64,
        random: Pcg64,
    },
}

impl Schedule {
    /// The first request of an open loop is due at 0 with constant spacing, and after a gap
    /// otherwise.
    pub(super) fn new(arrivals: &Arrivals, extent: &Extent) -> Self {
        let spacing = match *arrivals {
            Arrivals::Closed { .. } | Arrivals::AtOnce { .. } => Spacing::None,
            Arrivals::Constant { rate_per_s } => Spacing::Constant { rate_per_s },
            Arrivals::Poisson { rate_per_s, seed } => Spacing::Poisson {
                mean_ns: 1e9 / rate_per_s,
                at_ns: 0.0,
                random: Pcg64::new(seed.into(), 0),
            },
        };
        let mut schedule = Self {
            spacing,
            most: extent.requests.unwrap_or(u64::MAX),
            end_ns: extent.duration_ns.unwrap_or(u64::MAX),
            issued: 0,
            next_ns: 0,
        };
        schedule.next_ns = schedule.time_of_next();
        schedule
    }

    /// The next ticket, if its time has come.
    pub(super) fn due(&mut self, now_ns: u64) -> Option<Ticket> {
        let intended_ns = match self.spacing {
            Spacing::None => now_ns,
            Spacing::Constant { .. } | Spacing::Poisson { .. } => self.next_ns,
        };
        if self.is_over(now_ns) || intended_ns > now_ns {
            return None;
        }
        let index = self.issued;
        self.issued += 1;
        self.next_ns = self.time_of_next();
        Some(Ticket { index, intended_ns })
    }

    /// When the next ticket is due; nothing if that depends on the answers, or if it was the last.
    pub(super) fn next_ns(&self) -> Option<u64> {
        let is_open = !matches!(self.spacing, Spacing::None);
        (is_open && !self.is_over(0)).then_some(self.next_ns)
    }

    /// Whether all tickets have been handed out.
    pub(super) fn is_over(&self, now_ns: u64) -> bool {
        let next_ns = match self.spacing {
            Spacing::None => now_ns,
            Spacing::Constant { .. } | Spacing::Poisson { .. } => self.next_ns,
        };
        self.issued >= self.most || next_ns >= self.end_ns
    }

    /// How many tickets have been handed out.
    pub(super) fn issued(&self) -> u64 {
        self.issued
    }

    fn time_of_next(&mut self) -> u64 {
        let index = self.issued;
        let at_ns = match &mut self.spacing {
            Spacing::None => return 0,
            // Not a sum of gaps, which would sum their rounding as well.
            Spacing::Constant { rate_per_s } => index as f64 * 1e9 / *rate_per_s,
            Spacing::Poisson {
                mean_ns,
                at_ns,
                random,
            } => {
                *at_ns -= *mean_ns * uniform(random).ln();
                *at_ns
            }
        };
        whole_ns(at_ns)
    }
}

/// Above 0 and at most 1, in steps of 2^-53.
fn uniform(random: &mut Pcg64) -> f64 {
    ((random.next_u64() >> 11) + 1) as f64 * (-53_f64).exp2()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time that no clock reaches saturates, and none is negative"
)]
fn whole_ns(ns: f64) -> u64 {
    ns.round() as u64
}

#[cfg(test)]
mod tests {
    use super::{Schedule, Ticket};
    use crate::load::plan::{Arrivals, Extent};

    fn schedule(arrivals: Arrivals, requests: Option<u64>, duration_ns: Option<u64>) -> Schedule {
        Schedule::new(
            &arrivals,
            &Extent {
                requests,
                duration_ns,
            },
        )
    }

    /// The intended starts of a schedule that is asked at the end of time.
    fn starts(arrivals: Arrivals, requests: Option<u64>, duration_ns: Option<u64>) -> Vec<u64> {
        let mut schedule = schedule(arrivals, requests, duration_ns);
        std::iter::from_fn(|| schedule.due(u64::MAX - 1))
            .map(|ticket| ticket.intended_ns)
            .collect()
    }

    #[test]
    fn constant_spacing_does_not_drift() {
        let thirds = Arrivals::Constant { rate_per_s: 3.0 };
        let expected = [0, 333_333_333, 666_666_667, 1_000_000_000];
        assert_eq!(starts(thirds, Some(4), None), expected);
        assert_eq!(starts(thirds, None, Some(1_000_000_000)), expected[..3]);
        assert_eq!(starts(thirds, Some(2), Some(1_000_000_000)), expected[..2]);
        let last = starts(Arrivals::Constant { rate_per_s: 0.1 }, Some(1001), None);
        assert_eq!(last.last(), Some(&10_000_000_000_000));
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_the_spread_of_their_law() {
        let poisson = |seed| Arrivals::Poisson {
            rate_per_s: 1000.0,
            seed,
        };
        let count = 100_000;
        let all = starts(poisson(1), Some(count), None);
        let gaps: Vec<f64> = all.windows(2).map(|it| (it[1] - it[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let squares = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>();
        let deviation = (squares / gaps.len() as f64).sqrt();
        // The standard error is a third of a per cent.
        assert!((mean / 1e6 - 1.0).abs() < 0.015, "{mean}");
        assert!((deviation / mean - 1.0).abs() < 0.02, "{deviation}");
        assert_eq!(all, starts(poisson(1), Some(count), None));
        assert_ne!(all, starts(poisson(2), Some(count), None));
    }

    #[test]
    fn an_open_loop_waits_for_the_time_and_for_nothing_else() {
        let mut schedule = schedule(Arrivals::Constant { rate_per_s: 1000.0 }, Some(3), None);
        let ticket = |index, intended_ns| Some(Ticket { index, intended_ns });
        assert_eq!(schedule.due(0), ticket(0, 0));
        assert_eq!(schedule.due(999_999), None);
        assert_eq!(schedule.next_ns(), Some(1_000_000));
        assert_eq!(schedule.due(7_000_000), ticket(1, 1_000_000));
        assert!(!schedule.is_over(7_000_000));
        assert_eq!(schedule.due(7_000_000), ticket(2, 2_000_000));
        assert_eq!((schedule.due(7_000_000), schedule.next_ns()), (None, None));
        assert!(schedule.is_over(7_000_000));
    }

    #[test]
    fn a_closed_loop_starts_when_it_is_asked() {
        let closed = Arrivals::Closed { connections: 1 };
        let mut schedule = schedule(closed, None, Some(100));
        let intended_ns = 42;
        let ticket = Some(Ticket {
            index: 0,
            intended_ns,
        });
        assert_eq!(schedule.due(42), ticket);
        assert_eq!(schedule.next_ns(), None);
        assert_eq!(schedule.due(100), None);
        assert_eq!(schedule.issued(), 1);
    }
}
