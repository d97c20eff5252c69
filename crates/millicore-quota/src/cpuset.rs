//! The cpuset of this process's group: the processors that the group may use.

use crate::group::{THIS, find};
use crate::limit::Roots;
use crate::membership::{CPUSET, Version};
use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The processors that the group of this process may use.
///
/// The kernel takes all others out of the affinity mask of every thread in the group, so that the mask
/// says as much; this tells where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cpuset {
    /// The file that has them.
    pub file: PathBuf,
    /// How many there are.
    pub cores: NonZeroUsize,
}

impl Cpuset {
    /// Finds it by the files below `roots`; nothing if there is none.
    #[must_use]
    pub fn find(roots: &Roots) -> Option<Self> {
        let (member, mounted) = find(roots, THIS, CPUSET, &mut Vec::new())?;
        let name = match member.version {
            Version::V1 => "cpuset.effective_cpus",
            Version::V2 => "cpuset.cpus.effective",
        };
        // In version 2 a group without the controller has the processors of the one above.
        let mut groups = mounted.below.ancestors();
        groups.find_map(|below| {
            let file = roots.directory(&mounted.directory(below)).join(name);
            let cores = count(fs::read_to_string(&file).ok()?.trim_end())?;
            Some(Self { file, cores })
        })
    }
}

/// How many processors are in a list such as `0-3,8`; nothing if it is not one.
fn count(list: &str) -> Option<NonZeroUsize> {
    let mut count: usize = 0;
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        count = count.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
    }
    NonZeroUsize::new(count)
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn a_list_of_processors_is_counted() {
        let check =
            |list, expected| assert_eq!(count(list).map_or(0, usize::from), expected, "{list}");
        check("0", 1);
        check("0-3", 4);
        check("0-3,8,10-11", 7);
        check("0-18446744073709551615", 0);
        for odd in ["", "a", "3-1", "0-", "0,,1", "-1", "0 1"] {
            check(odd, 0);
        }
    }
}
