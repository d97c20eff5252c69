//! Burning CPU on purpose: for a stated time, or for a stated amount of work.
//!
//! [`spin_for`] holds a core for a CPU *time*: it takes that long however slow the core is.
//! [`spin_iterations`] does fixed *work*: it takes longer on a slower core, as real work does, and
//! divides over cores by dividing the count. [`Calibration`] translates between the two, and [`thread_cpu_time`] is the clock.

use std::hint::black_box;
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use thiserror::Error;

/// Iterations between two looks at the clock: 10 µs, so that its system call is a few per cent.
const ITERATIONS_PER_LOOK: u64 = 8 * 1024;

/// Iterations of one calibration round: 5 to 20 ms, so that one interrupt is lost in it.
const ITERATIONS_PER_ROUND: u64 = 4 * 1024 * 1024;

/// Rounds measured on each core: half a second in all, because a chip that was idle runs faster at
/// first than it can keep up.
const ROUNDS_PER_CORE: usize = 75;

/// Runs until the calling thread has used `cpu_time`, and returns what it used: a few microseconds
/// more.
///
/// The time is that of [`thread_cpu_time`].
pub fn spin_for(cpu_time: Duration) -> Duration {
    let start = thread_cpu_time();
    loop {
        let used = thread_cpu_time().saturating_sub(start);
        if used >= cpu_time {
            return used;
        }
        spin_iterations(ITERATIONS_PER_LOOK);
    }
}

/// The CPU time that the calling thread has used so far: `CLOCK_THREAD_CPUTIME_ID` of
/// clock_gettime(2). Waiting for a core, or being throttled, does not count.
#[must_use]
pub fn thread_cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    // The kernel never reports a negative CPU time.
    Duration::new(
        now.tv_sec.unsigned_abs(),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}

/// Runs `iterations` of a fixed loop of integer operations, each waiting for the one before.
///
/// It touches no memory, so that two cores disturb each other as little as cores can, and it has no
/// closed form the compiler could find. Kept out of line so that every caller runs the same code.
#[inline(never)]
pub fn spin_iterations(iterations: u64) {
    black_box(mix(black_box(1), iterations));
}

/// An xor-shift and a multiplication by an odd constant per iteration. Each is a bijection of the
/// 64-bit numbers, so a state that begins above zero stays there.
fn mix(seed: u64, iterations: u64) -> u64 {
    let mut state = seed;
    for _ in 0..iterations {
        state = (state ^ (state >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    state
}

/// How many iterations of the fixed loop take one second of CPU on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calibration {
    iterations_per_cpu_second: u64,
}

impl Calibration {
    /// Measures on the calling thread with the other cores as they are.
    #[must_use]
    pub fn measure() -> Self {
        Self::from_rounds((0..ROUNDS_PER_CORE).map(|_| time_one_round()).collect())
    }

    /// Measures on `cores` threads at once, and takes the median of all rounds of all of them.
    ///
    /// An experiment that keeps every core busy needs this one. Two virtual cores may be the two
    /// hardware threads of one physical core, and a busy chip runs at a lower frequency: either way
    /// a second of CPU does less work than on a quiet machine. The rounds are short and many, and
    /// the median is taken, because a single round can be hit by an interrupt or by a neighbour of
    /// the virtual machine. A thread that is done keeps its core busy until the last one is.
    ///
    /// # Errors
    ///
    /// [`CalibrationError::Thread`] when the operating system refuses one of the threads.
    pub fn measure_with_busy_cores(cores: NonZeroUsize) -> Result<Self, CalibrationError> {
        let phase = Phase::new(cores.get());
        let rounds = thread::scope(|scope| {
            let mut threads = Vec::with_capacity(cores.get());
            for _ in 0..cores.get() {
                let spawned = thread::Builder::new().spawn_scoped(scope, || phase.time_rounds());
                match spawned {
                    Ok(thread) => threads.push(thread),
                    Err(source) => {
                        phase.abandoned.store(true, Ordering::Relaxed);
                        return Err(CalibrationError::Thread { cores, source });
                    }
                }
            }
            // A round neither panics nor blocks; a thread that died all the same adds no rounds.
            Ok(threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap_or_default())
                .collect())
        })?;
        Ok(Self::from_rounds(rounds))
    }

    /// Iterations of the fixed loop in one second of CPU.
    #[must_use]
    pub fn iterations_per_cpu_second(&self) -> u64 {
        self.iterations_per_cpu_second
    }

    /// How many iterations take `cpu_time`, rounded down; at most `u64::MAX`.
    #[must_use]
    pub fn iterations(&self, cpu_time: Duration) -> u64 {
        let iterations = u128::from(self.iterations_per_cpu_second)
            .saturating_mul(cpu_time.as_nanos())
            / 1_000_000_000;
        u64::try_from(iterations).unwrap_or(u64::MAX)
    }

    fn from_rounds(mut rounds: Vec<Duration>) -> Self {
        rounds.sort_unstable();
        let median = rounds
            .get(rounds.len() / 2)
            .copied()
            .unwrap_or(Duration::ZERO);
        let nanoseconds = median.as_nanos().max(1);
        let rate = u128::from(ITERATIONS_PER_ROUND) * 1_000_000_000 / nanoseconds;
        Self {
            iterations_per_cpu_second: u64::try_from(rate).unwrap_or(u64::MAX),
        }
    }
}

/// Why the cores could not be calibrated.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// The operating system refused a thread.
    #[error("cannot start the {cores} threads to calibrate with: allow more, or ask for fewer")]
    Thread {
        /// How many threads were asked for.
        cores: NonZeroUsize,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Where the threads of one calibration stand. Threads spin while they wait, so that no core is
/// idle, and cools down, while another measures.
struct Phase {
    cores: usize,
    started: AtomicUsize,
    finished: AtomicUsize,
    abandoned: AtomicBool,
}

impl Phase {
    fn new(cores: usize) -> Self {
        Self {
            cores,
            started: AtomicUsize::new(0),
            finished: AtomicUsize::new(0),
            abandoned: AtomicBool::new(false),
        }
    }

    /// Times this thread's rounds while all the other threads are busy.
    fn time_rounds(&self) -> Vec<Duration> {
        self.spin_until_all(&self.started);
        if self.abandoned.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let rounds = (0..ROUNDS_PER_CORE).map(|_| time_one_round()).collect();
        self.spin_until_all(&self.finished);
        rounds
    }

    /// Counts this thread in, then spins until all are counted or the calibration is abandoned.
    fn spin_until_all(&self, arrived: &AtomicUsize) {
        arrived.fetch_add(1, Ordering::Relaxed);
        while arrived.load(Ordering::Relaxed) < self.cores
            && !self.abandoned.load(Ordering::Relaxed)
        {
            spin_iterations(ITERATIONS_PER_LOOK);
        }
    }
}

fn time_one_round() -> Duration {
    let start = thread_cpu_time();
    spin_iterations(ITERATIONS_PER_ROUND);
    thread_cpu_time().saturating_sub(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_computes_what_it_always_did() {
        let known = [
            (0, 1),
            (1, 0x9e37_79b9_7f4a_7c15),
            (2, 0xd8a7_7e52_5827_1f36),
            (1000, 0xc5b1_f5f3_00db_2224),
        ];
        for (iterations, expected) in known {
            assert_eq!(
                mix(1, iterations),
                expected,
                "after {iterations} iterations"
            );
        }
    }

    #[test]
    fn the_loop_is_not_optimised_away() {
        let start = thread_cpu_time();
        spin_iterations(10_000_000);
        let used = thread_cpu_time().saturating_sub(start);
        // Three dependent operations an iteration: 5 ms even at 6 GHz.
        assert!(
            used > Duration::from_millis(2),
            "10 million iterations took {used:?}"
        );
    }

    #[test]
    fn spinning_uses_the_cpu_time_asked_for() {
        for asked in [
            Duration::ZERO,
            Duration::from_micros(1),
            Duration::from_millis(3),
        ] {
            let start = thread_cpu_time();
            let reported = spin_for(asked);
            let used = thread_cpu_time().saturating_sub(start);
            assert!(
                asked <= reported && reported <= used,
                "{asked:?} {reported:?} {used:?}"
            );
        }
    }

    #[test]
    fn iterations_are_proportional_to_the_time() {
        let calibration = Calibration {
            iterations_per_cpu_second: 3_000,
        };
        for (cpu_time, expected) in [
            (Duration::ZERO, 0),
            (Duration::from_micros(333), 0),
            (Duration::from_micros(334), 1),
            (Duration::from_millis(1500), 4500),
            (Duration::MAX, u64::MAX),
        ] {
            assert_eq!(calibration.iterations(cpu_time), expected, "{cpu_time:?}");
        }
    }

    #[test]
    fn the_median_round_decides() {
        let rounds = [9, 1, 2].map(Duration::from_secs).to_vec();
        let rate = Calibration::from_rounds(rounds).iterations_per_cpu_second();
        assert_eq!(rate, ITERATIONS_PER_ROUND / 2);
    }

    #[test]
    fn more_threads_than_cores_still_calibrate() {
        let threads = NonZeroUsize::new(5).unwrap();
        let calibration = Calibration::measure_with_busy_cores(threads).unwrap();
        // No core runs the loop faster than one iteration per cycle at 10 GHz.
        let rate = calibration.iterations_per_cpu_second();
        assert!(
            (1..10_000_000_000).contains(&rate),
            "{rate} iterations a second"
        );
    }
}
