//! Groups whose maker was killed before it could remove them.

use crate::cgroup::ending::{kill_all, remove_all, subdirectories};
use crate::limit::Roots;
use crate::mountinfo;
use crate::owner::Owner;
use std::path::{Path, PathBuf};

/// No tree of groups is deeper than this, but a fixture can be a loop.
const DEEPEST: usize = 32;

/// Ends what runs in groups of ours whose maker no longer lives, and removes them; answers with the
/// directories that were removed.
///
/// The name of a group says who made it. A group of a process in another PID namespace is left to
/// those who can tell, and one that cannot be removed is tried again at the next start.
#[must_use = "says what another run has left"]
pub fn remove_leftovers() -> Vec<String> {
    remove_leftovers_below(&Roots::default())
}

fn remove_leftovers_below(roots: &Roots) -> Vec<String> {
    let mut found = Vec::new();
    for mount_point in mountinfo::hierarchies(&roots.proc.join("self/mountinfo")) {
        find(
            &roots.directory(&mount_point),
            &roots.proc,
            DEEPEST,
            &mut found,
        );
    }
    found.sort();
    found.dedup();
    found
        .iter()
        .filter(|path| kill_all(&[path]).and_then(|()| remove_all(path)).is_ok())
        .map(|path| path.display().to_string())
        .collect()
}

/// The outermost groups of makers that have ended; what is inside of them goes with them.
fn find(directory: &Path, proc: &Path, deepest: usize, found: &mut Vec<PathBuf>) {
    for path in subdirectories(directory) {
        let name = path.file_name().and_then(|name| name.to_str());
        match name.and_then(Owner::of) {
            Some(owner) if owner.has_ended(proc) => found.push(path),
            _ if deepest > 0 => find(&path, proc, deepest - 1, found),
            _ => {}
        }
    }
}
