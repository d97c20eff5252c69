//! Medians and other percentiles of repeated measurements.

/// The value that so many percent of the samples do not exceed; not a number if there are none.
pub(crate) fn percentile(samples: &[f64], percent: usize) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank.min(last)).copied().unwrap_or(f64::NAN)
}

/// The fiftieth percentile.
pub(crate) fn median(samples: &[f64]) -> f64 {
    percentile(samples, 50)
}
