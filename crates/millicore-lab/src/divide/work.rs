//! What a request does: one of the workloads, in an amount.

use millicore::Cpu;
use millicore_workload::divided;
use millicore_workload::mandelbrot::View;
use millicore_workload::primes::PrimesError;
use serde::Serialize;
use std::fmt;

/// What a request does, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Workload {
    /// A fixed loop that touches no memory.
    Spin,
    /// Counting primes; nearly all chunks cost the same.
    Primes,
    /// Drawing the Mandelbrot set; one chunk can cost many times another.
    Mandelbrot,
}

impl Workload {
    const ALL: [Self; 3] = [Self::Spin, Self::Primes, Self::Mandelbrot];
    /// The names of all.
    pub const NAMES: [&str; 3] = ["spin", "primes", "mandelbrot"];

    /// The workload with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|workload| workload.name() == name)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spin => Self::NAMES[0],
            Self::Primes => Self::NAMES[1],
            Self::Mandelbrot => Self::NAMES[2],
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A workload in an amount: the same work for every request.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// So many iterations of the fixed loop.
    Spin {
        /// How many.
        iterations: u64,
    },
    /// Counting the primes below a limit.
    Primes {
        /// The limit.
        limit: u64,
    },
    /// Drawing a picture.
    Mandelbrot {
        /// Which.
        view: View,
    },
}

impl Work {
    /// Does it, on every core that the request gets. The answer is the same number every time.
    pub(crate) async fn run(&self, cpu: &Cpu) -> Result<u64, PrimesError> {
        match self {
            Self::Spin { iterations } => Ok(divided::spin(cpu, *iterations).await),
            Self::Primes { limit } => divided::count_primes(cpu, *limit).await,
            Self::Mandelbrot { view } => Ok(divided::sum_mandelbrot(cpu, view).await),
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spin { iterations } => write!(f, "{iterations} iterations of a fixed loop"),
            Self::Primes { limit } => write!(f, "the primes below {limit}"),
            Self::Mandelbrot { view } => write!(
                f,
                "a Mandelbrot set of {} x {} pixels and {} iterations",
                view.pixels_wide, view.pixels_high, view.max_iterations
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Workload;

    #[test]
    fn every_workload_is_found_by_its_name() {
        for (workload, name) in Workload::ALL.into_iter().zip(Workload::NAMES) {
            assert_eq!(workload.name(), name);
            assert_eq!(Workload::named(name), Some(workload));
        }
        assert_eq!(Workload::named("Spin"), None);
    }
}
