//! A file system as the kernel unpacks it into memory.
//!
//! Format: kernel documentation, `driver-api/early-userspace/buffer-format`, the variant `newc`.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// Directories and programs, to be finished into the bytes of an archive.
#[derive(Debug, Default)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    directories: BTreeSet<PathBuf>,
    entries: u32,
}

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;

impl Archive {
    /// Adds a directory with those that it is in.
    pub(super) fn add_directory(&mut self, path: &Path) {
        let path = below_root(path);
        let above: Vec<&Path> = path.ancestors().collect();
        for directory in above.into_iter().rev() {
            let is_root = directory.as_os_str().is_empty();
            if !is_root && self.directories.insert(directory.to_owned()) {
                self.add(directory, DIRECTORY, &[]);
            }
        }
    }

    /// Adds a program with the directories that it is in.
    pub(super) fn add_program(&mut self, path: &Path, contents: &[u8]) {
        let path = below_root(path);
        if let Some(directory) = path.parent() {
            self.add_directory(directory);
        }
        self.add(&path, PROGRAM, contents);
    }

    /// The archive.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.add(Path::new("TRAILER!!!"), 0, &[]);
        self.bytes
    }

    fn add(&mut self, path: &Path, mode: u32, contents: &[u8]) {
        self.entries += 1;
        let name = path.to_string_lossy();
        let links = 1;
        // After the number and the mode: owner, group, links, time, size, four numbers of devices,
        // the length of the name with its zero, and a sum that this variant does not have.
        let fields = [
            self.entries as usize,
            mode as usize,
            0,
            0,
            links,
            0,
            contents.len(),
            0,
            0,
            0,
            0,
            name.len() + 1,
            0,
        ];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend(contents);
        self.align();
    }

    fn align(&mut self) {
        let length = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(length, 0);
    }
}

fn below_root(path: &Path) -> PathBuf {
    let components = path.components();
    components
        .filter(|it| matches!(it, Component::Normal(_)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Archive;
    use std::path::Path;

    #[test]
    fn every_entry_follows_its_directories_and_is_aligned() {
        let mut archive = Archive::default();
        archive.add_program(Path::new("/a/b/run"), b"hello");
        archive.add_directory(Path::new("a"));
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 4, 0);
        let text = String::from_utf8(bytes).unwrap();
        let heads: Vec<&str> = text.split("070701").skip(1).collect();
        let names: Vec<&str> = heads
            .iter()
            .map(|head| head[104..].split('\0').next().unwrap())
            .collect();
        assert_eq!(names, ["a", "a/b", "a/b/run", "TRAILER!!!"]);
        // Number, mode, and the size of the contents.
        assert_eq!(&heads[2][..16], "00000003000081ed");
        assert_eq!(&heads[2][48..56], "00000005");
        assert!(heads[2].ends_with("a/b/run\0\0\0hello\0\0\0"));
    }
}
