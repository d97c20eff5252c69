//! The simulator against queueing theory: long runs with Poisson arrivals, and heSRPT's optimum.
//!
//! A run may be off by one per cent, for chunks are not infinitely short, and by three standard
//! errors, of which each is at most one per cent.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use millicore_sim::closed_form::batch::hesrpt_least_sum;
use millicore_sim::closed_form::queue;
use millicore_sim::statistics::{after_warm_up, batch_means, responses};
use millicore_sim::workload::{Arrivals, Distribution, Generator, Sizes};
use millicore_sim::{Policy, Setup, simulate};

const EXPONENTIAL: Distribution = Distribution::Exponential { mean: 1.0 };
const FIXED: Distribution = Distribution::Fixed { size: 1.0 };
const H2: Distribution = Distribution::Hyperexponential {
    mean: 1.0,
    squared_variation: 2.5,
};
const BIMODAL: Distribution = Distribution::Bimodal {
    small: 0.2,
    large: 1.8,
    share_large: 0.5,
};

/// A whole request, whatever its size.
const WHOLE: u64 = u64::MAX / 4;
const MS: u64 = 1_000_000;

struct Run<'a> {
    policy: &'a str,
    cores: usize,
    chunk_ns: u64,
    rate_per_s: f64,
    sizes: Distribution,
    requests: u32,
}

#[track_caller]
fn check(run: &Run, expected_s: f64) {
    const SEED: u64 = 20_260_101;
    let generator = Generator {
        arrivals: Arrivals::Poisson {
            rate_per_s: run.rate_per_s,
        },
        sizes: Sizes::Drawn(run.sizes),
        requests: run.requests,
        seed: SEED,
    };
    let workload = generator.workload().unwrap();
    let policy: Policy = run.policy.parse().unwrap();
    let setup = Setup {
        chunk_ns: run.chunk_ns,
        ..Setup::new(policy, run.cores)
    };
    let schedule = simulate(&workload, &setup).unwrap();
    let responses_ns: Vec<u64> = responses(&workload, &schedule).flatten().collect();
    let estimate = batch_means(after_warm_up(&responses_ns, 50), 40).unwrap();
    let (mean_s, error_s) = (estimate.mean / 1e9, estimate.standard_error / 1e9);
    let says = format!(
        "{policy} on {} at {}/s, {:?}, seed {SEED}: {mean_s:.4} +- {error_s:.4}, theory {expected_s:.4}",
        run.cores, run.rate_per_s, run.sizes
    );
    assert!(error_s <= 0.01 * mean_s, "too short a run: {says}");
    assert!(
        (mean_s - expected_s).abs() <= 0.01 * expected_s + 3.0 * error_s,
        "{says}"
    );
}

#[test]
fn one_core_in_arrival_order() {
    let run = |rate_per_s: f64, sizes: Distribution, requests: u32| {
        let run = Run {
            policy: "focus",
            cores: 1,
            chunk_ns: WHOLE,
            rate_per_s,
            sizes,
            requests,
        };
        check(&run, queue::in_arrival_order(rate_per_s, &sizes));
        check(
            &Run {
                policy: "fifo",
                ..run
            },
            queue::in_arrival_order(rate_per_s, &sizes),
        );
    };
    run(0.8, EXPONENTIAL, 1_500_000);
    run(0.8, FIXED, 800_000);
    run(0.5, H2, 1_500_000);
    assert!((queue::in_arrival_order(0.8, &EXPONENTIAL) - queue::mm1(0.8, 1.0)).abs() < 1e-12);
}

#[test]
fn many_cores_one_request_each() {
    let run = |cores: u32, rate_per_s: f64, requests: u32| {
        let run = Run {
            policy: "fifo",
            cores: cores as usize,
            chunk_ns: WHOLE,
            rate_per_s,
            sizes: EXPONENTIAL,
            requests,
        };
        check(&run, queue::mmk(rate_per_s, 1.0, cores));
    };
    run(2, 1.6, 1_500_000);
    run(8, 6.4, 600_000);
    run(16, 14.4, 1_500_000);
}

/// Shared with one core at most, the mean is that of M/M/k whatever the sizes.
#[test]
fn many_cores_shared_one_request_each() {
    for (sizes, requests) in [(EXPONENTIAL, 120_000), (H2, 200_000), (BIMODAL, 60_000)] {
        let run = Run {
            policy: "fair/one",
            cores: 2,
            chunk_ns: 20 * MS,
            rate_per_s: 1.0,
            sizes,
            requests,
        };
        check(&run, queue::mmk(1.0, 1.0, 2));
    }
}

/// All cores on one request are one core that is so much faster.
#[test]
fn all_cores_in_arrival_order() {
    let run = |cores: usize, rate_per_s: f64, sizes: Distribution, requests: u32| {
        let chunk_ns = 20 * MS;
        let run = Run {
            policy: "focus",
            cores,
            chunk_ns,
            rate_per_s,
            sizes,
            requests,
        };
        let speed = cores as f64;
        check(
            &run,
            queue::in_arrival_order(rate_per_s / speed, &sizes) / speed,
        );
    };
    run(2, 1.2, EXPONENTIAL, 300_000);
    run(2, 1.0, H2, 400_000);
    run(4, 2.0, FIXED, 60_000);
}

/// Only the mean of the sizes matters.
#[test]
fn all_cores_shared() {
    for (cores, sizes, requests) in [
        (1, EXPONENTIAL, 140_000),
        (2, FIXED, 60_000),
        (2, H2, 250_000),
        (1, BIMODAL, 130_000),
    ] {
        let speed = cores as f64;
        let run = Run {
            policy: "fair",
            cores,
            chunk_ns: 20 * MS,
            rate_per_s: 0.5 * speed,
            sizes,
            requests,
        };
        check(&run, queue::processor_sharing(0.5, &sizes) / speed);
    }
}

#[test]
fn shortest_remaining_first() {
    for (cores, sizes, requests) in [(1, EXPONENTIAL, 250_000), (2, H2, 250_000)] {
        let speed = cores as f64;
        let run = Run {
            policy: "srpt",
            cores,
            chunk_ns: 10 * MS,
            rate_per_s: 0.7 * speed,
            sizes,
            requests,
        };
        let expected_s = queue::shortest_remaining_first(0.7, &sizes).unwrap();
        check(&run, expected_s / speed);
    }
}

#[test]
fn least_attained_first() {
    for (cores, sizes, requests) in [(1, EXPONENTIAL, 200_000), (2, H2, 200_000)] {
        let speed = cores as f64;
        let run = Run {
            policy: "las",
            cores,
            chunk_ns: 10 * MS,
            rate_per_s: 0.5 * speed,
            sizes,
            requests,
        };
        let expected_s = queue::least_attained_first(0.5, &sizes).unwrap();
        check(&run, expected_s / speed);
    }
}

#[test]
fn shortest_first_without_preemption() {
    for (sizes, requests) in [(EXPONENTIAL, 800_000), (H2, 1_500_000)] {
        let run = Run {
            policy: "sjf",
            cores: 1,
            chunk_ns: WHOLE,
            rate_per_s: 0.7,
            sizes,
            requests,
        };
        check(&run, queue::shortest_first(0.7, &sizes).unwrap());
    }
}

/// The sum of response times when shares go by rank (1 is the largest remaining) and a request
/// with a share of the cores runs at (share cores)^power: as a fluid, with no chunks.
fn fluid_sum(sizes: &[f64], cores: f64, power: f64, share: impl Fn(usize, usize) -> f64) -> f64 {
    let mut remaining = sizes.to_vec();
    remaining.sort_by(|a, b| b.total_cmp(a));
    let (mut now, mut sum) = (0.0, 0.0);
    while !remaining.is_empty() {
        let live = remaining.len();
        let speed = |rank: usize| (share(rank, live) * cores).powf(power);
        let ends_in = |(rank, left): (usize, &f64)| left / speed(rank);
        let step = (1..)
            .zip(&remaining)
            .map(ends_in)
            .fold(f64::INFINITY, f64::min);
        now += step;
        for (rank, left) in (1..).zip(&mut remaining) {
            *left -= step * speed(rank);
        }
        remaining.retain(|&left| left > 1e-7);
        sum += now * (live - remaining.len()) as f64;
    }
    sum
}

#[test]
fn hesrpt_reaches_the_optimum() {
    let check = |sizes: &[f64], cores: f64, exponent: u32, sums: [f64; 3]| {
        let power = 1.0 - 1.0 / f64::from(exponent);
        let order = (Policy::hesrpt().definition().build)(exponent);
        let by_policy = |rank, live| order.share_of_rank(rank, live) as f64 / 4_294_967_296.0;
        let equal = |_, live: usize| 1.0 / live as f64;
        let all_to_the_least = |rank, live| f64::from(u8::from(rank == live));
        let [optimum, shared, one_by_one] = sums;
        let near = |sum: f64, expected: f64| {
            assert!(
                (sum / expected - 1.0).abs() < 1e-5,
                "{sizes:?}: {sum} and not {expected}"
            );
        };
        near(fluid_sum(sizes, cores, power, by_policy), optimum);
        near(hesrpt_least_sum(sizes, cores, exponent.into()), optimum);
        near(fluid_sum(sizes, cores, power, equal), shared);
        near(fluid_sum(sizes, cores, power, all_to_the_least), one_by_one);
    };
    check(&[4.0, 2.0, 1.0], 9.0, 2, [3.233_390, 3.341_527, 3.666_667]);
    check(&[1.0; 4], 2.0, 2, [5.383_819, 5.656_854, 7.071_068]);
    check(&[1.0; 4], 2.0, 10, [5.343_564, 7.464_264, 5.358_867]);
    check(&[1.0; 4], 8.0, 2, [2.691_910, 2.828_427, 3.535_534]);
    check(
        &[10.0, 5.0, 2.0, 1.0, 1.0],
        16.0,
        5,
        [3.719_102, 4.438_804, 3.808_659],
    );
}
