//! Every output has a file of its own, so that none replaces another or what is read.

use super::shown;
use crate::failure::Failure;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A file with the flag, or what else, that names it.
pub(super) type Named<'a> = (&'static str, &'a Path);

pub(super) fn check(inputs: Vec<Named<'_>>, outputs: &[Named<'_>]) -> Result<(), Failure> {
    let mut taken = inputs;
    for &(flag, path) in outputs {
        if path.as_os_str() == "-" {
            return Err(Failure::usage(format_args!(
                "{flag} -: standard output is for the results; name a file"
            )));
        }
        if let Some((other, _)) = taken.iter().find(|(_, other)| is_same_file(path, other)) {
            return Err(Failure::usage(format_args!(
                "{flag} {} would replace the file of {other}: name another one",
                shown(path)
            )));
        }
        taken.push((flag, path));
    }
    Ok(())
}

/// Whether what is written to one path would be read from the other. Devices such as `/dev/null`
/// keep nothing, so that two paths may share them.
fn is_same_file(a: &Path, b: &Path) -> bool {
    identity(a).is_some_and(|a| Some(a) == identity(b))
}

/// What stays the same under every name that a file has.
#[derive(Debug, PartialEq, Eq)]
enum Identity {
    /// A file by its device and inode.
    Existing(u64, u64),
    /// A file that is still to be created, by its directory and name.
    Future((u64, u64), OsString),
}

fn identity(path: &Path) -> Option<Identity> {
    if let Ok(metadata) = fs::metadata(path) {
        let is_file = metadata.is_file();
        return is_file.then(|| Identity::Existing(metadata.dev(), metadata.ino()));
    }
    let parent = path.parent()?;
    let directory = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    let directory = fs::metadata(directory).ok()?;
    let directory = (directory.dev(), directory.ino());
    Some(Identity::Future(directory, path.file_name()?.to_owned()))
}
