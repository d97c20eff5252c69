//! What is delivered to threads that want all they can get: tells a limit that no file shows.

use millicore_quota::{Delivery, MachineTime, Millicores, Roots, Sample};
use rustix::time::{ClockId, clock_gettime};
use std::hint::spin_loop;
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks: a part of the shortest period in use.
const EVERY: Duration = Duration::from_millis(10);

/// Spins for so long on as many threads as the visible limit has use for.
pub(super) fn measure(
    length: Duration,
    threads: NonZeroUsize,
    visible: Millicores,
) -> io::Result<Delivery> {
    let has_ended = AtomicBool::new(false);
    let samples = thread::scope(|scope| {
        for _ in 0..threads.get() {
            scope.spawn(|| {
                while !has_ended.load(Ordering::Relaxed) {
                    spin_loop();
                }
            });
        }
        let samples = look(length, threads);
        has_ended.store(true, Ordering::Relaxed);
        samples
    });
    Ok(Delivery::of(&samples?, visible))
}

fn look(length: Duration, threads: NonZeroUsize) -> io::Result<Vec<Sample>> {
    let width = u32::try_from(threads.get()).unwrap_or(u32::MAX);
    let begin = Instant::now();
    let mut samples = Vec::new();
    let mut before = Look::now()?;
    while begin.elapsed() < length {
        thread::sleep(EVERY);
        let now = Look::now()?;
        let elapsed = now.at.duration_since(before.at);
        samples.push(Sample {
            elapsed,
            wanted: elapsed.saturating_mul(width),
            received: now.cpu.saturating_sub(before.cpu),
            idle: now.machine.idle.saturating_sub(before.machine.idle),
            steal: now.machine.steal.saturating_sub(before.machine.steal),
        });
        before = now;
    }
    Ok(samples)
}

struct Look {
    at: Instant,
    cpu: Duration,
    machine: MachineTime,
}

impl Look {
    fn now() -> io::Result<Self> {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        Ok(Self {
            at: Instant::now(),
            cpu: Duration::try_from(cpu).map_err(io::Error::other)?,
            machine: MachineTime::read(&Roots::default())?,
        })
    }
}
