//! What the simulator says of a round: the computations as requests under `fair` and `fifo`.

use crate::fork::plan::Slicing;
use millicore::{Policy, Width};
use millicore_sim::{Setup, SimulateError, Workload, simulate};

/// How long a round takes on simulated cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prediction {
    /// Under `fair/one`: an equal share for each, on one core at a time, slice by slice, as a
    /// kernel does it.
    pub fair_ns: u64,
    /// Under `fifo`: each keeps its core until it is done.
    pub fifo_ns: u64,
}

impl Prediction {
    /// Predicts `members` computations of `one_ns` each that begin together.
    ///
    /// # Errors
    ///
    /// Says why they cannot be simulated.
    pub fn new(
        one_ns: u64,
        members: usize,
        cores: usize,
        slicing: Slicing,
    ) -> Result<Self, SimulateError> {
        let workload = Workload::batch(&vec![one_ns.max(1); members]);
        let fair = Setup {
            chunk_ns: slicing.slice_ns,
            overhead_ns: if members > cores {
                slicing.overhead_ns
            } else {
                0
            },
            ..Setup::new(Policy::fair().with_width(Width::One), cores)
        };
        let fifo = Setup {
            chunk_ns: slicing.slice_ns,
            ..Setup::new(Policy::fifo(), cores)
        };
        let makespan_ns = |setup| {
            let schedule = simulate(&workload, setup)?;
            Ok::<u64, SimulateError>(schedule.makespan_ns().unwrap_or(0))
        };
        Ok(Self {
            fair_ns: makespan_ns(&fair)?,
            fifo_ns: makespan_ns(&fifo)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Prediction;
    use crate::fork::Slicing;

    const MS: u64 = 1_000_000;

    #[track_caller]
    fn check(members: usize, overhead_us: u64, fair_ms: u64, fifo_ms: u64) {
        let slicing = Slicing {
            slice_ns: 4 * MS,
            overhead_ns: overhead_us * 1_000,
        };
        let predicted = Prediction::new(9_600 * MS, members, 6, slicing).unwrap();
        let expected = Prediction {
            fair_ns: fair_ms * MS,
            fifo_ns: fifo_ms * MS,
        };
        assert_eq!(predicted, expected, "{members} with {overhead_us} us");
    }

    #[test]
    fn the_article_without_overhead() {
        check(1, 0, 9_600, 9_600);
        check(4, 0, 9_600, 9_600);
        check(8, 0, 12_800, 19_200);
    }

    #[test]
    fn overhead_lengthens_what_shares_cores() {
        check(4, 400, 9_600, 9_600);
        check(8, 400, 14_080, 19_200);
    }

    #[test]
    fn a_long_slice_is_whole_rounds() {
        let slicing = Slicing {
            slice_ns: 1_000 * MS,
            overhead_ns: 0,
        };
        let predicted = Prediction::new(100 * MS, 8, 6, slicing).unwrap();
        assert_eq!((predicted.fair_ns, predicted.fifo_ns), (200 * MS, 200 * MS));
    }
}
