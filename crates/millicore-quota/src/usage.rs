//! The CPU time of a whole group, read again and again at little cost.

use crate::group::ProcessGroup;
use crate::limit::{ProcessLimit, Roots};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

/// The CPU time that a group has used so far, those inside of it included. The file stays open, so
/// that a reading is one system call.
#[derive(Debug)]
pub struct GroupUsage {
    file: File,
    /// In version 2 it is a line among others, in microseconds; in version 1 it is the whole file, in
    /// nanoseconds.
    is_line: bool,
    text: [u8; 64],
}

/// What stands first in `cpu.stat` of version 2.
const LINE: &str = "usage_usec ";

impl GroupUsage {
    /// Of the group whose quota limits this process; nothing if there is none, or if it cannot be
    /// read.
    #[must_use]
    pub fn open(limit: &ProcessLimit) -> Option<Self> {
        let group = limit.group.as_ref()?;
        Self::open_file(&group.directories.usage_file())
    }

    /// Of the group that this process is in; nothing if it cannot be read.
    #[must_use]
    pub fn of_process(roots: &Roots) -> Option<Self> {
        Self::open_file(&ProcessGroup::find(roots)?.usage_file())
    }

    fn open_file(path: &Path) -> Option<Self> {
        let mut usage = Self {
            file: File::open(path).ok()?,
            is_line: path.ends_with("cpu.stat"),
            text: [0; 64],
        };
        usage.read().ok()?;
        Some(usage)
    }

    /// The CPU time used so far.
    ///
    /// # Errors
    ///
    /// What the system said; the group may have gone.
    pub fn read(&mut self) -> io::Result<Duration> {
        let length = self.file.read_at(&mut self.text, 0)?;
        let text = self.text.get(..length).unwrap_or_default();
        let odd = || io::Error::new(io::ErrorKind::InvalidData, "no CPU time where it should be");
        let text = str::from_utf8(text).map_err(|_| odd())?;
        let text = match self.is_line {
            true => text.strip_prefix(LINE).ok_or_else(odd)?,
            false => text,
        };
        // A number that is cut off would be another one.
        let (number, _) = text.split_once('\n').ok_or_else(odd)?;
        let number = number.parse().map_err(|_| odd())?;
        Ok(match self.is_line {
            true => Duration::from_micros(number),
            false => Duration::from_nanos(number),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::GroupUsage;
    use std::path::Path;
    use std::time::Duration;

    fn check(file: &str, expected: Option<Duration>) {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/usage");
        let usage = GroupUsage::open_file(&fixtures.join(file));
        let read = usage.map(|mut usage| {
            let first = usage.read().unwrap();
            assert_eq!(usage.read().unwrap(), first);
            first
        });
        assert_eq!(read, expected, "{file}");
    }

    #[test]
    fn both_versions_are_read_in_their_units() {
        check(
            "v1/cpuacct.usage",
            Some(Duration::from_nanos(12_345_678_901)),
        );
        check("v2/cpu.stat", Some(Duration::from_micros(12_345_678)));
        check("odd/cpuacct.usage", None);
        check("odd/cpu.stat", None);
        check("absent/cpu.stat", None);
    }
}
