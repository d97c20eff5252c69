//! The time over which all groups are measured, and what the machine did meanwhile.

use crate::burn::monotonic_ns;
use crate::machine::{CpuTimes, CpuUse};
use crate::stop::Stop;
use std::fs;
use std::thread;
use std::time::Duration;

/// How soon a stop is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What the machine did between two moments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Meanwhile {
    /// What all cores did.
    pub cpu_use: Option<CpuUse>,
    /// How often any core changed from one thread to another.
    pub switches: Option<u64>,
}

/// Waits for both moments of the monotonic clock, and counts between them; nothing if there was to
/// be a stop.
pub(super) fn wait_out(start_ns: u64, end_ns: u64, stop: &Stop) -> Option<Meanwhile> {
    wait_until(start_ns, stop)?;
    let (cpu_times, switches) = (CpuTimes::read(), switches());
    wait_until(end_ns, stop)?;
    Some(Meanwhile {
        cpu_use: CpuTimes::read().and_then(|now| now.use_since(&cpu_times?)),
        switches: self::switches().and_then(|now| now.checked_sub(switches?)),
    })
}

fn wait_until(at_ns: u64, stop: &Stop) -> Option<()> {
    loop {
        if stop.is_asked_for() {
            return None;
        }
        let left = Duration::from_nanos(at_ns.saturating_sub(monotonic_ns()));
        if left.is_zero() {
            return Some(());
        }
        thread::sleep(left.min(LOOK_EVERY));
    }
}

/// Of all cores since the machine started: proc(5), `/proc/stat`, line `ctxt`.
fn switches() -> Option<u64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let count = text.lines().find_map(|line| line.strip_prefix("ctxt "))?;
    count.trim().parse().ok()
}
