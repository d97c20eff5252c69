//! Which cores a thread, and all that comes of it, may use.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::io;

/// Holds the calling thread, and the threads and processes that it starts, to the first cores of
/// its mask. The answer is what [`restore`] takes.
pub(crate) fn keep_to(cores: usize) -> io::Result<CpuSet> {
    let mask = sched_getaffinity(None)?;
    let allowed = (0..CpuSet::MAX_CPU).filter(|&cpu| mask.is_set(cpu));
    let mut kept = CpuSet::new();
    for cpu in allowed.take(cores) {
        kept.set(cpu);
    }
    sched_setaffinity(None, &kept)?;
    Ok(mask)
}

/// Moves the calling thread to a core of its mask, by its number among them, beyond the last from the
/// first on. The answer is what [`restore`] takes.
pub(crate) fn move_to(number: usize) -> io::Result<CpuSet> {
    let mask = sched_getaffinity(None)?;
    let allowed: Vec<usize> = (0..CpuSet::MAX_CPU)
        .filter(|&cpu| mask.is_set(cpu))
        .collect();
    let mut one = CpuSet::new();
    one.set(allowed[number % allowed.len()]);
    sched_setaffinity(None, &one)?;
    Ok(mask)
}

/// Gives the calling thread its cores back.
pub(crate) fn restore(mask: &CpuSet) -> io::Result<()> {
    Ok(sched_setaffinity(None, mask)?)
}
