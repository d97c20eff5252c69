//! `hesrpt`: shares by the rank of what remains, for requests whose speedup on `c` cores is `c^p`.
//!
//! Berg, Vesilo and Harchol-Balter, "heSRPT: Parallel scheduling to minimize mean slowdown"
//! (2020): of `m` requests the one with the `i`-th largest remaining size gets the share
//! `(i/m)^E - ((i-1)/m)^E` of the machine, with `E = 1/(1-p)`. The shares become the weights of
//! fair queueing. Among equal remainders the earlier arrival counts as the smaller.

use crate::order::{Definition, Order, Parameter};
use crate::policy::Width;
use crate::virtual_time::VirtualTime;
use crate::work::Work;
use alloc::boxed::Box;

pub(super) const DEFINITION: Definition = Definition {
    name: "hesrpt",
    order: "least virtual time, weights by rank of remaining",
    width: Width::All,
    needs_size: true,
    divides_by_rank: true,
    parameter: Some(Parameter { default: 2, range: 1..=64 }),
    build: |exponent| Box::new(HeSrpt { exponent }),
};

#[derive(Debug)]
struct HeSrpt {
    exponent: u32,
}

impl Order for HeSrpt {
    fn key(&self, work: &Work) -> u128 {
        work.virtual_time()
    }

    fn virtual_cost(&self, _work: &Work, cost_ns: u64, rank_share: u64) -> Option<VirtualTime> {
        Some(charge(cost_ns, rank_share))
    }

    fn share_of_rank(&self, rank: usize, live: usize) -> u64 {
        share(rank, live, self.exponent)
    }
}

/// Virtual time for `cost_ns` at a share of 2^-32 units: `cost / (share 2^-32)`, 32 fractional bits.
fn charge(cost_ns: u64, share: u64) -> VirtualTime {
    (u128::from(cost_ns) << 64) / u128::from(share.max(1))
}

/// `(rank/live)^E - ((rank-1)/live)^E` in units of 2^-32, at least 1.
fn share(rank: usize, live: usize, exponent: u32) -> u64 {
    let upper = power(rank, live, exponent);
    let lower = power(rank.saturating_sub(1), live, exponent);
    let share = (upper - lower) >> 32;
    u64::try_from(share).unwrap_or(u64::MAX).max(1)
}

/// `(rank/live)^E` with 64 fractional bits, rounded down.
fn power(rank: usize, live: usize, exponent: u32) -> u128 {
    if rank >= live {
        return 1 << 64;
    }
    let base = ((rank as u128) << 64) / live as u128;
    (1..exponent).fold(base, |product, _| (product * base) >> 64)
}

#[cfg(test)]
mod tests {
    use super::share;

    /// Expected shares by rank, the largest remaining first; the exponent is `1/(1-p)`.
    fn check(exponent: u32, expected: &[f64]) {
        for (index, &expected_share) in expected.iter().enumerate() {
            let units = share(index + 1, expected.len(), exponent);
            #[expect(clippy::cast_precision_loss, reason = "a share is at most 2^32")]
            let share = units as f64 / 4_294_967_296.0;
            assert!(
                (share - expected_share).abs() < 1e-6,
                "E={exponent} rank {}: {share} instead of {expected_share}",
                index + 1
            );
        }
    }

    #[test]
    fn shares_are_those_of_the_paper() {
        check(2, &[1.0]);
        check(2, &[0.25, 0.75]);
        check(2, &[1.0 / 9.0, 3.0 / 9.0, 5.0 / 9.0]);
        check(2, &[0.0625, 0.1875, 0.3125, 0.4375]);
        check(4, &[0.012_346, 0.185_185, 0.802_469]);
        check(10, &[0.000_017, 0.017_325, 0.982_658]);
        check(1, &[0.25; 4]);
    }

    #[test]
    fn a_share_is_never_nothing() {
        assert_eq!(share(1, 1_000_000, 64), 1);
    }
}
