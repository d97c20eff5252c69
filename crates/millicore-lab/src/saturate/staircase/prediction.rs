//! What a simulated kernel makes of requests at once on a pool under a quota.

use crate::saturate::staircase::{REQUESTS, SIZE_NS};
use millicore_quota::Bandwidth;
use millicore_sim::kernel::Kernel;
use millicore_sim::{Policy, Setup, SimulateError, Workload, simulate};
use std::time::Duration;

/// The machine: its cores, and how often its kernel looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    pub(super) cores: usize,
    pub(super) tick_ns: u64,
}

/// Mean and last response in seconds: workers take the requests in order, from the moment on at which
/// the quota is renewed.
pub(super) fn mean_and_last_s(
    workers: usize,
    machine: Machine,
    bandwidth: Bandwidth,
) -> Result<(f64, f64), SimulateError> {
    let kernel = Kernel {
        tick_ns: machine.tick_ns,
        ..Kernel::new(machine.cores).with_quota(ns(bandwidth.quota()), ns(bandwidth.period()))
    };
    let setup = Setup {
        kernel: Some(kernel),
        ..Setup::new(Policy::fifo(), workers)
    };
    let schedule = simulate(&Workload::batch(&[SIZE_NS; REQUESTS]), &setup)?;
    let sum_ns: u64 = schedule.completions_ns().flatten().sum();
    let last_ns = schedule.makespan_ns().unwrap_or(sum_ns);
    Ok((sum_ns as f64 / 1e9 / REQUESTS as f64, last_ns as f64 / 1e9))
}

fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Machine, mean_and_last_s};
    use millicore_quota::Bandwidth;

    #[track_caller]
    fn check(workers: usize, cores: usize, limit: &str, mean_s: f64, last_s: f64) {
        let bandwidth = Bandwidth::of(limit.parse().unwrap());
        let machine = Machine {
            cores,
            tick_ns: 1_000_000,
        };
        let (mean, last) = mean_and_last_s(workers, machine, bandwidth).unwrap();
        // A tick on each core.
        assert!((mean - mean_s).abs() <= 0.003, "mean {mean}");
        assert!((last - last_s).abs() <= 0.003, "last {last}");
    }

    #[test]
    fn a_quota_makes_stairs() {
        // 50 ms of every 100: done at 150, 350, ... 1950 ms.
        check(1, 2, "500m", 1.05, 1.95);
        // The share of one core, so the same.
        check(1, 1, "500m", 1.05, 1.95);
        // No quota to speak of.
        check(1, 1, "1000m", 0.55, 1.0);
        check(2, 2, "2000m", 0.3, 0.5);
    }
}
