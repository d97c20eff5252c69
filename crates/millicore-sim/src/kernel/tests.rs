//! The kernel beside closed forms, and beside what real kernels were measured to do.

use super::{Counters, Kernel, KernelError};
use crate::statistics::Summary;
use crate::{POLICIES, Policy, Schedule, Setup, Workload, simulate};
use proptest::prelude::*;

const US: u64 = 1_000;
const MS: u64 = 1_000_000;

fn run(kernel: Kernel, policy: &str, cores: usize, sizes_ns: &[u64]) -> Schedule {
    let setup = Setup {
        kernel: Some(kernel),
        ..Setup::new(policy.parse::<Policy>().unwrap(), cores)
    };
    simulate(&Workload::batch(sizes_ns), &setup).unwrap()
}

/// When `work_ns` of CPU time is done on a thread of its own that may use `quota_ns` in every period,
/// `phase_ns` after one began.
fn done_ns(work_ns: u64, quota_ns: u64, period_ns: u64, phase_ns: u64) -> u64 {
    let until_refill_ns = period_ns - phase_ns;
    let first_ns = quota_ns.min(until_refill_ns);
    let Some(rest_ns @ 1..) = work_ns.checked_sub(first_ns) else {
        return work_ns;
    };
    let whole_periods = rest_ns.div_ceil(quota_ns) - 1;
    until_refill_ns + whole_periods * period_ns + rest_ns - whole_periods * quota_ns
}

proptest! {
    /// A tick comes too late by its length at most, and a slice that was taken in one period may be
    /// used in the next.
    #[test]
    fn work_is_done_when_the_closed_form_says(
        work_us in 1..300_000_u64,
        quota_us in 1_000..90_000_u64,
        phase_us in 0..100_000_u64,
    ) {
        const TICK_NS: u64 = 20 * US;
        let [work_ns, quota_ns, phase_ns] = [work_us, quota_us, phase_us].map(|us| us * US);
        let period_ns = 100 * MS;
        let mut kernel = Kernel::new(1).with_quota(quota_ns, period_ns);
        kernel.tick_ns = TICK_NS;
        let bandwidth = kernel.bandwidth.as_mut().unwrap();
        (bandwidth.phase_ns, bandwidth.slice_ns) = (phase_ns, TICK_NS);
        let schedule = run(kernel, "fifo", 1, &[work_ns]);
        let done = schedule.makespan_ns().unwrap();
        let latest_ns = done_ns(work_ns, quota_ns, period_ns, phase_ns) + TICK_NS;
        let less_ns = work_ns.saturating_sub(3 * TICK_NS);
        let earliest_ns = done_ns(less_ns, quota_ns, period_ns, phase_ns);
        prop_assert!((earliest_ns..=latest_ns).contains(&done), "{earliest_ns} {done} {latest_ns}");
        prop_assert_eq!(schedule.kernel().unwrap().cpu_ns, work_ns);
    }

    /// Where every thread has a processor and nothing limits them, the kernel changes nothing.
    #[test]
    fn a_kernel_without_a_quota_changes_nothing(
        sizes in prop::collection::vec(1..50_000_u64, 1..12),
        policy in 0..POLICIES.len(),
        cores in 1..5_usize,
        tick_ns in 1_000..9_000_u64,
    ) {
        let policy = POLICIES[policy].name;
        let plain = Setup {
            chunk_ns: 7_000,
            overhead_ns: 13,
            ..Setup::new(policy.parse().unwrap(), cores)
        };
        let kernel = Kernel { tick_ns, ..Kernel::new(cores) };
        let with_kernel = Setup { kernel: Some(kernel), ..plain.clone() };
        let workload = Workload::batch(&sizes);
        let expected = simulate(&workload, &plain).unwrap();
        let schedule = simulate(&workload, &with_kernel).unwrap();
        prop_assert!(schedule.completions_ns().eq(expected.completions_ns()), "{}", policy);
        prop_assert_eq!(schedule.kernel().unwrap().longest_stall_ns, 0);
    }
}

/// Threads that spin for some seconds under a limit: what they get, and the longest that one stands
/// still. Expected are figures that were measured on Linux 6.18 with two processors and ticks of
/// 4 ms.
#[track_caller]
fn check_burning(
    (quota_us, period_ms): (u64, u64),
    threads: u64,
    expected_m: (u64, u64),
    expected_stall_ms: (u64, u64),
) {
    let kernel = Kernel::new(2).with_quota(quota_us * US, period_ms * MS);
    let limit_m = quota_us / period_ms;
    let each_ns = 6_000 * MS * limit_m / 1000 / threads;
    let threads_on = usize::try_from(threads).unwrap();
    // One chunk each: nothing but ticks accounts for them.
    let setup = Setup {
        chunk_ns: u64::MAX / 2,
        kernel: Some(kernel),
        ..Setup::new(Policy::fifo(), threads_on)
    };
    let schedule = simulate(&Workload::batch(&vec![each_ns; threads_on]), &setup).unwrap();
    let Counters {
        cpu_ns,
        longest_stall_ns,
        ..
    } = schedule.kernel().unwrap();
    let received_m = cpu_ns * 1000 / schedule.makespan_ns().unwrap();
    assert!(
        (expected_m.0..=expected_m.1).contains(&received_m),
        "{threads} threads at {quota_us} us / {period_ms} ms: {received_m}m"
    );
    let stall_ms = longest_stall_ns.div_ceil(MS);
    assert!(
        (expected_stall_ms.0..=expected_stall_ms.1).contains(&stall_ms),
        "{threads} threads at {quota_us} us / {period_ms} ms: {stall_ms} ms"
    );
}

#[test]
fn stalls_are_as_long_as_measured() {
    check_burning((1_000, 100), 1, (10, 10), (396, 396));
    check_burning((1_000, 100), 2, (10, 10), (796, 796));
    check_burning((2_500, 100), 1, (25, 25), (196, 200));
    check_burning((10_000, 100), 1, (98, 104), (88, 96));
    check_burning((10_000, 100), 2, (98, 104), (92, 100));
    check_burning((25_000, 100), 1, (245, 256), (72, 80));
    check_burning((50_000, 100), 1, (495, 510), (48, 56));
    check_burning((50_000, 100), 2, (495, 515), (72, 80));
    check_burning((1_000, 10), 1, (95, 102), (33, 38));
    check_burning((5_000, 50), 1, (98, 102), (44, 48));
    check_burning((50_000, 500), 1, (98, 110), (446, 456));
    check_burning((100_000, 1000), 1, (98, 120), (896, 904));
}

/// Ten requests of 100 ms on so many threads, beside what was measured on Linux 6.18 by a program
/// that took 4 ms to start and began 26 ms into a period; means within 5 %.
#[track_caller]
fn check_staircase(limit_m: u64, threads: usize, expected_mean_ms: u32, expected_last_ms: u32) {
    let mut kernel = Kernel::new(2).with_quota(limit_m * 100 * US, 100 * MS);
    kernel.bandwidth.as_mut().unwrap().phase_ns = 26 * MS;
    let mut sizes_ns = [100 * MS; 10];
    sizes_ns[0] += 4 * MS;
    let workload = Workload::batch(&sizes_ns);
    let setup = Setup {
        kernel: Some(kernel),
        ..Setup::new(Policy::fifo(), threads)
    };
    let schedule = simulate(&workload, &setup).unwrap();
    let mean_ms = Summary::new(&workload, &schedule).mean_response_ns.unwrap() / 1e6;
    let last_ms = f64::from(u32::try_from(schedule.makespan_ns().unwrap() / MS).unwrap());
    let is_near = |ms: f64, expected_ms: u32| {
        let expected_ms = f64::from(expected_ms);
        (ms - expected_ms).abs() <= expected_ms / 20.0
    };
    let what = format!("{threads} threads at {limit_m}m: mean {mean_ms} ms, last {last_ms} ms");
    assert!(is_near(mean_ms, expected_mean_ms), "{what}");
    assert!(is_near(last_ms, expected_last_ms), "{what}");
}

#[test]
fn more_workers_than_the_quota_feeds_lose_the_order() {
    for (threads, mean_ms, last_ms) in [
        (1, 1080, 1980),
        (2, 1150, 1980),
        (4, 1280, 1980),
        (10, 1940, 1980),
    ] {
        check_staircase(500, threads, mean_ms, last_ms);
    }
    for (threads, mean_ms, last_ms) in
        [(1, 560, 1020), (2, 560, 960), (4, 630, 950), (10, 930, 970)]
    {
        check_staircase(1000, threads, mean_ms, last_ms);
    }
}

/// A job of 20 ms after an idle time, at 100m, 26 ms after a period began.
#[track_caller]
fn check_burst(burst_ms: u64, expected_ms: u64) {
    let mut kernel = Kernel::new(2).with_quota(10 * MS, 100 * MS);
    kernel.tick_ns = MS;
    let bandwidth = kernel.bandwidth.as_mut().unwrap();
    bandwidth.burst_ns = burst_ms * MS;
    bandwidth.phase_ns = 26 * MS;
    let schedule = run(kernel, "fifo", 1, &[23 * MS]);
    assert_eq!(schedule.makespan_ns(), Some(expected_ms * MS));
}

#[test]
fn a_burst_spares_a_short_job_the_next_period() {
    check_burst(0, 177);
    check_burst(10, 77);
}

#[track_caller]
fn check_refused(change: impl FnOnce(&mut Kernel), expected: KernelError) {
    let mut kernel = Kernel::new(2).with_quota(50 * MS, 100 * MS);
    change(&mut kernel);
    assert_eq!(kernel.check(), Err(expected));
}

#[test]
fn what_a_kernel_does_not_take_is_refused() {
    let bandwidth = |kernel: &mut Kernel, change: fn(&mut super::Bandwidth)| {
        kernel.bandwidth.as_mut().map(change).unwrap();
    };
    check_refused(
        |it| it.processors = 0,
        KernelError::Processors { processors: 0 },
    );
    check_refused(|it| it.tick_ns = 0, KernelError::NoTick);
    check_refused(
        |it| bandwidth(it, |it| it.period_ns = MS - 1),
        KernelError::Period { period_ns: MS - 1 },
    );
    check_refused(
        |it| bandwidth(it, |it| it.quota_ns = MS - 1),
        KernelError::Quota {
            quota_ns: MS - 1,
            period_ns: 100 * MS,
        },
    );
    check_refused(
        |it| bandwidth(it, |it| it.burst_ns = 51 * MS),
        KernelError::Burst {
            burst_ns: 51 * MS,
            quota_ns: 50 * MS,
        },
    );
    check_refused(
        |it| bandwidth(it, |it| it.phase_ns = 100 * MS),
        KernelError::Phase {
            phase_ns: 100 * MS,
            period_ns: 100 * MS,
        },
    );
    check_refused(
        |it| bandwidth(it, |it| it.slice_ns = 0),
        KernelError::NoSlice,
    );
}
