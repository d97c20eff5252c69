//! Medians of what was measured.

/// The middle value, or the mean of the middle two; 0 of nothing.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2) {
        (None, _) => 0.0,
        (Some(upper), 0) => f64::midpoint(values[middle - 1], *upper),
        (Some(value), _) => *value,
    }
}

/// Where the middle value stands, or the lower of the middle two.
pub(crate) fn median_index(values: &[f64]) -> usize {
    let mut indexes: Vec<usize> = (0..values.len()).collect();
    indexes.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let middle = values.len().saturating_sub(1) / 2;
    indexes.get(middle).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{median, median_index};

    #[test]
    fn medians() {
        let check = |values: &[f64], expected: f64, index: usize| {
            assert_eq!(median(values.iter().copied()), expected, "{values:?}");
            assert_eq!(median_index(values), index, "{values:?}");
        };
        check(&[3.0, 1.0, 2.0], 2.0, 2);
        check(&[4.0, 1.0], 2.5, 1);
        check(&[7.0], 7.0, 0);
        check(&[], 0.0, 0);
    }
}
