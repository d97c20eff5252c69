//! Reading the limit from the running kernel: a process in real groups with real quotas.
//!
//! It needs the right to make cgroups, usually root's.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test panics and prints"
)]

use millicore_quota::ProcessLimit;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io, process, thread};

/// Set in the child process: there the test only compares what it reads with this.
const EXPECTED: &str = "MILLICORE_TEST_EXPECTED_LIMIT";

/// Groups inside one another, outermost first; removed on drop, also when a test fails.
struct Groups(Vec<PathBuf>);

impl Groups {
    /// Makes one group for each quota, given as (quota µs, period µs) or `None` for no quota.
    fn create(quotas: &[Option<(u64, u64)>]) -> io::Result<Self> {
        let mut parent = hierarchy()?;
        let mut groups = Self(Vec::new());
        for (depth, quota) in quotas.iter().enumerate() {
            if is_v2(&parent) {
                fs::write(parent.join("cgroup.subtree_control"), "+cpu")?;
            }
            let directory = parent.join(match depth {
                0 => format!("millicore-test-{}", process::id()),
                _ => format!("level-{depth}"),
            });
            fs::create_dir(&directory)?;
            groups.0.push(directory.clone());
            if let Some((quota_us, period_us)) = quota {
                set_quota(&directory, *quota_us, *period_us)?;
            }
            parent = directory;
        }
        Ok(groups)
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for directory in self.0.iter().rev() {
            // The last process has been waited for, but the kernel may still hold it for a moment.
            let removed = (0..100_000).any(|_| {
                let removed = fs::remove_dir(directory).is_ok();
                if !removed {
                    thread::yield_now();
                }
                removed
            });
            if !removed {
                eprintln!("left behind: {}", directory.display());
            }
        }
    }
}

/// The directory of the hierarchy that controls CPU here.
fn hierarchy() -> io::Result<PathBuf> {
    [
        "/sys/fs/cgroup/cpu",
        "/sys/fs/cgroup/cpu,cpuacct",
        "/sys/fs/cgroup",
    ]
    .map(PathBuf::from)
    .into_iter()
    .find(|root| is_v2(root) || root.join("cpu.cfs_quota_us").exists())
    .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no cpu hierarchy is mounted"))
}

fn is_v2(directory: &Path) -> bool {
    directory.join("cgroup.controllers").exists()
}

fn set_quota(directory: &Path, quota_us: u64, period_us: u64) -> io::Result<()> {
    if is_v2(directory) {
        return fs::write(directory.join("cpu.max"), format!("{quota_us} {period_us}"));
    }
    fs::write(directory.join("cpu.cfs_period_us"), period_us.to_string())?;
    fs::write(directory.join("cpu.cfs_quota_us"), quota_us.to_string())
}

/// A process in the innermost of these groups must read `limit` from the group number `tightest`.
fn check(quotas: &[Option<(u64, u64)>], limit: &str, tightest: usize) {
    let groups = match Groups::create(quotas) {
        Ok(groups) => groups,
        Err(error) => {
            eprintln!("not tested, no cgroup can be made here: {error}");
            assert!(
                env::var_os("CI").is_none_or(|ci| ci != "true"),
                "CI must be able to"
            );
            return;
        }
    };
    let (quota_us, period_us) = quotas[tightest].unwrap();
    let directory = groups.0[tightest].display();
    let expected = format!("{limit}, from {quota_us} µs in every {period_us} µs of {directory}");
    let child = Command::new("sh")
        .args(["-c", "echo $$ > \"$0/cgroup.procs\" && exec \"$@\""])
        .arg(groups.0.last().unwrap())
        .arg(env::current_exe().unwrap())
        .args(["--exact", "the_quota_of_a_real_group_is_read"])
        .env(EXPECTED, &expected)
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    assert!(
        child.status.success() && output.contains("1 passed"),
        "{expected}: {output}"
    );
}

/// What this process reads, in the group where `check` has started it.
fn check_in_the_group(expected: &str) {
    let limit = ProcessLimit::read();
    assert_eq!(limit.to_string(), expected);
    assert_eq!(limit.cores().get(), 1);
    assert_eq!(limit.warnings, []);
}

#[test]
fn the_quota_of_a_real_group_is_read() {
    if let Ok(expected) = env::var(EXPECTED) {
        return check_in_the_group(&expected);
    }
    check(&[Some((25_000, 100_000))], "250m", 0);
    check(&[Some((100_000, 1_000_000))], "100m", 0);
    check(
        &[Some((70_000, 100_000)), Some((20_000, 50_000))],
        "400m",
        1,
    );
    check(&[Some((30_000, 100_000)), None], "300m", 0);
    check(
        &[Some((60_000, 100_000)), Some((30_000, 100_000)), None, None],
        "300m",
        1,
    );
}
