//! Which group this process is in: `/proc/self/cgroup`.

use crate::warning::{LimitWarning, read_text};
use std::path::{Path, PathBuf};

/// The two interfaces of the kernel to cgroups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// One hierarchy a controller or set of controllers; here, the one with `cpu`.
    V1,
    /// One hierarchy for all.
    V2,
}

/// The controller that limits CPU.
pub(crate) const CPU: &str = "cpu";

/// The controller of version 1 that counts CPU time; often in the hierarchy of `cpu`.
pub(crate) const CPUACCT: &str = "cpuacct";

/// The controller that says which processors may be used.
pub(crate) const CPUSET: &str = "cpuset";

/// The group of this process in the hierarchy of one controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) version: Version,
    /// Which hierarchy of version 1 it is.
    pub(crate) controller: &'static str,
    /// Its path from the root of the cgroup namespace; begins with `/`.
    pub(crate) group: PathBuf,
}

/// Reads the group from the file `path`; `None` if no hierarchy can have this controller.
pub(crate) fn read(
    path: &Path,
    controller: &'static str,
    warnings: &mut Vec<LimitWarning>,
) -> Option<Membership> {
    match read_text(path) {
        Ok(text) => parse(path, &text, controller, warnings),
        Err(warning) => {
            warnings.push(warning);
            None
        }
    }
}

/// A controller is in one hierarchy only: if a version 1 hierarchy has it, version 2 has not.
///
/// Format: cgroups(7), `/proc/[pid]/cgroup`: `id:controllers:path`, where version 2 has id 0 and no
/// controllers.
fn parse(
    path: &Path,
    text: &str,
    controller: &'static str,
    warnings: &mut Vec<LimitWarning>,
) -> Option<Membership> {
    let mut v2 = None;
    for line in text.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(id), Some(controllers), Some(group)) = (
            fields.next(),
            fields.next(),
            fields.next().filter(|group| group.starts_with('/')),
        ) else {
            warnings.push(LimitWarning::odd(path, line, "`id:controllers:/path`"));
            continue;
        };
        let group = PathBuf::from(group);
        if controllers.split(',').any(|name| name == controller) {
            return Some(Membership {
                version: Version::V1,
                controller,
                group,
            });
        }
        if id == "0" && controllers.is_empty() {
            v2 = Some(Membership {
                version: Version::V2,
                controller,
                group,
            });
        }
    }
    v2
}

#[cfg(test)]
mod tests {
    use super::{CPU, CPUACCT, Membership, Version, parse};
    use std::path::{Path, PathBuf};

    fn check(text: &str, expected: Option<(Version, &str)>, odd_lines: usize) {
        let mut warnings = Vec::new();
        let found = parse(Path::new("/proc/self/cgroup"), text, CPU, &mut warnings);
        let expected = expected.map(|(version, group)| Membership {
            version,
            controller: CPU,
            group: PathBuf::from(group),
        });
        assert_eq!(found, expected, "{text:?}");
        assert_eq!(warnings.len(), odd_lines, "{text:?}: {warnings:?}");
    }

    #[test]
    fn the_cpu_hierarchy_is_found_by_its_controller() {
        use Version::{V1, V2};
        check("2:cpu:/a\n", Some((V1, "/a")), 0);
        check("4:cpu,cpuacct:/a\n", Some((V1, "/a")), 0);
        check("4:cpuacct,cpu:/a\n", Some((V1, "/a")), 0);
        check("0::/a\n", Some((V2, "/a")), 0);
        check("0::/v2\n1:cpu:/v1\n", Some((V1, "/v1")), 0);
        check("1:cpu:/v1\n0::/v2\n", Some((V1, "/v1")), 0);
        check("3:cpuset:/a\n2:cpuacct:/b\n1:name=cpu:/c\n", None, 0);
        check(
            "0::/with:colon and space\n",
            Some((V2, "/with:colon and space")),
            0,
        );
        check("", None, 0);
        check("\n1:cpu\n2:cpu:relative\n0::/a\n", Some((V2, "/a")), 3);
    }
    #[test]
    fn another_controller_has_its_own_hierarchy() {
        let text = "2:cpu:/a\n1:cpuacct:/b\n";
        let found = parse(Path::new("cgroup"), text, CPUACCT, &mut Vec::new()).unwrap();
        assert_eq!(found.group, Path::new("/b"));
    }
}
