//! The run: one case after the other, from the making of its groups to their removal.
//!
//! 1. The groups are made and their burners or servers started, without limits: a start under a
//!    small one takes from seconds to half a minute.
//! 2. Once all of them are ready, the limits are set.
//! 3. All burners, or the clients of all servers, are told to begin at one moment that is still to
//!    come; meanwhile the counters are read.
//! 4. All stop at one moment, from which on they use nothing, and the counters are read again.
//! 5. Small limits are taken away, so that the burners can tell at once what came of it.
//! 6. The groups are removed, and what is in them ends with them.

mod many;
mod measure;

use crate::burn::Burnt;
use crate::machine::{Watch, Watched};
use crate::place::{PlaceKind, find};
use crate::saturate::case::Case;
use crate::saturate::group::GroupError;
use crate::saturate::occupant::Occupant;
use crate::saturate::plan::Plan;
use crate::saturate::staircase::{self, Staircase};
use crate::saturate::window::Meanwhile;
use crate::stop::Stop;
use millicore_quota::{
    Bandwidth, CgroupPlace, Counters, Enclosure, Limits, Place, PlaceError, Spec,
};
use std::path::Path;
use std::time::{Duration, Instant};

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What kept the limits.
    pub kept_by: String,
    /// The cases that were done.
    pub cases: Vec<CaseResult>,
    /// Requests at once to pools of several sizes, if it came to that.
    pub staircase: Option<Staircase>,
    /// What the machine did meanwhile.
    pub watched: Watched,
    /// Whether the run was stopped before its end.
    pub was_stopped: bool,
}

/// What a case came to.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseResult {
    /// What was run.
    pub case: Case,
    /// Each group.
    pub groups: Vec<GroupResult>,
    /// What the kernel counted in the group around them, if there is one.
    pub parent: Option<Counters>,
    /// What the machine did while all of them ran.
    pub meanwhile: Meanwhile,
    /// From the first group that was made until all burners could begin.
    pub started_in: Duration,
    /// How long it took to remove them all.
    pub removed_in: Duration,
}

/// What a group came to.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupResult {
    /// What the burner saw.
    pub burnt: Burnt,
    /// What the kernel counted meanwhile.
    pub counters: Counters,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// A case is made and started.
    Starting(Case),
    /// All of its burners are told to begin.
    Burning(Case),
    /// Requests go to a pool of so many workers, for so many a time.
    Staircase {
        /// How many workers.
        workers: usize,
        /// Which time, from 1.
        repeat: usize,
    },
}

/// What a run failed by.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {source}")]
pub struct RunError {
    /// The case, or what else was run.
    pub what: String,
    /// What happened.
    pub source: GroupError,
}

/// Runs the plan with `program`, which is the command that `burn` is a part of. Call it from a
/// thread that lasts as long as the run. Whatever ends the run, nothing of it is left behind.
///
/// # Errors
///
/// Says what could not be done, in which case.
pub fn run(
    plan: &Plan,
    program: &Path,
    stop: &Stop,
    watch: &mut dyn FnMut(Progress),
) -> Result<Outcome, RunError> {
    let machine = Watch::begin();
    let unusable = |source: PlaceError| RunError {
        what: format!("--in {}", plan.place),
        source: source.into(),
    };
    let place = find(plan.place).map_err(unusable)?;
    let mut cases = Vec::new();
    for case in &plan.cases {
        if stop.is_asked_for() {
            break;
        }
        let done = run_case(case, plan.place, &*place, program, (stop, watch));
        let done = done.map_err(|source| RunError {
            what: case.to_string(),
            source,
        })?;
        cases.extend(done);
    }
    let staircase = if plan.has_staircase && !stop.is_asked_for() {
        let done = staircase::measure(plan.place, &*place, program, (stop, watch));
        done.map_err(|source| RunError {
            what: "staircase".to_owned(),
            source,
        })?
    } else {
        None
    };
    Ok(Outcome {
        kept_by: place.capabilities().kept_by,
        cases,
        staircase,
        watched: machine.end(),
        was_stopped: stop.is_asked_for(),
    })
}

/// Runs a case; nothing if there was to be a stop before its end.
fn run_case(
    case: &Case,
    kind: PlaceKind,
    place: &dyn Place,
    program: &Path,
    (stop, watch): (&Stop, &mut dyn FnMut(Progress)),
) -> Result<Option<CaseResult>, GroupError> {
    watch(Progress::Starting(*case));
    let began = Instant::now();
    let parent = case.parent.map(|limit| open_parent(kind, place, limit));
    let parent = parent.transpose()?;
    let occupant = Occupant::of(case, program, kind);
    let inside = parent.as_ref().map(|it| it.name());
    let groups = many::start(place, inside, &occupant, case.count, stop)?;
    let Some(mut groups) = groups else {
        return Ok(None);
    };
    let started_in = began.elapsed();
    watch(Progress::Burning(*case));
    let measured = measure::measure(case, &mut groups, parent.as_deref(), stop);
    let ended = Instant::now();
    let removed = many::remove(groups, kind);
    if let Some(parent) = parent {
        parent.remove()?;
    }
    let Some((results, parent, meanwhile)) = measured? else {
        return Ok(None);
    };
    removed?;
    Ok(Some(CaseResult {
        case: *case,
        groups: results,
        parent,
        meanwhile,
        started_in,
        removed_in: ended.elapsed(),
    }))
}

/// The group around all: also around containers, which an engine puts into a group that is told.
fn open_parent(
    kind: PlaceKind,
    place: &dyn Place,
    limit: millicore_quota::Millicores,
) -> Result<Box<dyn Enclosure>, PlaceError> {
    let spec = Spec {
        label: "saturate-parent".to_owned(),
        limits: Limits {
            bandwidth: Some(Bandwidth::of(limit)),
            weight: None,
        },
        inside: None,
    };
    match kind {
        PlaceKind::Docker => CgroupPlace::find()?.open(&spec),
        PlaceKind::Process | PlaceKind::Cgroup => place.open(&spec),
    }
}
