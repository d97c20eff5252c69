//! The place `process`: programs beside this one, in no group of their own and without limits.

use crate::child::{self, LocalProgram, RunningProgram};
use crate::counters::Counters;
use crate::place::{Capabilities, Enclosure, Limits, Place, PlaceError, Program, Running, Spec};
use std::io;

const NAME: &str = "process";

/// Runs programs without a limit; it needs nothing of the machine, and keeps nothing to a limit.
///
/// A program is ended together with its process group; what leaves that group, or outlives its
/// program, is beyond this place.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct ProcessPlace;

impl ProcessPlace {
    /// There is one everywhere.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Place for ProcessPlace {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            place: NAME,
            kept_by: "nobody".to_owned(),
            floor: None,
            has_live_update: false,
            has_burst: false,
            sees_ancestors: true,
        }
    }

    fn open(&self, spec: &Spec) -> Result<Box<dyn Enclosure>, PlaceError> {
        refuse_limits(&spec.limits)?;
        Ok(Box::new(ProcessEnclosure {
            name: format!("{NAME} {}", spec.label),
            started: Vec::new(),
        }))
    }
}

fn refuse_limits(limits: &Limits) -> Result<(), PlaceError> {
    let what = match (limits.bandwidth, limits.weight) {
        (None, None) => return Ok(()),
        (Some(bandwidth), _) => bandwidth.limit().to_string(),
        (None, Some(weight)) => format!("a weight of {weight}"),
    };
    Err(PlaceError::Unusable {
        place: NAME,
        why: format!("nobody would hold it to {what}"),
        remedy: "take the place cgroup or docker, or leave the limit out".to_owned(),
    })
}

#[derive(Debug)]
struct ProcessEnclosure {
    name: String,
    started: Vec<LocalProgram>,
}

impl Enclosure for ProcessEnclosure {
    fn name(&self) -> &str {
        &self.name
    }

    fn start(&mut self, program: &Program) -> Result<Box<dyn Running>, PlaceError> {
        let started = child::start(program, Vec::new(), &self.name)?;
        self.started.push(started.clone());
        Ok(Box::new(RunningProgram(started)))
    }

    fn set_limits(&mut self, limits: &Limits) -> Result<(), PlaceError> {
        refuse_limits(limits)
    }

    fn limits(&self) -> Result<Limits, PlaceError> {
        Ok(Limits::default())
    }

    fn counters(&self) -> Result<Option<Counters>, PlaceError> {
        Ok(None)
    }

    fn kill(&mut self) -> Result<(), PlaceError> {
        let ended: io::Result<()> = self.started.drain(..).try_for_each(|it| it.end());
        ended.map_err(|source| PlaceError::Failed {
            doing: format!("ending what runs in {}", self.name),
            source,
        })
    }

    fn remove(mut self: Box<Self>) -> Result<(), PlaceError> {
        self.kill()
    }
}

impl Drop for ProcessEnclosure {
    fn drop(&mut self) {
        // There is nobody to tell.
        let _ = self.kill();
    }
}
