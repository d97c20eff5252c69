//! Noticing that the limit has changed, at little cost.

use crate::affinity::cores;
use crate::cpuset::Cpuset;
use crate::group;
use crate::limit::{ProcessLimit, Roots};
use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;

/// Tells whether this process's limit has changed, for whoever asks from time to time: the files of
/// cgroups tell nobody that they have.
///
/// Asking costs one read of each file that has a part of the limit. Only where one reads differently
/// is all read again.
#[derive(Debug)]
pub struct LimitWatch {
    roots: Roots,
    limit: ProcessLimit,
    /// What each file held when the limit was read; of one that could not be read, nothing.
    files: Vec<(File, Vec<u8>)>,
    mask: NonZeroUsize,
    /// How often it was asked since all was read.
    asked: u32,
}

/// A file that was not there can come; after so many questions all is read in any case.
const ALL_EVERY: u32 = 20;

impl LimitWatch {
    /// How long to wait between two questions, so that a change is noticed within a second.
    pub const EVERY: Duration = Duration::from_millis(500);

    /// Reads the limit and begins to watch it.
    #[must_use]
    pub fn begin() -> Self {
        Self::begin_in(&Roots::default())
    }

    /// The same with the kernel's files below `roots`.
    #[must_use]
    pub fn begin_in(roots: &Roots) -> Self {
        let roots = roots.clone();
        // Opened before it is read: a change in between is seen the next time.
        let files = open_files(&roots);
        let limit = ProcessLimit::read_from(&roots);
        Self {
            roots,
            limit,
            files,
            mask: cores(&mut Vec::new()),
            asked: 0,
        }
    }

    /// The limit as it was read last.
    #[must_use]
    pub const fn limit(&self) -> &ProcessLimit {
        &self.limit
    }

    /// The limit, if it is another than before.
    pub fn changed(&mut self) -> Option<&ProcessLimit> {
        self.asked += 1;
        let mut files = self.files.iter();
        let is_same = files.all(|(file, before)| read(file).is_ok_and(|now| now == *before))
            && cores(&mut Vec::new()) == self.mask;
        if is_same && self.asked < ALL_EVERY {
            return None;
        }
        let before = std::mem::replace(self, Self::begin_in(&self.roots)).limit;
        (self.limit != before).then_some(&self.limit)
    }
}

/// All that can change what [`ProcessLimit::read_from`] answers, but for the mask.
fn open_files(roots: &Roots) -> Vec<(File, Vec<u8>)> {
    let names = [
        "cpu.max",
        "cpu.max.burst",
        "cpu.cfs_quota_us",
        "cpu.cfs_period_us",
        "cpu.cfs_burst_us",
    ];
    let groups = group::directories(roots, group::THIS, &mut Vec::new());
    let of_groups = groups
        .iter()
        .flat_map(|group| names.map(|name| group.cpu.join(name)));
    let cpuset = Cpuset::find(roots).map(|cpuset| cpuset.file);
    let paths = std::iter::once(roots.proc.join("self/cgroup"))
        .chain(cpuset)
        .chain(of_groups);
    let open = |path: PathBuf| {
        let file = File::open(path).ok()?;
        let now = read(&file).ok()?;
        Some((file, now))
    };
    paths.filter_map(open).collect()
}

/// From its beginning, however often it was read; long enough for a few groups.
fn read(file: &File) -> io::Result<Vec<u8>> {
    let mut text = vec![0; 4096];
    let length = file.read_at(&mut text, 0)?;
    text.truncate(length);
    Ok(text)
}

#[cfg(test)]
mod tests;
