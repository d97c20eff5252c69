//! The moment at which a quota is renewed, found by using it up.
//!
//! The kernel renews a quota once a period, by a timer that keeps its phase also when nothing runs
//! for a while. Whoever uses up the quota is frozen until then, so that the ends of stalls tell the
//! phase: too late by as much as it took to get a core, never too early.

use crate::burn::clock::{monotonic_ns, wait_until};
use millicore_workload::spin::spin_iterations;

/// So many renewals are seen; the earliest within its period counts.
const RENEWALS: usize = 8;
/// Who is not frozen for so many periods has no such quota.
const PATIENCE_PERIODS: u64 = 40;
/// For so many periods nothing is used before the beginning, so that the quota is whole and every
/// debt is paid.
const REST_PERIODS: u64 = 4;

/// Rests, and answers with a moment at which the quota of this period is renewed; now, where no
/// such quota is found.
pub(super) fn next_renewal_ns(period_ns: u64) -> u64 {
    let began_ns = monotonic_ns();
    let mut renewals_ns = Vec::new();
    let mut last_ns = began_ns;
    while renewals_ns.len() < RENEWALS && last_ns < began_ns + PATIENCE_PERIODS * period_ns {
        spin_iterations(1024);
        let now_ns = monotonic_ns();
        if now_ns - last_ns > period_ns / 5 {
            renewals_ns.push(now_ns);
        }
        last_ns = now_ns;
    }
    let Some(phase_ns) = phase_ns(&renewals_ns, period_ns) else {
        return monotonic_ns();
    };
    let rested_ns = monotonic_ns() + REST_PERIODS * period_ns;
    wait_until(rested_ns);
    // Soon enough to be told to all threads before.
    let from_ns = rested_ns + period_ns / 4;
    from_ns + period_ns - (from_ns + period_ns - phase_ns) % period_ns
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
    use super::phase_ns;

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
