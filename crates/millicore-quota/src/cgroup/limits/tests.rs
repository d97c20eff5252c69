//! The order of writes, against a model of what the kernel refuses.

use super::{State, Step};
use crate::membership::Version;
use proptest::prelude::*;

/// A group of version 1 with one above it and one below it, each with a ratio or no bound.
struct Kernel {
    state: State,
    above: Option<(u64, u64)>,
    below: Option<(u64, u64)>,
    /// The largest ratio that it had on the way, as quota and period.
    largest: (u64, u64),
}

fn is_more((quota, period): (u64, u64), (other_quota, other_period): (u64, u64)) -> bool {
    u128::from(quota) * u128::from(other_period) > u128::from(other_quota) * u128::from(period)
}

impl Kernel {
    fn take(&mut self, step: Step) -> Result<(), Step> {
        let mut next = self.state;
        match step {
            Step::Quota(quota_us) => next.quota_us = quota_us,
            Step::Period(period_us) => next.period_us = period_us,
            Step::Max(quota_us, period_us) => {
                (next.quota_us, next.period_us) = (quota_us, period_us);
            }
            Step::Burst(burst_us) => next.burst_us = burst_us,
        }
        let ratio = next.quota_us.map(|quota_us| (quota_us, next.period_us));
        let is_above = matches!((ratio, self.above), (Some(it), Some(above)) if is_more(it, above));
        let is_below = matches!((ratio, self.below), (Some(it), Some(below)) if is_more(below, it));
        let has_burst = next
            .quota_us
            .is_none_or(|quota_us| next.burst_us <= quota_us);
        if is_above || is_below || !has_burst {
            return Err(step);
        }
        if ratio.is_some_and(|ratio| is_more(ratio, self.largest)) {
            self.largest = ratio.unwrap();
        }
        self.state = next;
        Ok(())
    }
}

fn states() -> impl Strategy<Value = State> {
    let period = prop_oneof![Just(100_000_u64), Just(10_000), 1000..1_000_000_u64];
    (prop::option::of(1000..2_000_000_u64), period, 0..=100_u64).prop_map(
        |(quota_us, period_us, percent)| State {
            quota_us,
            period_us,
            burst_us: quota_us.map_or(0, |quota_us| quota_us * percent / 100),
        },
    )
}

fn ratio(state: State) -> Option<(u64, u64)> {
    state.quota_us.map(|quota_us| (quota_us, state.period_us))
}

proptest! {
    /// Beneath a bound that admits the old and the new limit, nothing on the way is refused.
    #[test]
    fn the_way_is_never_above_both_ends(from in states(), to in states()) {
        for version in [Version::V1, Version::V2] {
            let ends = [ratio(from), ratio(to)];
            let above = match ends {
                [Some(one), Some(other)] => Some(if is_more(one, other) { one } else { other }),
                _ => None,
            };
            let mut kernel = Kernel { state: from, above, below: None, largest: (0, 1) };
            for step in from.steps_to(to, version) {
                prop_assert_eq!(kernel.take(step), Ok(()));
            }
            prop_assert_eq!(kernel.state, to);
            if let (Some(above), Some(_)) = (above, ratio(from)) {
                prop_assert!(!is_more(kernel.largest, above), "{:?}", kernel.largest);
            }
        }
    }

    /// With groups on both sides that admit the old and the new limit, the second way is open.
    #[test]
    fn the_way_through_no_limit_is_open_above_groups(from in states(), to in states()) {
        let ends = [ratio(from), ratio(to)].into_iter().flatten();
        let below = ends.reduce(|one, other| if is_more(one, other) { other } else { one });
        let mut kernel = Kernel { state: from, above: None, below, largest: (0, 1) };
        for step in from.steps_through_no_limit(to, Version::V1) {
            prop_assert_eq!(kernel.take(step), Ok(()));
        }
        prop_assert_eq!(kernel.state, to);
    }
}

#[test]
fn a_burst_is_not_written_where_there_is_none() {
    let state = |quota_us, period_us| State {
        quota_us,
        period_us,
        burst_us: 0,
    };
    let steps = state(None, 100_000).steps_to(state(Some(1000), 1_000_000), Version::V1);
    assert_eq!(steps, [Step::Period(1_000_000), Step::Quota(Some(1000))]);
}
