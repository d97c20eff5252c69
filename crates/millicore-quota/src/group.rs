//! The CPU quotas of the groups this process is in, up to the highest visible one.

use crate::limit::Roots;
use crate::membership::{self, CPU, Version};
use crate::millicores::Millicores;
use crate::mountinfo;
use crate::warning::{LimitWarning, read_text};
use std::fmt;
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
    /// The quota over the period.
    pub limit: Millicores,
}

impl fmt::Display for GroupQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            directory,
            quota_us,
            period_us,
            ..
        } = self;
        write!(
            f,
            "{quota_us} µs in every {period_us} µs of {}",
            directory.display()
        )
    }
}

/// The group with the smallest quota among this process's own and all above it that can be seen;
/// of equal ones the nearest to the process.
pub(crate) fn tightest(roots: &Roots, warnings: &mut Vec<LimitWarning>) -> Option<GroupQuota> {
    let member = membership::read(&roots.proc.join("self/cgroup"), CPU, warnings)?;
    let place = mountinfo::find(&roots.proc.join("self/mountinfo"), &member, warnings)?;
    let mount_point = roots.directory(&place.mount_point);
    place
        .below
        .ancestors()
        .filter_map(|below| {
            // Joining an empty path would add a slash.
            let is_top = below.as_os_str().is_empty();
            let directory = if is_top {
                mount_point.clone()
            } else {
                mount_point.join(below)
            };
            read_quota(member.version, &directory).unwrap_or_else(|warning| {
                warnings.push(warning);
                None
            })
        })
        .min_by_key(|group| group.limit)
}

/// The quota of the group in `directory`; `None` if it has none.
///
/// Formats: kernel documentation, `scheduler/sched-bwc` (version 1) and `admin-guide/cgroup-v2`.
pub(crate) fn read_quota(
    version: Version,
    directory: &Path,
) -> Result<Option<GroupQuota>, LimitWarning> {
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
        limit,
    }))
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
