//! The place `cgroup`: groups of our own, in version 1 or version 2.

use crate::cgroup::limits::burst_file;
use crate::directories::Directories;
use crate::files::{at, read, write};
use crate::group;
use crate::limit::Roots;
use crate::membership::{CPU, CPUACCT, Membership, Version};
use crate::millicores::Millicores;
use crate::mountinfo::{self, Mounted};
use crate::owner::Owner;
use crate::place::{Capabilities, Enclosure, Place, PlaceError, Spec};
use std::io;
use std::path::{Path, PathBuf};

mod enclosure;
mod ending;
mod leftovers;
mod limits;

pub use enclosure::CgroupEnclosure;
pub use leftovers::remove_leftovers;

const NAME: &str = "cgroup";

/// Where this process can make groups.
///
/// In version 1 they are inside of this process's own group, so that its limits hold for them as
/// well. In version 2 a group with processes in it cannot have others inside, so they are beside it:
/// inside the nearest group above that takes them. Only the `cpu` controller is turned on there.
///
/// A group with groups inside runs nothing itself in version 2.
#[derive(Debug, Clone)]
pub struct CgroupPlace {
    owner: Owner,
    /// The group in which ours are made.
    base: Directories,
    /// Its path below the mount point, in the hierarchy of `cpu`.
    below: PathBuf,
    mounted: Mounted,
    /// Mount points of all hierarchies but our own.
    others: Vec<PathBuf>,
    has_burst: bool,
}

impl CgroupPlace {
    /// Looks where groups can be made, by making one.
    ///
    /// # Errors
    ///
    /// Says why none can be made, and what would make it possible.
    pub fn find() -> Result<Self, PlaceError> {
        let roots = Roots::default();
        let mut why = "no mounted hierarchy can limit CPU".to_owned();
        let owner = Owner::this_process(&roots.proc)
            .ok_or_else(|| unusable("/proc does not tell when this process started".to_owned()))?;
        for candidate in candidates(&roots, owner) {
            match candidate.tried() {
                Ok(place) => return Ok(place),
                Err(error) => why = error.to_string(),
            }
        }
        Err(unusable(why))
    }

    /// Makes a group and answers with more than [`Place::open`] does.
    ///
    /// # Errors
    ///
    /// Says what was refused; nothing is left behind.
    pub fn create(&self, spec: &Spec) -> Result<CgroupEnclosure, PlaceError> {
        let label = if spec.label.is_empty() {
            "group"
        } else {
            &spec.label
        };
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if !label.bytes().all(is_word) {
            let error = io::Error::other("a label has letters, digits and `-`");
            return Err(failed(&format!("making a group labelled {label:?}"), error));
        }
        let outer = self.outer(spec.inside.as_deref())?;
        let own = self.owner.name(label);
        let below = outer.join(&own);
        let mut around: Vec<PathBuf> = self.quotas_of(&outer);
        around.reverse();
        let directories = self
            .base
            .join(below.strip_prefix(&self.below).unwrap_or(&below));
        let elsewhere = self
            .others
            .iter()
            .map(|mount_point| mount_point.join(&below));
        CgroupEnclosure::create(
            format!("/{}", below.display()),
            directories,
            around,
            elsewhere.collect(),
            &spec.limits,
        )
    }

    /// The path below the mount point of the group in which the next is made.
    fn outer(&self, inside: Option<&str>) -> Result<PathBuf, PlaceError> {
        let Some(name) = inside else {
            return Ok(self.below.clone());
        };
        let below = PathBuf::from(name.trim_start_matches('/'));
        let is_ours = below.strip_prefix(&self.below).is_ok_and(|below| {
            below
                .file_name()
                .is_some_and(|it| Owner::of(&it.to_string_lossy()) == Some(self.owner))
        });
        if !is_ours {
            let error = io::Error::other("it is no group of this process");
            return Err(failed(&format!("making a group inside of {name}"), error));
        }
        if self.base.version == Version::V2 {
            let enabled = enable_cpu(&self.mounted.directory(&below));
            enabled.map_err(|error| failed(&format!("making a group inside of {name}"), error))?;
        }
        Ok(below)
    }

    /// The directories with the limits of a group and those around it, innermost first.
    fn quotas_of(&self, below: &Path) -> Vec<PathBuf> {
        let groups = below.ancestors();
        groups.map(|below| self.mounted.directory(below)).collect()
    }

    /// Makes a group, looks at it and removes it.
    fn tried(mut self) -> io::Result<Self> {
        let has_enabled = self.base.version == Version::V2 && enable_cpu(&self.base.cpu)?;
        let probe = self.base.join(self.owner.name("probe"));
        let found = probe.create().and_then(|()| {
            let found = self.has_what_it_takes(&probe);
            for directory in probe.all() {
                ending::remove_all(directory)?;
            }
            found
        });
        if found.is_err() && has_enabled {
            // As it was: the error of before is what matters.
            let _ = write(&self.base.cpu, "cgroup.subtree_control", "-cpu");
        }
        self.has_burst = found?;
        Ok(self)
    }

    /// Whether it can have a burst; an error if it cannot have a quota or processes.
    fn has_what_it_takes(&self, probe: &Directories) -> io::Result<bool> {
        limits::State::read(self.base.version, &probe.cpu)?;
        if self.base.version == Version::V2 {
            let kind = read(&probe.cpu, "cgroup.type")?;
            if kind != "domain" {
                let base = self.base.cpu.display();
                let says =
                    format!("{base} has processes in it, and can have no groups beside them");
                return Err(io::Error::other(says));
            }
        }
        probe.open_to_join()?;
        Ok(probe.cpu.join(burst_file(self.base.version)).exists())
    }
}

impl Place for CgroupPlace {
    fn capabilities(&self) -> Capabilities {
        let version = match self.base.version {
            Version::V1 => 1,
            Version::V2 => 2,
        };
        Capabilities {
            place: NAME,
            kept_by: format!("cgroup version {version} in {}", self.base.cpu.display()),
            floor: Some(Millicores::MIN),
            has_live_update: true,
            has_burst: self.has_burst,
            sees_ancestors: true,
        }
    }

    fn open(&self, spec: &Spec) -> Result<Box<dyn Enclosure>, PlaceError> {
        Ok(Box::new(self.create(spec)?))
    }
}

/// Where groups may be made, best first, not yet tried.
fn candidates(roots: &Roots, owner: Owner) -> Vec<CgroupPlace> {
    let Some((member, mounted)) = group::find(roots, group::THIS, CPU, &mut Vec::new()) else {
        return Vec::new();
    };
    let cpuacct = match member.version {
        Version::V1 => group::find(roots, group::THIS, CPUACCT, &mut Vec::new()),
        Version::V2 => None,
    };
    let cpuacct = cpuacct.map(|(_, it)| it.directory(&it.below));
    let table = roots.proc.join("self/mountinfo");
    let bases = bases(&member, &mounted);
    let of_base = |below: PathBuf| {
        let cpu = mounted.directory(&below);
        let others = mountinfo::hierarchies(&table).into_iter();
        let others = others.filter(|other| {
            *other != mounted.mount_point
                && cpuacct.as_ref().is_none_or(|it| !it.starts_with(other))
        });
        CgroupPlace {
            owner,
            base: Directories {
                version: member.version,
                cpuacct: cpuacct.clone().filter(|path| *path != cpu),
                cpu,
            },
            below,
            mounted: mounted.clone(),
            others: others.collect(),
            has_burst: false,
        }
    };
    bases.into_iter().map(of_base).collect()
}

/// The paths below the mount point of groups that may take ours.
fn bases(member: &Membership, mounted: &Mounted) -> Vec<PathBuf> {
    match member.version {
        Version::V1 => vec![mounted.below.clone()],
        // Its own group only where there is no other: the root of all may have processes as well.
        Version::V2 if mounted.below.as_os_str().is_empty() => vec![PathBuf::new()],
        Version::V2 => mounted
            .below
            .ancestors()
            .skip(1)
            .map(Path::to_owned)
            .collect(),
    }
}

/// Turns on the controller for the groups inside; says whether it was off.
fn enable_cpu(directory: &Path) -> io::Result<bool> {
    let has_cpu = |file| Ok::<_, io::Error>(read(directory, file)?.split(' ').any(|it| it == CPU));
    if has_cpu("cgroup.subtree_control")? {
        return Ok(false);
    }
    if !has_cpu("cgroup.controllers")? {
        let error = io::Error::from(io::ErrorKind::Unsupported);
        return Err(at(&directory.join("cgroup.controllers has no cpu"), &error));
    }
    write(directory, "cgroup.subtree_control", "+cpu")?;
    Ok(true)
}

fn unusable(why: String) -> PlaceError {
    PlaceError::Unusable {
        place: NAME,
        why,
        remedy:
            "run it as root where /sys/fs/cgroup can be written (in a container: privileged), or \
                 have a group with the controller cpu handed to your user; the place process needs \
                 nothing"
                .to_owned(),
    }
}

fn failed(doing: &str, source: io::Error) -> PlaceError {
    PlaceError::Failed {
        doing: doing.to_owned(),
        source,
    }
}
