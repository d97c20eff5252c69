//! Requests that arrive together: the mean response time of each policy, exactly.

use millicore_policy::{Policy, Width};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The mean response time of requests of these sizes that arrive together, in this order, at
/// `cores` cores; nothing where no closed form is known, or without requests or cores.
///
/// `fifo` and `sjf` are exact for any chunk; the others are for chunks of no length. Without
/// deadlines `edf` runs as `focus`, and in a batch `las` runs as `fair`. `sizes` are in any unit.
///
/// ```
/// use millicore_sim::{Policy, closed_form::batch_mean};
///
/// let four = [1_000; 4];
/// assert_eq!(batch_mean(&Policy::fifo(), &four, 2), Some(1500.0));
/// assert_eq!(batch_mean(&Policy::fair(), &four, 2), Some(2000.0));
/// assert_eq!(batch_mean(&Policy::focus(), &four, 2), Some(1250.0));
/// ```
#[must_use]
pub fn batch_mean(policy: &Policy, sizes: &[u64], cores: usize) -> Option<f64> {
    if sizes.is_empty() || cores == 0 {
        return None;
    }
    let ascending = || {
        let mut ascending = sizes.to_vec();
        ascending.sort_unstable();
        ascending
    };
    match (policy.definition().name, policy.width()) {
        ("fifo" | "focus" | "edf", Width::Kept) => Some(list_scheduling(sizes, cores)),
        ("sjf" | "srpt", Width::Kept) => Some(list_scheduling(&ascending(), cores)),
        ("fifo" | "focus" | "edf", Width::All) => Some(one_by_one(sizes, cores)),
        ("sjf" | "srpt", Width::All) => Some(one_by_one(&ascending(), cores)),
        ("fair" | "las", Width::All) => Some(equal_shares(&ascending(), cores)),
        _ => None,
    }
}

/// Each request in turn takes the core that is free first.
fn list_scheduling(sizes: &[u64], cores: usize) -> f64 {
    // More cores than requests stay idle.
    let mut free_at: BinaryHeap<Reverse<u128>> = vec![Reverse(0); cores.min(sizes.len())].into();
    let mut sum = 0;
    for &size in sizes {
        let Reverse(begin) = free_at.pop().unwrap_or_default();
        let end = begin + u128::from(size);
        sum += end;
        free_at.push(Reverse(end));
    }
    sum as f64 / sizes.len() as f64
}

/// All cores on one request after the other: (1/nk) sum over i of (n - i + 1) x_i.
fn one_by_one(sizes: &[u64], cores: usize) -> f64 {
    let mut end = 0;
    let sum: u128 = sizes
        .iter()
        .map(|&size| {
            end += u128::from(size);
            end
        })
        .sum();
    sum as f64 / (sizes.len() * cores) as f64
}

/// All cores on all requests in equal shares: (1/nk) sum over i and j of min(x_i, x_j).
fn equal_shares(ascending: &[u64], cores: usize) -> f64 {
    let count = ascending.len() as u128;
    // The size at rank i, counted from 0, is the smaller in 2 (n - i) - 1 ordered pairs.
    let pairs = (0..)
        .zip(ascending)
        .map(|(rank, &size)| u128::from(size) * (2 * (count - rank) - 1));
    pairs.sum::<u128>() as f64 / (ascending.len() * cores) as f64
}

/// The least sum of response times of requests with these sizes whose speedup on `c` cores is
/// `c^p`, on `cores` cores, with the exponent `E = 1/(1-p)` of `hesrpt`.
///
/// Berg, Vesilo and Harchol-Balter (2020), as `N^-p sum over k of
/// x_k (k^E - (k-1)^E)^(1-p)` with the largest size first.
#[must_use]
pub fn hesrpt_least_sum(sizes: &[f64], cores: f64, exponent: f64) -> f64 {
    let mut descending = sizes.to_vec();
    descending.sort_by(|a, b| b.total_cmp(a));
    let power = 1.0 - 1.0 / exponent;
    let sum: f64 = descending
        .iter()
        .enumerate()
        .map(|(before, size)| {
            let (rank, before) = (before as f64 + 1.0, before as f64);
            size * (rank.powf(exponent) - before.powf(exponent)).powf(1.0 / exponent)
        })
        .sum();
    sum / cores.powf(power)
}

#[cfg(test)]
mod tests {
    use super::{batch_mean, hesrpt_least_sum};
    use crate::Policy;

    #[track_caller]
    fn check(policy: &str, sizes: &[u64], cores: usize, expected: Option<f64>) {
        let policy: Policy = policy.parse().unwrap();
        let mean = batch_mean(&policy, sizes, cores);
        let is_near = match (mean, expected) {
            (Some(mean), Some(expected)) => (mean - expected).abs() < 1e-9,
            (mean, expected) => mean == expected,
        };
        assert!(
            is_near,
            "{policy} {sizes:?} on {cores}: {mean:?} instead of {expected:?}"
        );
    }

    #[test]
    fn mixed_sizes() {
        let sizes = [3, 1, 2, 5, 1, 4];
        check("fifo", &sizes, 2, Some(4.5));
        check("sjf", &sizes, 2, Some(25.0 / 6.0));
        check("fair", &sizes, 2, Some(5.5));
        check("las", &sizes, 2, Some(5.5));
        check("focus", &sizes, 2, Some(13.0 / 3.0));
        check("edf", &sizes, 2, Some(13.0 / 3.0));
        check("srpt", &sizes, 2, Some(41.0 / 12.0));
        check("hesrpt", &sizes, 2, None);
        check("srpt/one", &sizes, 2, None);
        check("fifo", &[], 2, None);
        check("fifo", &sizes, 0, None);
        check("fifo", &sizes, usize::MAX, Some(16.0 / 6.0));
    }

    #[test]
    fn hesrpt_sums_of_the_paper() {
        let check = |sizes: &[f64], cores: f64, exponent: f64, expected: f64| {
            let sum = hesrpt_least_sum(sizes, cores, exponent);
            assert!((sum - expected).abs() < 1e-6, "{sizes:?}: {sum}");
        };
        check(&[1.0, 4.0, 2.0], 9.0, 2.0, 3.233_390);
        check(&[1.0; 4], 2.0, 2.0, 5.383_819);
        check(&[1.0; 4], 2.0, 10.0, 5.343_564);
        check(&[1.0; 4], 8.0, 2.0, 2.691_910);
        check(&[10.0, 5.0, 2.0, 1.0, 1.0], 16.0, 5.0, 3.719_102);
    }
}
