//! At which directory a group can be read: `/proc/self/mountinfo`.

use crate::membership::{Membership, Version};
use crate::warning::{LimitWarning, read_text};
use std::path::{Component, Path, PathBuf};

/// One mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mount {
    /// Of the cgroup hierarchy it shows; `None` if it is none.
    version: Option<Version>,
    /// The options of the file system, which in version 1 name the controllers.
    options: String,
    /// For cgroups, the group seen at the mount point: a path from the root of the namespace.
    root: PathBuf,
    mount_point: PathBuf,
}

/// Where the member's group is: a mount point, and the path of the group below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mounted {
    pub(crate) mount_point: PathBuf,
    /// Relative and made of names only; empty if the mount point is the group itself.
    pub(crate) below: PathBuf,
}

impl Mounted {
    /// The directory of the group with this path below the mount point.
    pub(crate) fn directory(&self, below: &Path) -> PathBuf {
        // Joining an empty path would add a slash.
        if below.as_os_str().is_empty() {
            return self.mount_point.clone();
        }
        self.mount_point.join(below)
    }
}

/// Finds the group of `member` among the mounts listed in the file `path`.
///
/// `None`, with a warning, if no mount shows it.
pub(crate) fn find(
    path: &Path,
    member: &Membership,
    warnings: &mut Vec<LimitWarning>,
) -> Option<Mounted> {
    let text = match read_text(path) {
        Ok(text) => text,
        Err(warning) => {
            warnings.push(warning);
            return None;
        }
    };
    let place = choose(&parse(path, &text, warnings), member);
    if place.is_none() {
        let (group, mountinfo) = (member.group.clone(), path.to_owned());
        warnings.push(LimitWarning::NotMounted { group, mountinfo });
    }
    place
}

/// Of the mounts that hold the group, the one that shows the most groups above it; of equal ones
/// the last, which covers the others if they are mounted on one another.
///
/// A container without its own cgroup namespace has the full path of its group in
/// `/proc/self/cgroup`, and often a mount whose root is that very group: what follows the root is
/// then the path below the mount point.
fn choose(mounts: &[Mount], member: &Membership) -> Option<Mounted> {
    mounts
        .iter()
        .filter(|mount| mount.version == Some(member.version) && mount.has(member))
        .filter_map(|mount| {
            let below = member.group.strip_prefix(&mount.root).ok()?;
            // A group outside of the namespace has `..` for names it cannot tell.
            let named = below
                .components()
                .all(|part| matches!(part, Component::Normal(_)));
            let (mount_point, below) = (mount.mount_point.clone(), below.to_owned());
            named.then_some(Mounted { mount_point, below })
        })
        .max_by_key(|place| place.below.components().count())
}

impl Mount {
    /// Version 2 has one hierarchy for all controllers.
    fn has(&self, member: &Membership) -> bool {
        let mut options = self.options.split(',');
        member.version == Version::V2 || options.any(|option| option == member.controller)
    }
}

/// Where cgroup hierarchies of any controller are mounted, in the order of the file `path`.
pub(crate) fn hierarchies(path: &Path) -> Vec<PathBuf> {
    let text = read_text(path).unwrap_or_default();
    let mounts = parse(path, &text, &mut Vec::new()).into_iter();
    let cgroups = mounts.filter(|mount| mount.version.is_some());
    cgroups.map(|mount| mount.mount_point).collect()
}

fn parse(path: &Path, text: &str, warnings: &mut Vec<LimitWarning>) -> Vec<Mount> {
    let mut mounts = Vec::new();
    for line in text.lines() {
        match parse_line(line) {
            Some(mount) => mounts.push(mount),
            None => warnings.push(LimitWarning::odd(path, line, "a mount as in proc(5)")),
        }
    }
    mounts
}

/// Format: proc(5), `/proc/[pid]/mountinfo`: id, parent, device, root, mount point, options, any
/// number of tags, `-`, file system type, source, options of the file system.
fn parse_line(line: &str) -> Option<Mount> {
    let (mount, file_system) = line.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(3);
    let (root, mount_point) = (mount.next()?, mount.next()?);
    let mut file_system = file_system.splitn(3, ' ');
    let (kind, options) = (file_system.next()?, file_system.nth(1)?);
    let version = match kind {
        "cgroup" => Some(Version::V1),
        "cgroup2" => Some(Version::V2),
        _ => None,
    };
    let (root, mount_point) = (unescape(root).into(), unescape(mount_point).into());
    Some(Mount {
        version,
        options: options.to_owned(),
        root,
        mount_point,
    })
}

/// Undoes the kernel's escapes of white space and backslash in a path: `\` and three octal digits.
fn unescape(field: &str) -> String {
    field
        .replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\012", "\n")
        .replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::{Mounted, choose, parse};
    use crate::membership::{CPU as CPU_CONTROLLER, Membership, Version};
    use std::path::{Path, PathBuf};

    /// In which directory the group is, as `mount point + path below`.
    fn check(version: Version, group: &str, mountinfo: &[&str], expected: Option<(&str, &str)>) {
        let mut warnings = Vec::new();
        let mounts = parse(Path::new("mountinfo"), &mountinfo.join("\n"), &mut warnings);
        assert_eq!(warnings, [], "{mountinfo:?}");
        let found = choose(
            &mounts,
            &Membership {
                version,
                controller: CPU_CONTROLLER,
                group: PathBuf::from(group),
            },
        );
        let expected = expected.map(|(mount_point, below)| Mounted {
            mount_point: PathBuf::from(mount_point),
            below: PathBuf::from(below),
        });
        assert_eq!(found, expected, "{group} in {mountinfo:?}");
    }

    const CPU: &str = "33 31 0:30 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu";
    const CPUACCT: &str = "34 31 0:31 / /mnt/cpu rw,relatime - cgroup cgroup rw,cpuacct";
    const UNIFIED: &str = "35 31 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate";
    const OF_A_CONTAINER: &str = "36 31 0:30 /docker/a /cpu ro master:1 - cgroup cgroup rw,cpu";
    const ABOVE_THE_NAMESPACE: &str = "37 31 0:32 /.. /cgroup rw - cgroup2 cgroup2 rw";
    const WITH_ESCAPES: &str = r"38 31 0:30 /a\040b /x\134040\011y rw - cgroup cgroup rw,cpu";

    #[test]
    fn the_mount_is_found_by_controller_and_root() {
        use Version::{V1, V2};
        let all = [CPUACCT, UNIFIED, CPU];
        check(V1, "/a/b", &all, Some(("/sys/fs/cgroup/cpu", "a/b")));
        check(V1, "/", &all, Some(("/sys/fs/cgroup/cpu", "")));
        check(V2, "/a", &all, Some(("/sys/fs/cgroup/unified", "a")));
        check(V1, "/a", &[CPUACCT, UNIFIED], None);
        check(V1, "/docker/a", &[OF_A_CONTAINER], Some(("/cpu", "")));
        check(V1, "/docker/a/b", &[OF_A_CONTAINER], Some(("/cpu", "b")));
        check(V1, "/docker/ab", &[OF_A_CONTAINER], None);
        check(
            V1,
            "/docker/a",
            &[CPU, OF_A_CONTAINER],
            Some(("/sys/fs/cgroup/cpu", "docker/a")),
        );
        check(V1, "/a b/c", &[WITH_ESCAPES], Some(("/x\\040\ty", "c")));
    }

    #[test]
    fn a_group_outside_of_the_namespace_is_found_only_if_its_names_are_known() {
        check(Version::V2, "/../sibling", &[UNIFIED], None);
        check(
            Version::V2,
            "/../sibling",
            &[ABOVE_THE_NAMESPACE],
            Some(("/cgroup", "sibling")),
        );
        check(Version::V2, "/", &[ABOVE_THE_NAMESPACE], None);
    }

    #[test]
    fn a_malformed_line_is_a_warning_and_the_others_are_kept() {
        let text = format!("\n33 31 0:30 / - cgroup cgroup rw,cpu\n1 2 3 / /x - cgroup\n{CPU}\n");
        let mut warnings = Vec::new();
        assert_eq!(parse(Path::new("mountinfo"), &text, &mut warnings).len(), 1);
        assert_eq!(warnings.len(), 3, "{warnings:?}");
    }
}
