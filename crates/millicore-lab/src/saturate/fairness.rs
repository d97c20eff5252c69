//! The fair share of a capacity, and how far from equal its parts were.

/// What each gets of a capacity if nobody gets more than its limit, and what one leaves goes to the
/// others in equal parts (max-min fairness; Bertsekas and Gallager, Data Networks, section 6.5).
#[must_use]
pub fn fair_shares(limits_m: &[f64], capacity_m: f64) -> Vec<f64> {
    let mut by_limit: Vec<usize> = (0..limits_m.len()).collect();
    by_limit.sort_by(|&a, &b| limits_m[a].total_cmp(&limits_m[b]));
    let mut shares_m = vec![0.0; limits_m.len()];
    let mut left_m = capacity_m;
    for (served, &index) in by_limit.iter().enumerate() {
        let equal_m = left_m / (limits_m.len() - served) as f64;
        shares_m[index] = limits_m[index].min(equal_m);
        left_m -= shares_m[index];
    }
    shares_m
}

/// Jain's index of fairness (Jain, Chiu and Hawe, 1984): 1 if all got the same, 1/n if one got all.
#[must_use]
pub fn jain_index(received: &[f64]) -> f64 {
    let sum: f64 = received.iter().sum();
    let squares: f64 = received.iter().map(|it| it * it).sum();
    if squares == 0.0 {
        return 1.0;
    }
    sum * sum / (received.len() as f64 * squares)
}

#[cfg(test)]
mod tests {
    use super::{fair_shares, jain_index};

    #[test]
    fn nobody_gets_more_than_its_limit_and_nothing_is_left_over() {
        let check = |limits: &[f64], capacity, expected: &[f64]| {
            assert_eq!(fair_shares(limits, capacity), expected);
        };
        check(&[500.0; 4], 2000.0, &[500.0; 4]);
        check(&[100.0; 40], 2000.0, &[50.0; 40]);
        check(&[500.0; 2], 2000.0, &[500.0; 2]);
        check(&[2000.0, 100.0, 700.0], 1500.0, &[700.0, 100.0, 700.0]);
        check(&[100.0, 1000.0, 1000.0], 900.0, &[100.0, 400.0, 400.0]);
        check(&[], 1000.0, &[]);
    }

    #[test]
    fn the_index_is_one_for_equal_parts() {
        let check = |received: &[f64], expected| assert_eq!(jain_index(received), expected);
        check(&[50.0; 40], 1.0);
        check(&[1.0, 0.0, 0.0, 0.0], 0.25);
        check(&[1.0, 3.0], 0.8);
        check(&[0.0; 3], 1.0);
        check(&[], 1.0);
    }
}
