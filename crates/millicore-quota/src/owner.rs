//! Who made a group or a container: what its name says, and whether that process still lives.

use std::fs;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// What every name of a group of ours begins with.
const PREFIX: &str = "millicore-";

/// A process that makes groups or containers, told from a later one with the same number by its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The inode of its PID namespace: the number means something else in another.
    namespace: u64,
    pid: u32,
    /// Clock ticks from the start of the machine to its own.
    start_ticks: u64,
}

impl Owner {
    /// This process, as the files below `proc` know it.
    #[must_use]
    pub fn this_process(proc: &Path) -> Option<Self> {
        Some(Self {
            namespace: namespace(proc)?,
            pid: process::id(),
            start_ticks: start_ticks(&proc.join("self/stat"))?,
        })
    }

    /// A name for a group or a container of this owner, different from all that it has had before.
    #[must_use]
    pub fn name(self, label: &str) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let Self {
            namespace,
            pid,
            start_ticks,
        } = self;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        format!("{PREFIX}{namespace}-{pid}-{start_ticks}-{label}-{number}")
    }

    /// Who made what has this name; nobody of ours if it is not such a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let mut fields = name.strip_prefix(PREFIX)?.splitn(4, '-');
        let mut number = || fields.next()?.parse().ok();
        let (namespace, pid, start_ticks) = (number()?, number()?, number()?);
        let (_label, count) = fields.next()?.rsplit_once('-')?;
        count.parse::<u32>().ok()?;
        Some(Self {
            namespace,
            pid: u32::try_from(pid).ok()?,
            start_ticks,
        })
    }

    /// Whether it has certainly ended. Of a process in another PID namespace nothing is known.
    #[must_use]
    pub fn has_ended(self, proc: &Path) -> bool {
        let path = proc.join(self.pid.to_string()).join("stat");
        namespace(proc) == Some(self.namespace) && start_ticks(&path) != Some(self.start_ticks)
    }
}

/// The inode in `pid:[4026531836]`.
fn namespace(proc: &Path) -> Option<u64> {
    let link = fs::read_link(proc.join("self/ns/pid")).ok()?;
    let inode = link.to_str()?.strip_prefix("pid:[")?.strip_suffix(']')?;
    inode.parse().ok()
}

/// The start of a process that lives: of one that has ended, and is kept only to be waited for, there
/// is none.
///
/// Format: proc(5), `/proc/[pid]/stat`: the second field, in parentheses, can hold anything; the third
/// is the state, the twenty-second the start.
fn start_ticks(path: &Path) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Owner;
    use std::path::Path;

    const PROC: &str = "/proc";

    #[test]
    fn a_name_tells_its_owner() {
        let this = Owner::this_process(Path::new(PROC)).unwrap();
        let (first, second) = (this.name("web"), this.name("with-hyphens"));
        assert_ne!(first, this.name("web"));
        assert_eq!(Owner::of(&first), Some(this));
        assert_eq!(Owner::of(&second), Some(this));
        assert!(!this.has_ended(Path::new(PROC)));
    }

    #[test]
    fn other_names_are_nobody_s() {
        for name in [
            "",
            "docker",
            "millicore-test-1",
            "millicore-1-2-3",
            "millicore-1-2-3-web",
            "millicore-1-2-3-web-x",
            "millicore-1-99999999999-3-web-1",
            "xmillicore-1-2-3-web-1",
        ] {
            assert_eq!(Owner::of(name), None, "{name}");
        }
        assert!(Owner::of("millicore-1-2-3-web-1").is_some());
    }

    #[test]
    fn a_number_used_again_is_another_process() {
        let this = Owner::this_process(Path::new(PROC)).unwrap();
        let earlier = Owner {
            start_ticks: this.start_ticks - 1,
            ..this
        };
        assert!(earlier.has_ended(Path::new(PROC)));
        let elsewhere = Owner {
            namespace: this.namespace + 1,
            ..earlier
        };
        assert!(!elsewhere.has_ended(Path::new(PROC)));
    }
}
