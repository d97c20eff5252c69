//! What theory says of requests at once on a pool under a quota.
//!
//! Workers that have a request share the cores equally; together they use up the quota of a period
//! as fast as the cores let them, and stand still until the next one begins. The quota is whole at
//! the start, and so is the period.

use millicore_quota::Bandwidth;

/// How long each request takes, in seconds, in the order in which they are done.
pub(super) fn responses_s(
    workers: usize,
    cores: usize,
    bandwidth: Bandwidth,
    (requests, size_ns): (usize, u64),
) -> Vec<f64> {
    let (quota_s, period_s) = (
        bandwidth.quota().as_secs_f64(),
        bandwidth.period().as_secs_f64(),
    );
    let size_s = size_ns as f64 / 1e9;
    let mut waiting = requests.saturating_sub(workers);
    // What is left of the requests that somebody works on.
    let mut left_s = vec![size_s; requests.min(workers)];
    let (mut now_s, mut quota_left_s, mut renewals) = (0.0, quota_s, 1.0);
    let mut responses_s = Vec::with_capacity(requests);
    while !left_s.is_empty() {
        let together = left_s.len().min(cores.max(1)) as f64;
        let each = together / left_s.len() as f64;
        let done_in_s = left_s.iter().copied().fold(f64::INFINITY, f64::min) / each;
        let renewed_in_s = renewals * period_s - now_s;
        let step_s = done_in_s.min(quota_left_s / together).min(renewed_in_s);
        now_s += step_s;
        quota_left_s -= step_s * together;
        for left_s in &mut left_s {
            *left_s -= step_s * each;
        }
        let before = left_s.len();
        left_s.retain(|&left_s| left_s > 1e-12);
        for _ in left_s.len()..before {
            responses_s.push(now_s);
            if waiting > 0 {
                waiting -= 1;
                left_s.push(size_s);
            }
        }
        if quota_left_s < 1e-12 || step_s >= renewed_in_s {
            if !left_s.is_empty() {
                now_s = renewals * period_s;
            }
            (quota_left_s, renewals) = (quota_s, renewals + 1.0);
        }
    }
    responses_s
}

#[cfg(test)]
mod tests {
    use super::responses_s;
    use millicore_quota::Bandwidth;

    #[track_caller]
    fn check(workers: usize, cores: usize, limit: &str, mean_s: f64, last_s: f64) {
        let bandwidth = Bandwidth::of(limit.parse().unwrap());
        let responses_s = responses_s(workers, cores, bandwidth, (10, 100_000_000));
        assert_eq!(responses_s.len(), 10);
        let mean = responses_s.iter().sum::<f64>() / 10.0;
        let last = responses_s.last().unwrap();
        assert!((mean - mean_s).abs() < 1e-9, "mean {mean}");
        assert!((last - last_s).abs() < 1e-9, "last {last}");
    }

    #[test]
    fn a_quota_makes_stairs() {
        // 50 ms of every 100: done at 150, 350, ... 1950 ms.
        check(1, 2, "500m", 1.05, 1.95);
        // Two run 25 ms of every 100: a pair is done at 325, 725, ... ms.
        check(2, 2, "500m", 1.125, 1.925);
        // All at once.
        check(10, 2, "500m", 1.925, 1.925);
        check(10, 1, "500m", 1.95, 1.95);
        // No quota to speak of.
        check(1, 1, "1000m", 0.55, 1.0);
        check(2, 2, "2000m", 0.3, 0.5);
    }
}
