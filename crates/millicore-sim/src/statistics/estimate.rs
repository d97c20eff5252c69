//! Means of long runs with their standard errors, by batch means, after the warm-up.

/// A mean, and how far it may be off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
}

/// What is left after so many thousandths of the values from the front are removed: a run starts
/// empty, and its first requests meet less company than later ones.
#[must_use]
pub fn after_warm_up(values: &[u64], thousandths: usize) -> &[u64] {
    let removed = values.len() / 1000 * thousandths + values.len() % 1000 * thousandths / 1000;
    values.get(removed..).unwrap_or_default()
}

/// The mean of values that depend on their neighbours, in the order in which they came. They are
/// cut into so many batches, and the means of batches that are long enough are nearly
/// independent. Values beyond the last whole batch are left out.
///
/// Nothing if there are fewer than two batches, or fewer values than batches.
#[must_use]
pub fn batch_means(values: &[u64], batches: usize) -> Option<Estimate> {
    let length = values
        .len()
        .checked_div(batches)
        .filter(|&length| length > 0 && batches > 1)?;
    let means: Vec<f64> = values
        .chunks_exact(length)
        .take(batches)
        .map(|batch| batch.iter().copied().map(u128::from).sum::<u128>() as f64 / length as f64)
        .collect();
    let count = batches as f64;
    let mean = means.iter().sum::<f64>() / count;
    let squares: f64 = means
        .iter()
        .map(|batch| (batch - mean) * (batch - mean))
        .sum();
    let standard_error = (squares / (count - 1.0) / count).sqrt();
    Some(Estimate {
        mean,
        standard_error,
    })
}

#[cfg(test)]
mod tests {
    use super::{after_warm_up, batch_means};

    #[test]
    fn batches_have_a_mean_and_a_standard_error() {
        let estimate = batch_means(&[1, 3, 4, 4, 5, 7, 100], 3).unwrap();
        assert!((estimate.mean - 4.0).abs() < 1e-12);
        // The batch means are 2, 4 and 6: variance 4, over three batches.
        assert!((estimate.standard_error - (4.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(batch_means(&[1, 2], 3), None);
        assert_eq!(batch_means(&[1, 2], 1), None);
        assert_eq!(batch_means(&[], 0), None);
    }

    #[test]
    fn the_warm_up_is_removed_from_the_front() {
        assert_eq!(after_warm_up(&[1, 2, 3, 4], 250), [2, 3, 4]);
        assert_eq!(after_warm_up(&[1, 2, 3, 4], 0), [1, 2, 3, 4]);
        assert_eq!(after_warm_up(&[1, 2, 3, 4], 1000), []);
        assert_eq!(after_warm_up(&[1, 2, 3, 4], 2000), []);
    }
}
