//! The CPU affinity mask of the calling thread.

use crate::warning::LimitWarning;
use rustix::thread::sched_getaffinity;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

/// How many cores the calling thread may run on, by `sched_getaffinity(2)`.
///
/// The mask of rustix holds 1024 CPUs; on a larger machine the kernel refuses it, and the standard
/// library's estimate stands in, with a warning.
pub(crate) fn cores(warnings: &mut Vec<LimitWarning>) -> NonZeroUsize {
    let error = match sched_getaffinity(None) {
        Ok(mask) => {
            let cores = usize::try_from(mask.count())
                .ok()
                .and_then(NonZeroUsize::new);
            return cores.unwrap_or(NonZeroUsize::MIN);
        }
        Err(error) => error,
    };
    let cores = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    warnings.push(LimitWarning::Affinity {
        cores: cores.get(),
        kind: error.kind(),
    });
    cores
}

#[cfg(test)]
mod tests {
    use super::cores;
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    /// The mask belongs to a thread, so that narrowing it here leaves other tests alone.
    #[test]
    fn counts_the_cores_left_in_the_mask() {
        let before = sched_getaffinity(None).unwrap();
        let allowed = (0..CpuSet::MAX_CPU)
            .find(|cpu| before.is_set(*cpu))
            .unwrap();
        let mut one = CpuSet::new();
        one.set(allowed);
        let mut warnings = Vec::new();

        assert_eq!(
            cores(&mut warnings).get(),
            usize::try_from(before.count()).unwrap()
        );
        sched_setaffinity(None, &one).unwrap();
        assert_eq!(cores(&mut warnings).get(), 1);
        assert_eq!(warnings, []);
    }
}
