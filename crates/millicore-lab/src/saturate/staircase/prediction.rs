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

/// So many places of the ticks in a period are tried: where they are is not known.
const PLACES: u64 = 4;

/// Mean and last response in seconds: workers take the requests in order, from the moment on at which
/// the quota is renewed.
pub(super) fn mean_and_last_s(
    workers: usize,
    machine: Machine,
    bandwidth: Bandwidth,
) -> Result<(f64, f64), SimulateError> {
    let (mut mean_s, mut last_s) = (0.0, 0.0);
    for place in 0..PLACES {
        // The next tick comes that much later than the quota is renewed.
        let tick_after_ns = machine.tick_ns * (2 * place + 1) / (2 * PLACES);
        let (mean, last) = at_once(workers, machine, bandwidth, tick_after_ns)?;
        mean_s += mean / PLACES as f64;
        last_s += last / PLACES as f64;
    }
    Ok((mean_s, last_s))
}

/// The same with the first tick at this time after the renewal.
fn at_once(
    workers: usize,
    machine: Machine,
    bandwidth: Bandwidth,
    tick_after_ns: u64,
) -> Result<(f64, f64), SimulateError> {
    let (quota_ns, period_ns) = (ns(bandwidth.quota()), ns(bandwidth.period()));
    let tick_ns = machine.tick_ns;
    let mut kernel = Kernel::new(machine.cores).with_quota(quota_ns, period_ns);
    kernel.tick_ns = tick_ns;
    // Ticks are at multiples of their distance, so that the requests come before one of them.
    let begins_ns = period_ns.next_multiple_of(tick_ns) - tick_after_ns;
    if let Some(bandwidth) = &mut kernel.bandwidth {
        bandwidth.phase_ns = (period_ns - begins_ns % period_ns) % period_ns;
    }
    let setup = Setup {
        kernel: Some(kernel),
        // A worker asks nobody before its request is done.
        chunk_ns: SIZE_NS,
        ..Setup::new(Policy::fifo(), workers)
    };
    let mut workload = Workload::batch(&[SIZE_NS; REQUESTS]);
    for request in &mut workload.requests {
        request.arrival_ns = begins_ns;
    }
    let schedule = simulate(&workload, &setup)?;
    let ends = schedule.completions_ns().flatten();
    let responses_ns: Vec<u64> = ends.map(|end_ns| end_ns - begins_ns).collect();
    let sum_ns: u64 = responses_ns.iter().sum();
    let last_ns = responses_ns.iter().copied().max().unwrap_or(0);
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
    fn more_workers_help_nobody() {
        for tick_ms in 1..=10 {
            let machine = Machine {
                cores: 2,
                tick_ns: tick_ms * 1_000_000,
            };
            let bandwidth = Bandwidth::of("500m".parse().unwrap());
            let pools = [1, 2, 4, 10];
            let pools = pools.map(|workers| mean_and_last_s(workers, machine, bandwidth).unwrap());
            assert!(pools.is_sorted_by(|a, b| a.0 < b.0), "{pools:?}");
            // A second of CPU time at half a core.
            let is_possible = |&(_, last_s): &(f64, f64)| (1.9..=2.01).contains(&last_s);
            assert!(pools.iter().all(is_possible), "{pools:?}");
        }
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
