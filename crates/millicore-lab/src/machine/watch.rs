//! What the machine did while an experiment ran.

use crate::machine::{CpuTimes, CpuUse, LoadAverages, MachineState};
use serde::Serialize;
use std::time::{Duration, Instant};

/// What the machine did during a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watched {
    /// How long the run took.
    pub wall: Duration,
    /// What all cores of the machine did during the run.
    pub cpu_use: Option<CpuUse>,
    /// Load averages after the run.
    pub load_after: Option<LoadAverages>,
}

/// The machine is watched from [`Watch::begin`] to [`Watch::end`].
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    began: Instant,
    cpu_times: Option<CpuTimes>,
}

impl Watch {
    /// Reads the counters at the beginning of a run.
    #[must_use]
    pub fn begin() -> Self {
        Self {
            began: Instant::now(),
            cpu_times: CpuTimes::read(),
        }
    }

    /// Reads them again at its end.
    #[must_use]
    pub fn end(self) -> Watched {
        Watched {
            wall: self.began.elapsed(),
            cpu_use: CpuTimes::read().and_then(|now| now.use_since(&self.cpu_times?)),
            load_after: MachineState::read().load,
        }
    }
}

/// The machine in a JSON report: as it was before the run, and what it did meanwhile.
#[derive(Debug, Serialize)]
pub(crate) struct MachineDocument<'a> {
    #[serde(flatten)]
    before: &'a MachineState,
    use_during_run: Option<CpuUse>,
    load_after: Option<LoadAverages>,
}

impl<'a> MachineDocument<'a> {
    pub(crate) const fn new(before: &'a MachineState, watched: &Watched) -> Self {
        Self {
            before,
            use_during_run: watched.cpu_use,
            load_after: watched.load_after,
        }
    }
}
