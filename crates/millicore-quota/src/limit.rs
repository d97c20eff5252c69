//! The CPU limit of this process: the smallest of its groups' quotas and its affinity mask.

use crate::affinity;
use crate::cpuset::Cpuset;
use crate::group::{self, GroupQuota};
use crate::millicores::Millicores;
use crate::warning::LimitWarning;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// How much CPU this process may use, and why.
///
/// A limit can change while the process runs (an operator resizes the container): read it again
/// from time to time; two readings compare with `==`.
///
/// Groups above a container are often invisible from inside it. A limit set there holds all the
/// same, and no reader can find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessLimit {
    /// The group with the smallest quota among this process's own and all visible ones above it;
    /// `None` if none of them has a quota. It can be wider than the affinity mask.
    pub group: Option<GroupQuota>,
    /// How many cores are in the affinity mask of the calling thread. The kernel keeps the mask inside
    /// of the cpuset of the thread's group; where that has fewer all the same, it is as many.
    pub affinity_cores: NonZeroUsize,
    /// What could not be read. If this is not empty, the real limit may be tighter.
    pub warnings: Vec<LimitWarning>,
}

impl ProcessLimit {
    /// Reads the limit of this process and of the calling thread's affinity mask.
    ///
    /// It always has an answer: what cannot be read becomes a warning.
    #[must_use]
    pub fn read() -> Self {
        Self::read_from(&Roots::default())
    }

    /// Reads the groups' files below `roots` instead; the affinity mask is still the real one.
    #[must_use]
    pub fn read_from(roots: &Roots) -> Self {
        let mut warnings = Vec::new();
        let groups = group::directories(roots, group::THIS, &mut warnings);
        let group = group::tightest(&groups, &mut warnings);
        let mask = affinity::cores(&mut warnings);
        let cpuset = Cpuset::find(roots);
        let affinity_cores = cpuset.map_or(mask, |cpuset| mask.min(cpuset.cores));
        Self {
            group,
            affinity_cores,
            warnings,
        }
    }

    /// What holds this process back: a quota tighter than the affinity mask, or else the mask.
    #[must_use]
    pub fn source(&self) -> LimitSource<'_> {
        let mask = self.affinity_capacity();
        match &self.group {
            Some(group) if group.limit < mask => LimitSource::Group(group),
            _ => LimitSource::Affinity {
                cores: self.affinity_cores,
            },
        }
    }

    /// How much CPU this process may use.
    #[must_use]
    pub fn capacity(&self) -> Millicores {
        match self.source() {
            LimitSource::Group(group) => group.limit,
            LimitSource::Affinity { .. } => self.affinity_capacity(),
        }
    }

    /// How many threads can compute at once under this limit without one being of no use: the
    /// capacity rounded up, never more than the affinity mask.
    #[must_use]
    pub fn cores(&self) -> NonZeroUsize {
        self.capacity().cores_rounded_up()
    }

    fn affinity_capacity(&self) -> Millicores {
        Millicores::from_cores(self.affinity_cores.get()).unwrap_or(Millicores::MAX)
    }
}

impl fmt::Display for ProcessLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, from {}", self.capacity(), self.source())
    }
}

/// Where a limit comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitSource<'a> {
    /// The quota of a group.
    Group(&'a GroupQuota),
    /// The affinity mask, which without a narrower one is all cores of the machine.
    Affinity {
        /// The number of cores in the mask.
        cores: NonZeroUsize,
    },
}

impl fmt::Display for LimitSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(group) => group.fmt(f),
            Self::Affinity { cores } => {
                let noun = if cores.get() == 1 { "core" } else { "cores" };
                write!(f, "{cores} {noun} in the CPU affinity mask")
            }
        }
    }
}

/// Where the kernel's files are: elsewhere in a test, or when another file system tree is examined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// The proc file system, `/proc`.
    pub proc: PathBuf,
    /// The directory that the mount points in `/proc/self/mountinfo` start from, `/`.
    pub file_system: PathBuf,
}

impl Roots {
    /// A tree that holds both, such as a fixture: `root/proc` and `root`.
    #[must_use]
    pub fn under(root: &Path) -> Self {
        Self {
            proc: root.join("proc"),
            file_system: root.to_owned(),
        }
    }

    /// Where the directory `path`, absolute in the mount table, is.
    pub(crate) fn directory(&self, path: &Path) -> PathBuf {
        self.file_system
            .join(path.strip_prefix("/").unwrap_or(path))
    }
}

impl Default for Roots {
    fn default() -> Self {
        Self::under(Path::new("/"))
    }
}

#[cfg(test)]
mod tests;
