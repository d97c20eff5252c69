//! The workloads as bodies of requests: each divides itself over the cores that its request gets.

use crate::factorial::{NaiveFactorial, UBig, combine_pairs, product_of_range};
use crate::mandelbrot::View;
use crate::primes::{self, BasePrimes, PrimesError};
use crate::spin::{self, spin_iterations};
use millicore::Cpu;
use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts the primes below `limit`, segment by segment.
///
/// ```
/// use millicore::{Executor, Request};
/// use millicore_workload::divided;
///
/// let executor = Executor::builder().build()?;
/// let request = executor.submit(Request::new(), |cpu| async move {
///     divided::count_primes(&cpu, 1_000_000).await
/// });
/// assert_eq!(request.wait()?, Ok(78_498));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`PrimesError::LimitTooLarge`] above [`primes::MAX_LIMIT`].
pub async fn count_primes(cpu: &Cpu, limit: u64) -> Result<u64, PrimesError> {
    let base = cpu.run(move || BasePrimes::up_to(limit)).await?;
    let count = move |range| primes::count(range, &base);
    let segments = cpu.map_reduce(0..limit, count, |a, b| a + b);
    Ok(segments.chunk_len(SEGMENT).await)
}

const SEGMENT: NonZeroU64 = NonZeroU64::new(primes::SEGMENT_NUMBERS).unwrap();

/// Draws the whole picture of `view`: three bytes a pixel, as [`View::render_rows`] does.
///
/// It is cut by pixels, because one row can be worth many chunks.
pub async fn draw_mandelbrot(cpu: &Cpu, view: &View) -> Vec<u8> {
    let (pixels, view) = (view.pixels(), view.clone());
    let draw = move |range| view.render_pixels(range);
    cpu.map_reduce(0..pixels, draw, concatenate).await
}

/// Draws the picture of `view`, but keeps only the sum of its bytes: the same work for a request
/// whose answer must not fill the memory.
pub async fn sum_mandelbrot(cpu: &Cpu, view: &View) -> u64 {
    let (pixels, view) = (view.pixels(), view.clone());
    let sum = move |range| {
        let bytes = view.render_pixels(range);
        bytes.into_iter().map(u64::from).sum::<u64>()
    };
    cpu.map_reduce(0..pixels, sum, |a, b| a + b).await
}

/// Runs so many iterations of the fixed loop of [`spin_iterations`], and returns how many ran.
pub async fn spin(cpu: &Cpu, iterations: u64) -> u64 {
    let run = |range: Range<u64>| {
        let length = range.end - range.start;
        spin_iterations(length);
        length
    };
    cpu.map_reduce(0..iterations, run, |a, b| a + b).await
}

/// Uses so much CPU time, by the clocks of the threads that work on it.
pub async fn spin_for(cpu: &Cpu, time: Duration) {
    /// Long beside a look at the clock, short beside a slice.
    const PART: Duration = Duration::from_millis(1);
    let parts = time.as_nanos().div_ceil(PART.as_nanos());
    let used_ns = Arc::new(AtomicU64::new(0));
    cpu.for_each(0..u64::try_from(parts).unwrap_or(u64::MAX), move |_| {
        // Each part takes a little more than its time: the last ones find less left.
        let left = time.saturating_sub(Duration::from_nanos(used_ns.load(Ordering::Relaxed)));
        let used = spin::spin_for(left.min(PART));
        let used = u64::try_from(used.as_nanos()).unwrap_or(u64::MAX);
        used_ns.fetch_add(used, Ordering::Relaxed);
    })
    .await;
}

/// `n`! by multiplications in order: on one core at a time, which can be taken away after any few
/// of them.
pub async fn factorial_in_order(cpu: &Cpu, n: u64) -> UBig {
    /// 100 µs near 200 000!, where a multiplication takes the longest.
    const STEPS_BETWEEN_CHECKPOINTS: u64 = 4;
    let mut factorial = NaiveFactorial::new(n);
    while factorial.step(STEPS_BETWEEN_CHECKPOINTS) {
        cpu.checkpoint().await;
    }
    factorial.into_product()
}

/// `n`! by dividing and conquering: the products of short ranges, then level by level the products
/// of neighbours.
///
/// Each level has half as many multiplications as the one below, of numbers twice as long. So the
/// last levels leave cores idle, and the very last multiplication cannot be interrupted.
pub async fn factorial_by_tree(cpu: &Cpu, n: u64) -> UBig {
    let range_of = move |leaf: u64| {
        let first = 1 + leaf * FACTORS_OF_A_LEAF;
        first..first.saturating_add(FACTORS_OF_A_LEAF).min(n + 1)
    };
    let leaves = n.div_ceil(FACTORS_OF_A_LEAF);
    let multiply = move |leaves: Range<u64>| {
        leaves
            .map(|leaf| product_of_range(range_of(leaf)))
            .collect()
    };
    let mut level: Vec<UBig> = cpu.map_reduce(0..leaves, multiply, concatenate).await;
    while level.len() > 1 {
        level = next_level(cpu, level).await;
    }
    level.pop().unwrap_or(UBig::ONE)
}

/// The product of so many takes about 10 µs: several leaves make a chunk.
const FACTORS_OF_A_LEAF: u64 = 256;

async fn next_level(cpu: &Cpu, level: Vec<UBig>) -> Vec<UBig> {
    let pairs = level.len().div_ceil(2);
    let level = Arc::new(level);
    let combine = move |pairs: Range<usize>| {
        let end = (2 * pairs.end).min(level.len());
        combine_pairs(&level[2 * pairs.start..end])
    };
    cpu.map_reduce(0..pairs, combine, concatenate).await
}

fn concatenate<T>(mut left: Vec<T>, right: Vec<T>) -> Vec<T> {
    left.extend(right);
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mandelbrot::PIXEL_BYTES;
    use millicore::{CpuLimit, Executor, Request};
    use std::fmt::Debug;
    use std::num::NonZeroUsize;

    /// A body on an executor with two cores gives what the sequential kernel gives.
    #[track_caller]
    fn check<T, F>(body: impl FnOnce(Cpu) -> F, expected: &T)
    where
        T: PartialEq + Debug + Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let two = NonZeroUsize::new(2).unwrap();
        let executor = Executor::builder()
            .cores(two)
            .cpu_limit(CpuLimit::Unlimited)
            .build()
            .unwrap();
        let result = executor.submit(Request::new(), body).wait().unwrap();
        assert!(
            result == *expected,
            "not what the sequential kernel computes"
        );
    }

    #[test]
    fn primes_are_counted() {
        for limit in [0, 2, 3, 10, 1_000, primes::SEGMENT_NUMBERS, 3_000_001] {
            let base = BasePrimes::up_to(limit).unwrap();
            let expected = Ok(primes::count(0..limit, &base));
            check(
                move |cpu| async move { count_primes(&cpu, limit).await },
                &expected,
            );
        }
    }

    #[test]
    fn too_many_primes_are_refused() {
        let limit = primes::MAX_LIMIT + 1;
        let expected = Err(PrimesError::LimitTooLarge { limit });
        check(
            move |cpu| async move { count_primes(&cpu, limit).await },
            &expected,
        );
    }

    #[test]
    fn pictures_are_drawn() {
        for (pixels_wide, pixels_high) in [(64, 48), (1, 1), (0, 5)] {
            let view = View {
                pixels_high,
                ..View::whole_set(pixels_wide, 300)
            };
            let picture = view.render_rows(0..pixels_high.into());
            let bytes = usize::from(pixels_wide) * usize::from(pixels_high) * PIXEL_BYTES;
            assert_eq!(picture.len(), bytes);
            let sum: u64 = picture.iter().copied().map(u64::from).sum();
            let same_view = view.clone();
            check(
                move |cpu| async move { draw_mandelbrot(&cpu, &view).await },
                &picture,
            );
            check(
                move |cpu| async move { sum_mandelbrot(&cpu, &same_view).await },
                &sum,
            );
        }
    }

    #[test]
    fn iterations_are_spun() {
        for iterations in [0, 1, 1_000_003] {
            check(
                move |cpu| async move { spin(&cpu, iterations).await },
                &iterations,
            );
        }
    }

    #[test]
    fn cpu_time_is_used() {
        let one = NonZeroUsize::MIN;
        let executor = Executor::builder().cores(one).build().unwrap();
        for time in [Duration::ZERO, Duration::from_micros(2_500)] {
            let before = executor.metrics().cpu_time;
            let body = move |cpu| async move { spin_for(&cpu, time).await };
            executor.submit(Request::new(), body).wait().unwrap();
            assert!(executor.metrics().cpu_time - before >= time);
        }
    }

    #[test]
    fn factorials_are_computed() {
        for n in [0, 1, 2, 20, FACTORS_OF_A_LEAF, 2_003] {
            let expected = product_of_range(1..n + 1);
            let same = expected.clone();
            check(
                move |cpu| async move { factorial_in_order(&cpu, n).await },
                &expected,
            );
            check(
                move |cpu| async move { factorial_by_tree(&cpu, n).await },
                &same,
            );
        }
    }
}
