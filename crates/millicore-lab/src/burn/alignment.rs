//! The moment at which a quota is renewed, found by using it up.
//!
//! The kernel renews a quota once a period, by a timer that keeps its phase also when nothing runs
//! for a while. Whoever uses up the quota is frozen until then, so that the ends of stalls tell the
//! phase: too late by as much as it took to get a core, never too early.
//!
//! It also tells how exactly the kernel looks: one that accounts once a tick lets a thread run on to the
//! tick after its quota is used up, and lets it run for shorter the next time. So the CPU time between
//! two stalls differs by a tick.

use crate::burn::clock::{monotonic_ns, wait_until};
use millicore_workload::spin::{spin_iterations, thread_cpu_time};
use std::time::Duration;

/// So many renewals are seen; the earliest within its period counts.
const RENEWALS: usize = 8;
/// Who is not frozen for so many periods has no such quota.
const PATIENCE_PERIODS: u64 = 40;
/// For so many periods nothing is used before the beginning, so that the quota is whole and every
/// debt is paid.
const REST_PERIODS: u64 = 4;

/// A moment at which a quota is renewed, and how exactly it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Renewal {
    /// The moment, of the monotonic clock.
    pub(super) at_ns: u64,
    /// By how much the CPU time between two stalls differed.
    pub(super) spread: Option<Duration>,
}

/// Rests, and answers with a moment at which the quota of this period is renewed; now, where no
/// such quota is found.
pub(super) fn next_renewal(period_ns: u64) -> Renewal {
    let began_ns = monotonic_ns();
    let (mut renewals_ns, mut used) = (Vec::new(), Vec::new());
    let mut last_ns = began_ns;
    while renewals_ns.len() < RENEWALS && last_ns < began_ns + PATIENCE_PERIODS * period_ns {
        spin_iterations(1024);
        let now_ns = monotonic_ns();
        if now_ns - last_ns > period_ns / 5 {
            renewals_ns.push(now_ns);
            used.push(thread_cpu_time());
        }
        last_ns = now_ns;
    }
    let Some(phase_ns) = phase_ns(&renewals_ns, period_ns) else {
        return Renewal {
            at_ns: monotonic_ns(),
            spread: None,
        };
    };
    let rested_ns = monotonic_ns() + REST_PERIODS * period_ns;
    wait_until(rested_ns);
    // Soon enough to be told to all threads before.
    let from_ns = rested_ns + period_ns / 4;
    Renewal {
        at_ns: from_ns + period_ns - (from_ns + period_ns - phase_ns) % period_ns,
        spread: spread(&used),
    }
}

/// By how much the steps between these differ, without those that are no period's: another thread
/// had the core, so that the quota was not used up in it.
fn spread(used: &[Duration]) -> Option<Duration> {
    let mut steps: Vec<Duration> = used
        .windows(2)
        .map(|pair| pair[1].saturating_sub(pair[0]))
        .collect();
    steps.sort_unstable();
    let middle = *steps.get(steps.len() / 2)?;
    steps.retain(|step| step.abs_diff(middle) < middle / 4);
    Some(*steps.last()? - *steps.first()?)
}

/// When in a period the earliest was, if the others came up to half a period later.
fn phase_ns(renewals_ns: &[u64], period_ns: u64) -> Option<u64> {
    let first_ns = renewals_ns.first()? % period_ns;
    let half_ns = period_ns / 2;
    // Relative to half a period before the first, so that none is split by the period's end.
    let origin_ns = first_ns + half_ns;
    let relative = |ns: &u64| (ns % period_ns + period_ns - origin_ns % period_ns) % period_ns;
    let earliest_ns = renewals_ns.iter().map(relative).min()?;
    Some((origin_ns + earliest_ns) % period_ns)
}

#[cfg(test)]
mod tests {
    use super::{phase_ns, spread};
    use std::time::Duration;

    #[test]
    fn bursts_of_one_tick_more_and_less_tell_the_tick() {
        let check = |used_ms: &[u64], expected_ms: Option<u64>| {
            let used: Vec<Duration> = used_ms.iter().copied().map(Duration::from_millis).collect();
            assert_eq!(spread(&used), expected_ms.map(Duration::from_millis));
        };
        check(&[7, 59, 107, 159, 207], Some(4));
        check(&[7, 57, 107], Some(0));
        // A quota that was used up in the second period after it, and one that another thread had.
        check(&[7, 57, 160, 211, 215, 265, 316], Some(1));
        check(&[7], None);
        check(&[], None);
    }

    #[test]
    fn the_earliest_renewal_tells_the_phase() {
        let check = |renewals: &[u64], expected| assert_eq!(phase_ns(renewals, 100), expected);
        check(&[], None);
        check(&[230], Some(30));
        check(&[230, 329, 435], Some(29));
        // Around the end of a period.
        check(&[203, 299, 404], Some(99));
        check(&[298, 402, 501], Some(98));
    }
}
