//! The file of a bound Unix socket, which goes with the socket.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Dropping it removes the file, unless another has taken its place. Processes that were forked have
/// copies of it, and leave without dropping them.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    device_and_inode: (u64, u64),
}

impl SocketFile {
    /// The file that is there now.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        Some(Self {
            path: path.to_owned(),
            device_and_inode: device_and_inode(path)?,
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if device_and_inode(&self.path) == Some(self.device_and_inode) {
            // Where it is gone already, nothing is left to do.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn device_and_inode(path: &Path) -> Option<(u64, u64)> {
    let metadata = path.symlink_metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}
