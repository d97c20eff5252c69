//! Times single calls, and sums them up as percentiles.

use std::fmt;
use std::hint::black_box;
use std::time::Instant;

/// Larger than the second-level cache of most cores.
const TOUCHED_BYTES: usize = 2 << 20;
const CACHE_LINE_BYTES: usize = 64;

/// A clock that knows what reading it costs.
pub(crate) struct Clock {
    overhead_ns: u64,
    touched: Vec<u8>,
}

impl Clock {
    pub(crate) fn calibrated() -> Self {
        let mut clock = Self {
            overhead_ns: 0,
            touched: vec![0; TOUCHED_BYTES],
        };
        let empty = (0..100_000).map(|_| clock.time(|| ())).collect();
        clock.overhead_ns = Percentiles::of(empty).p50_ns;
        clock
    }

    pub(crate) const fn overhead_ns(&self) -> u64 {
        self.overhead_ns
    }

    /// How long `call` takes, in nanoseconds.
    pub(crate) fn time(&self, call: impl FnOnce()) -> u64 {
        let started = Instant::now();
        call();
        let elapsed_ns = started.elapsed().as_nanos();
        u64::try_from(elapsed_ns)
            .unwrap_or(u64::MAX)
            .saturating_sub(self.overhead_ns)
    }

    /// Drives what was in the near caches out of them.
    pub(crate) fn touch_cache(&mut self) {
        for byte in self.touched.iter_mut().step_by(CACHE_LINE_BYTES) {
            *byte = black_box(*byte).wrapping_add(1);
        }
    }
}

/// The median and the 99th percentile.
pub(crate) struct Percentiles {
    p50_ns: u64,
    p99_ns: u64,
}

impl Percentiles {
    pub(crate) fn of(mut samples: Vec<u64>) -> Self {
        samples.sort_unstable();
        let at = |percent: usize| {
            samples
                .get(samples.len() * percent / 100)
                .copied()
                .unwrap_or(0)
        };
        Self {
            p50_ns: at(50),
            p99_ns: at(99),
        }
    }

    pub(crate) fn of_p50(&self, bar_ns: u64) -> f64 {
        ratio(self.p50_ns, bar_ns)
    }

    pub(crate) fn of_p99(&self, bar_ns: u64) -> f64 {
        ratio(self.p99_ns, bar_ns)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nanoseconds of one call, shown to two digits"
)]
fn ratio(measured_ns: u64, bar_ns: u64) -> f64 {
    measured_ns as f64 / bar_ns as f64
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.p50_ns, self.p99_ns))
    }
}
