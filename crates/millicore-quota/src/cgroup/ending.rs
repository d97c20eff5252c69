//! Ending all that runs in a group and in those inside it, and removing them.

use crate::files::{at, read, write};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How long killed processes may take to end: those of a group without quota left need some first.
const MOST: Duration = Duration::from_secs(10);

/// The pause between two looks doubles from the first to the second.
const PAUSES: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(20));

/// The groups inside, and last the group itself: nothing is before what is inside of it.
pub(crate) fn deepest_first(group: &Path) -> Vec<PathBuf> {
    let mut found = vec![group.to_owned()];
    let mut next = 0;
    while let Some(directory) = found.get(next) {
        let inside = subdirectories(directory);
        found.extend(inside);
        next += 1;
    }
    found.reverse();
    found
}

/// The directories in a directory; none if it cannot be read, for instance because it has just gone.
pub(crate) fn subdirectories(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

/// Kills everything in these groups (one group in its hierarchies) and those inside, and waits until
/// they are empty.
///
/// In version 1 this is a race against what forks: each sweep kills all it sees, and the next sees
/// what was born meanwhile. A new process is in the group of its parent from its first moment, and a
/// parent that is killed has no more children, so the sweeps end.
pub(crate) fn kill_all(groups: &[&Path]) -> io::Result<()> {
    let lifted: Vec<Lifted> = groups.iter().flat_map(|group| lift(group)).collect();
    let outcome = within(MOST, || {
        let mut left = 0;
        for group in groups {
            // Where the kernel can, it ends all at once, with those inside.
            let _ = write(group, "cgroup.kill", "1");
            for directory in deepest_first(group) {
                left += kill_members(&directory)?;
            }
        }
        match left {
            0 => Ok(()),
            _ => Err(io::Error::other(format!(
                "{left} of its processes have not ended {} s after SIGKILL",
                MOST.as_secs()
            ))),
        }
    });
    lifted.iter().for_each(Lifted::put_back);
    outcome
}

/// A quota that was taken away, so that who is killed has the CPU time to end.
struct Lifted {
    directory: PathBuf,
    file: &'static str,
    value: String,
}

impl Lifted {
    fn put_back(&self) {
        // A group that has gone meanwhile needs none.
        let _ = write(&self.directory, self.file, &self.value);
    }
}

fn lift(group: &Path) -> Vec<Lifted> {
    let mut lifted = Vec::new();
    for directory in deepest_first(group) {
        for (file, none) in [("cpu.max", "max"), ("cpu.cfs_quota_us", "-1")] {
            let Ok(value) = read(&directory, file) else {
                continue;
            };
            if !value.starts_with(none) && write(&directory, file, none).is_ok() {
                lifted.push(Lifted {
                    directory: directory.clone(),
                    file,
                    value,
                });
            }
        }
    }
    lifted
}

/// Kills what is in this one group; answers with how many there were.
fn kill_members(directory: &Path) -> io::Result<usize> {
    let members = match read(directory, "cgroup.procs") {
        Ok(members) => members,
        Err(error) if has_gone(&error) => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut count = 0;
    for line in members.lines() {
        count += 1;
        // 0 is a process of another PID namespace, whose number cannot be known here.
        let pid = line.parse().ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // One that has ended since is what is wanted.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    Ok(count)
}

/// Removes a group and those inside, once nothing runs there.
///
/// An ending process holds its group for a moment longer than it is seen in it.
pub(crate) fn remove_all(group: &Path) -> io::Result<()> {
    within(MOST, || {
        for directory in deepest_first(group) {
            match fs::remove_dir(&directory) {
                Err(error) if !has_gone(&error) => return Err(at(&directory, &error)),
                _ => {}
            }
        }
        Ok(())
    })
}

fn has_gone(error: &io::Error) -> bool {
    // ENODEV: the file was open while the group was removed.
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(NO_DEVICE)
}

const NO_DEVICE: i32 = rustix::io::Errno::NODEV.raw_os_error();

/// Tries until it succeeds, or with the last error for this long.
fn within(at_most: Duration, mut attempt: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let begin = Instant::now();
    let mut pause = PAUSES.0;
    loop {
        let outcome = attempt();
        if outcome.is_ok() || begin.elapsed() > at_most {
            return outcome;
        }
        thread::sleep(pause);
        pause = PAUSES.1.min(pause * 2);
    }
}
