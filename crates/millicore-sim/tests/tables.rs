//! Batches whose schedules are known exactly: requests that all arrive at time 0.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use millicore_sim::closed_form::batch_mean;
use millicore_sim::statistics::Summary;
use millicore_sim::{Setup, Workload, simulate};
use proptest::prelude::*;

/// Divides by two often.
const SECOND: u64 = 1 << 30;

fn mean_ns(policy: &str, sizes_ns: &[u64], cores: usize, chunk_ns: u64, overhead_ns: u64) -> f64 {
    let workload = Workload::batch(sizes_ns);
    let setup = Setup {
        chunk_ns,
        overhead_ns,
        ..Setup::new(policy.parse().unwrap(), cores)
    };
    let schedule = simulate(&workload, &setup).unwrap();
    Summary::new(&workload, &schedule).mean_response_ns.unwrap()
}

/// The mean in seconds of equal requests of one second.
#[track_caller]
fn check_equal(policy: &str, requests: usize, cores: usize, chunk_ns: u64, expected_s: f64) {
    let mean_s = mean_ns(policy, &vec![SECOND; requests], cores, chunk_ns, 0) / SECOND as f64;
    let says = format!("{policy}, {requests} requests on {cores}, chunks of {chunk_ns} ns");
    assert!(
        (mean_s - expected_s).abs() < 1e-9,
        "{says}: {mean_s} and not {expected_s}"
    );
}

/// Requests, cores, and the means of `fifo`, of `fair` with infinitely short chunks, of `focus`.
const EQUAL: [(usize, usize, f64, f64, f64); 9] = [
    (2, 2, 1.0, 1.0, 3.0 / 4.0),
    (4, 2, 3.0 / 2.0, 2.0, 5.0 / 4.0),
    (5, 2, 9.0 / 5.0, 5.0 / 2.0, 3.0 / 2.0),
    (8, 2, 5.0 / 2.0, 4.0, 9.0 / 4.0),
    (4, 4, 1.0, 1.0, 5.0 / 8.0),
    (16, 4, 5.0 / 2.0, 4.0, 17.0 / 8.0),
    (8, 8, 1.0, 1.0, 9.0 / 16.0),
    (32, 8, 5.0 / 2.0, 4.0, 33.0 / 16.0),
    (64, 64, 1.0, 1.0, 65.0 / 128.0),
];

#[test]
fn equal_requests() {
    let chunk_ns = SECOND / 1024;
    for (requests, cores, fifo_s, fair_s, focus_s) in EQUAL {
        check_equal("fifo", requests, cores, chunk_ns, fifo_s);
        check_equal("sjf", requests, cores, chunk_ns, fifo_s);
        for policy in ["focus", "srpt", "edf"] {
            check_equal(policy, requests, cores, chunk_ns, focus_s);
        }
        for policy in ["fair", "las", "hesrpt:1"] {
            let sizes_ns = vec![SECOND; requests];
            let mean_s = mean_ns(policy, &sizes_ns, cores, chunk_ns, 0) / SECOND as f64;
            let round_s = requests.div_ceil(cores) as f64 / 1024.0;
            let short_s = fair_s - mean_s;
            assert!(
                (0.0..=round_s).contains(&short_s),
                "{policy} {requests} on {cores}: {mean_s}"
            );
        }
    }
}

#[test]
fn four_requests_on_two_cores_by_the_length_of_chunks() {
    for (chunks, fair_s) in [(2, 7.0 / 4.0), (4, 15.0 / 8.0), (1024, 2.0 - 0.5 / 1024.0)] {
        check_equal("fair", 4, 2, SECOND / chunks, fair_s);
        check_equal("las", 4, 2, SECOND / chunks, fair_s);
        check_equal("focus", 4, 2, SECOND / chunks, 1.25);
    }
    for policy in ["fifo", "fair", "focus", "srpt", "las"] {
        check_equal(policy, 4, 2, SECOND, 1.5);
    }
    // Chunks that do not divide a request evenly among the cores.
    for (chunk_ns, fair_ns) in [
        (300, None),
        (200, Some(1.9)),
        (10, Some(1.995)),
        (100, Some(1.95)),
    ] {
        let mean_s = |policy: &str| mean_ns(policy, &[1000; 4], 2, chunk_ns, 0) / 1000.0;
        let focus_s = if chunk_ns < 200 { 1.25 } else { 1.3 };
        assert!(
            (mean_s("focus") - focus_s).abs() < 1e-9,
            "{chunk_ns}: {}",
            mean_s("focus")
        );
        if let Some(fair_s) = fair_ns {
            assert!(
                (mean_s("fair") - fair_s).abs() < 1e-9,
                "{chunk_ns}: {}",
                mean_s("fair")
            );
        }
    }
}

#[test]
fn overhead_stretches_every_chunk() {
    for policy in ["fifo", "fair", "focus", "srpt", "las"] {
        let plain = mean_ns(policy, &[1000; 4], 2, 100, 0);
        let stretched = mean_ns(policy, &[1000; 4], 2, 100, 2);
        assert!(
            (stretched - plain * 1.02).abs() < 1e-9,
            "{policy}: {plain} and {stretched}"
        );
    }
}

#[test]
fn mixed_sizes() {
    let check = |policy: &str, expected: f64| {
        let sizes_ns = [3, 1, 2, 5, 1, 4].map(|size| size * SECOND);
        let mean = mean_ns(policy, &sizes_ns, 2, SECOND / 1024, 0) / SECOND as f64;
        assert!(
            (mean - expected).abs() < 3.0 / 1024.0,
            "{policy}: {mean} and not {expected}"
        );
    };
    check("fifo", 9.0 / 2.0);
    check("fair/one", 67.0 / 12.0);
    check("fair", 11.0 / 2.0);
    check("focus", 13.0 / 3.0);
    check("sjf", 25.0 / 6.0);
    check("srpt", 41.0 / 12.0);
}

fn any_sizes() -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(1..60_u64, 1..20)
}

proptest! {
    /// One core each: exact whatever the chunks.
    #[test]
    fn kept_cores_follow_list_scheduling(
        sizes in any_sizes(), cores in 1..6_usize, chunk_ns in 1..70_u64,
    ) {
        for policy in ["fifo", "sjf"] {
            let expected = batch_mean(&policy.parse().unwrap(), &sizes, cores).unwrap();
            let mean = mean_ns(policy, &sizes, cores, chunk_ns, 0);
            prop_assert!((mean - expected).abs() < 1e-9, "{policy}: {mean} and not {expected}");
        }
    }

    /// All cores: exact where the chunks divide each request evenly among the cores, and shares
    /// are late by less than a round.
    #[test]
    fn all_cores_follow_their_closed_forms(
        sizes in any_sizes(), cores in 1..6_usize, chunk_ns in 1..5_u64,
    ) {
        let sizes_ns: Vec<u64> = sizes.iter().map(|size| size * cores as u64 * chunk_ns).collect();
        for policy in ["focus", "srpt", "edf", "fair", "las"] {
            let expected = batch_mean(&policy.parse().unwrap(), &sizes_ns, cores).unwrap();
            let mean = mean_ns(policy, &sizes_ns, cores, chunk_ns, 0);
            let rounds = if ["fair", "las"].contains(&policy) { sizes.len() } else { 0 };
            let late = (rounds as u64 * chunk_ns) as f64;
            prop_assert!((mean - expected).abs() <= late + 1e-9, "{policy}: {mean}, {expected}");
        }
    }

    /// Graham: in order, no request ends later than all work before it, shared by the cores, and
    /// the rest of one chunk.
    #[test]
    fn focus_keeps_grahams_bound(
        sizes in any_sizes(), cores in 1..6_usize, chunk_ns in 1..70_u64,
    ) {
        let workload = Workload::batch(&sizes);
        let setup = Setup { chunk_ns, ..Setup::new("focus".parse().unwrap(), cores) };
        let schedule = simulate(&workload, &setup).unwrap();
        let mut work = 0;
        for (size, completion_ns) in sizes.iter().zip(schedule.completions_ns()) {
            work += size;
            let bound = work + (cores as u64 - 1) * chunk_ns;
            prop_assert!(completion_ns.unwrap() * cores as u64 <= bound);
        }
    }
}
