//! What could not be read of a limit, so that no answer is wider than the facts in silence.

use std::io;
use std::path::{Path, PathBuf};

/// Something that stood in the way of reading this process's limit.
///
/// Each warning means the real limit may be tighter than the one reported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitWarning {
    /// A file could not be read.
    #[error("cannot read {path}, any limit in it is unknown: {kind}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        kind: io::ErrorKind,
    },
    /// A file holds something the kernel does not document.
    #[error(
        "{path} holds {content:?} where {expected} was expected; it is left out",
        path = path.display()
    )]
    Odd {
        /// The file.
        path: PathBuf,
        /// The line or value, at most its first 120 characters.
        content: String,
        /// What stands there by the kernel's documentation.
        expected: &'static str,
    },
    /// No mounted cgroup file system shows the group this process is in.
    #[error(
        "this process is in the cgroup {group:?}, which no cgroup mount in {mountinfo} shows; \
         its limit is unknown until the file system that holds it is mounted",
        mountinfo = mountinfo.display()
    )]
    NotMounted {
        /// The group, as `/proc/self/cgroup` names it.
        group: PathBuf,
        /// The table of mounts that was searched.
        mountinfo: PathBuf,
    },
    /// The directory of a group is not there.
    #[error(
        "the cgroup directory {directory} cannot be found, its limit is unknown; \
         another file system may be mounted over it",
        directory = directory.display()
    )]
    Missing {
        /// Where the group should be.
        directory: PathBuf,
    },
    /// The kernel did not tell the affinity mask.
    #[error("cannot read the CPU affinity mask, counting {cores} cores instead: {kind}")]
    Affinity {
        /// The number of cores used instead.
        cores: usize,
        /// Why not.
        kind: io::ErrorKind,
    },
}

impl LimitWarning {
    /// `content`, found in `path`, is not `expected`.
    pub(crate) fn odd(path: &Path, content: &str, expected: &'static str) -> Self {
        let content = content.chars().take(120).collect();
        Self::Odd {
            path: path.to_owned(),
            content,
            expected,
        }
    }
}

/// Reads a file of the kernel as text.
///
/// Bytes that are not UTF-8 become replacement characters: they then read as an odd value or name
/// a group that does not exist, and either is a warning.
pub(crate) fn read_text(path: &Path) -> Result<String, LimitWarning> {
    let bytes = std::fs::read(path).map_err(|error| LimitWarning::Unreadable {
        path: path.to_owned(),
        kind: error.kind(),
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
