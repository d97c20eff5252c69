//! The monotonic clock as a number, which means the same to every process of the machine.

use rustix::time::{ClockId, clock_gettime};
use std::thread;
use std::time::Duration;

/// `CLOCK_MONOTONIC` of clock_gettime(2) in nanoseconds, the same in every container.
#[must_use]
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // Neither is ever negative.
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// Waits until then, if it is not over.
pub(super) fn wait_until(at_ns: u64) {
    loop {
        let left_ns = at_ns.saturating_sub(monotonic_ns());
        if left_ns == 0 {
            return;
        }
        thread::sleep(Duration::from_nanos(left_ns));
    }
}
