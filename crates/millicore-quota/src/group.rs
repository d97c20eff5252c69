//! The CPU quotas of the groups this process is in, up to the highest visible one.

use crate::bandwidth::Bandwidth;
use crate::counters::Counters;
use crate::directories::Directories;
use crate::limit::Roots;
use crate::membership::{self, CPU, CPUACCT, Membership, Version};
use crate::millicores::Millicores;
use crate::mountinfo::{self, Mounted};
use crate::pressure::Pressure;
use crate::warning::{LimitWarning, read_text};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The CPU quota of one cgroup, as its files say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupQuota {
    /// The directory of the group.
    pub directory: PathBuf,
    /// CPU time the group may use in each period, in microseconds.
    pub quota_us: u64,
    /// The period in microseconds.
    pub period_us: u64,
    /// How much unused quota the group may keep for later, in microseconds.
    pub burst_us: u64,
    /// The quota over the period.
    pub limit: Millicores,
    pub(crate) directories: Directories,
}

impl fmt::Display for GroupQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            directory,
            quota_us,
            period_us,
            burst_us,
            ..
        } = self;
        write!(
            f,
            "{quota_us} µs in every {period_us} µs of {}",
            directory.display()
        )?;
        if *burst_us > 0 {
            write!(f, ", with a burst of {burst_us} µs")?;
        }
        Ok(())
    }
}

impl GroupQuota {
    /// That of the group with this name, its path from the root of the hierarchy, by the files below
    /// `roots`; nothing if it has none, or there is no such group to be seen.
    #[must_use]
    pub fn named(name: &str, roots: &Roots) -> Option<Self> {
        let (member, mounted) = find(roots, THIS, CPU, &mut Vec::new())?;
        let below = Path::new(name.trim_start_matches('/'));
        let directories = Directories {
            version: member.version,
            cpu: roots.directory(&mounted.directory(below)),
            cpuacct: None,
        };
        read_quota(&directories).ok()?
    }

    /// The same as a limit to be set.
    #[must_use]
    pub fn bandwidth(&self) -> Bandwidth {
        Bandwidth::from_kernel(self.quota_us, self.period_us, self.burst_us)
    }

    /// What the kernel has counted in the group so far.
    ///
    /// # Errors
    ///
    /// Says which file could not be read.
    pub fn counters(&self) -> io::Result<Counters> {
        self.directories.counters()
    }

    /// How much of the time something in the group waited for CPU; only in version 2.
    ///
    /// # Errors
    ///
    /// Says that the kernel does not tell.
    pub fn pressure(&self) -> io::Result<Pressure> {
        Pressure::of_group(&self.directories.cpu)
    }
}

/// The name of this process below `/proc`.
pub(crate) const THIS: &str = "self";

/// The group that a process is in, whether it has a quota or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessGroup {
    directories: Directories,
}

impl ProcessGroup {
    /// Finds it by the files below `roots`; nothing if no mount shows it.
    #[must_use]
    pub fn find(roots: &Roots) -> Option<Self> {
        let directories = directories(roots, THIS, &mut Vec::new());
        let directories = directories.into_iter().next()?;
        Some(Self { directories })
    }

    /// Finds that of another process, by the files below `roots`; nothing if there is no such
    /// process, or no mount shows its group.
    #[must_use]
    pub fn of(pid: u32, roots: &Roots) -> Option<Self> {
        let process = pid.to_string();
        let directories = directories(roots, &process, &mut Vec::new());
        let directories = directories.into_iter().next()?;
        Some(Self { directories })
    }

    /// Where its limits are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directories.cpu
    }

    /// Its own limit, if it has one that can be read.
    #[must_use]
    pub fn limit(&self) -> Option<Millicores> {
        Some(self.quota()?.limit)
    }

    /// Its own quota, if it has one that can be read.
    #[must_use]
    pub fn quota(&self) -> Option<GroupQuota> {
        read_quota(&self.directories).ok()?
    }

    /// What the kernel has counted in it so far.
    ///
    /// # Errors
    ///
    /// Says which file could not be read.
    pub fn counters(&self) -> io::Result<Counters> {
        self.directories.counters()
    }

    /// How much of the time something in it waited for CPU; only in version 2.
    ///
    /// # Errors
    ///
    /// Says that the kernel does not tell.
    pub fn pressure(&self) -> io::Result<Pressure> {
        Pressure::of_group(&self.directories.cpu)
    }

    pub(crate) fn usage_file(&self) -> PathBuf {
        self.directories.usage_file()
    }
}

/// The group with the smallest quota among these; of equal ones the nearest to the process.
pub(crate) fn tightest(
    groups: &[Directories],
    warnings: &mut Vec<LimitWarning>,
) -> Option<GroupQuota> {
    let quotas = groups.iter().filter_map(|group| {
        read_quota(group).unwrap_or_else(|warning| {
            warnings.push(warning);
            None
        })
    });
    quotas.min_by_key(|group| group.limit)
}

/// The directories of a process's own group and of those above it that can be seen, innermost
/// first.
pub(crate) fn directories(
    roots: &Roots,
    process: &str,
    warnings: &mut Vec<LimitWarning>,
) -> Vec<Directories> {
    let Some((member, cpu)) = find(roots, process, CPU, warnings) else {
        return Vec::new();
    };
    // What is missing there costs the counters, not the limit: no warning.
    let cpuacct = match member.version {
        Version::V1 => find(roots, process, CPUACCT, &mut Vec::new()).map(|(_, mounted)| mounted),
        Version::V2 => None,
    };
    let groups = cpu.below.ancestors();
    let groups = groups.enumerate().map(|(above, below)| {
        // Groups of two hierarchies are the same if they have the same name, or this process.
        let same = |other: &&Mounted| above == 0 || other.below == cpu.below;
        let cpuacct = cpuacct.as_ref().filter(same).map(|other| {
            let below = if above == 0 { &other.below } else { below };
            roots.directory(&other.mount_point).join(below)
        });
        let directory = roots.directory(&cpu.directory(below));
        Directories {
            version: member.version,
            cpuacct: cpuacct.filter(|path| *path != directory),
            cpu: directory,
        }
    });
    groups.collect()
}

/// The group of a process in the hierarchy of a controller, and where it is mounted.
pub(crate) fn find(
    roots: &Roots,
    process: &str,
    controller: &'static str,
    warnings: &mut Vec<LimitWarning>,
) -> Option<(Membership, Mounted)> {
    let member = membership::read(
        &roots.proc.join(process).join("cgroup"),
        controller,
        warnings,
    )?;
    let mounted = mountinfo::find(&roots.proc.join("self/mountinfo"), &member, warnings)?;
    Some((member, mounted))
}

/// The quota of a group; `None` if it has none.
///
/// Formats: kernel documentation, `scheduler/sched-bwc` (version 1) and `admin-guide/cgroup-v2`.
pub(crate) fn read_quota(group: &Directories) -> Result<Option<GroupQuota>, LimitWarning> {
    let (version, directory) = (group.version, group.cpu.as_path());
    if !directory.is_dir() {
        return Err(LimitWarning::Missing {
            directory: directory.to_owned(),
        });
    }
    let (file, expected) = match version {
        Version::V1 => ("cpu.cfs_quota_us", "-1 or a quota in microseconds"),
        Version::V2 => ("cpu.max", "a quota in microseconds or `max`, and a period"),
    };
    let path = directory.join(file);
    // No file, no quota: the root group of version 2, a group without the controller, or a kernel
    // without bandwidth control.
    if matches!(path.try_exists(), Ok(false)) {
        return Ok(None);
    }
    let text = read_text(&path)?;
    let odd = || LimitWarning::odd(&path, text.trim_end(), expected);
    let (quota, period) = match version {
        Version::V1 => (text.trim_end(), None),
        Version::V2 => {
            let (quota, period) = text.trim_end().split_once(' ').ok_or_else(odd)?;
            (quota, Some(period))
        }
    };
    if quota == no_quota(version) {
        return Ok(None);
    }
    let period_us = match period {
        Some(period) => period.parse().map_err(|_| odd())?,
        None => read_period(directory)?,
    };
    let quota_us = quota.parse().map_err(|_| odd())?;
    let limit = Millicores::from_quota(quota_us, period_us).map_err(|_| odd())?;
    Ok(Some(GroupQuota {
        directory: directory.to_owned(),
        quota_us,
        period_us,
        burst_us: read_burst(version, directory),
        limit,
        directories: group.clone(),
    }))
}

/// How much unused quota may be kept. It only widens: what cannot be read is none.
fn read_burst(version: Version, directory: &Path) -> u64 {
    let file = match version {
        Version::V1 => "cpu.cfs_burst_us",
        Version::V2 => "cpu.max.burst",
    };
    let text = read_text(&directory.join(file)).unwrap_or_default();
    text.trim_end().parse().unwrap_or(0)
}

/// What stands in place of a quota where there is none.
fn no_quota(version: Version) -> &'static str {
    match version {
        Version::V1 => "-1",
        Version::V2 => "max",
    }
}

/// The period of a version 1 group, in microseconds.
fn read_period(directory: &Path) -> Result<u64, LimitWarning> {
    let path = directory.join("cpu.cfs_period_us");
    let text = read_text(&path)?;
    let period = text.trim_end();
    let period_us = period.parse().ok().filter(|period_us| *period_us > 0);
    period_us.ok_or_else(|| LimitWarning::odd(&path, period, "a period in microseconds"))
}
