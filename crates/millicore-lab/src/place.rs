//! The places of the lab: where an experiment's server runs, and under which CPU limit.
//!
//! `process` and `cgroup` are those of `millicore_quota`; `docker` is here. All of them are used
//! through the traits [`Place`] and [`Enclosure`](millicore_quota::Enclosure).
//!
//! - `kind`: [`PlaceKind`], a place by its name. Start here.
//! - `site`, `record`: a place with a limit, as typed, and what came of it.
//! - `survey`: which can be used here, and what each can do.
//! - `inside`: a program there, listened to.
//! - `docker`: [`DockerPlace`], containers of a Docker engine.
//! - `executable`: what a program needs to run in an image of its own.

mod docker;
mod executable;
mod inside;
mod kind;
mod record;
mod site;
mod survey;

pub use docker::{DockerPlace, Listed};
pub(crate) use inside::{Line, Listened};
pub use kind::{PlaceKind, UnknownPlace};
pub use record::{Around, PlaceRecord};
pub(crate) use record::{CountersDocument, Counting, PlaceDocument};
pub use site::Site;
pub use survey::{Survey, Surveyed};

use millicore_quota::{Place, PlaceError, remove_leftovers};

/// Ends and removes what earlier runs of this program have left in this place when they were killed;
/// answers with what that was. Afterwards the place can be used.
///
/// # Errors
///
/// Says why the place cannot be used.
pub fn clean_up(kind: PlaceKind) -> Result<Vec<String>, PlaceError> {
    // Containers may be inside of groups, which go after them.
    let mut removed = match kind {
        PlaceKind::Docker => DockerPlace::connect()?.remove_leftovers()?,
        PlaceKind::Cgroup => {
            millicore_quota::CgroupPlace::find()?;
            Vec::new()
        }
        PlaceKind::Process => Vec::new(),
    };
    if kind != PlaceKind::Process {
        removed.extend(remove_leftovers());
    }
    Ok(removed)
}

/// Finds a place.
///
/// # Errors
///
/// Says why it cannot be used, and what would make it usable.
pub fn find(kind: PlaceKind) -> Result<Box<dyn Place>, PlaceError> {
    Ok(match kind {
        PlaceKind::Process => Box::new(millicore_quota::ProcessPlace::new()),
        PlaceKind::Cgroup => Box::new(millicore_quota::CgroupPlace::find()?),
        PlaceKind::Docker => Box::new(DockerPlace::connect()?),
    })
}
