//! The directories of one group: in version 1, `cpu` and `cpuacct` can be two hierarchies.

use crate::counters::Counters;
use crate::files::at;
use crate::membership::Version;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// A group, there or to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directories {
    pub(crate) version: Version,
    pub(crate) cpu: PathBuf,
    /// Where CPU time is counted, if that is elsewhere.
    pub(crate) cpuacct: Option<PathBuf>,
}

impl Directories {
    /// The group of this name inside.
    pub(crate) fn join(&self, name: impl AsRef<Path>) -> Self {
        Self {
            version: self.version,
            cpu: self.cpu.join(name.as_ref()),
            cpuacct: self.cpuacct.as_ref().map(|path| path.join(name.as_ref())),
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.cpu).chain(&self.cpuacct)
    }

    /// Makes the group in all its hierarchies, or in none.
    pub(crate) fn create(&self) -> io::Result<()> {
        for (made, path) in self.all().enumerate() {
            if let Err(error) = fs::create_dir(path) {
                for path in self.all().take(made) {
                    // Empty and just made; what is left all the same is removed at the next start.
                    let _ = fs::remove_dir(path);
                }
                return Err(at(path, &error));
            }
        }
        Ok(())
    }

    /// The files through which a process joins, open for writing.
    pub(crate) fn open_to_join(&self) -> io::Result<Vec<File>> {
        self.all()
            .map(|directory| {
                let path = directory.join("cgroup.procs");
                let file = OpenOptions::new().write(true).open(&path);
                file.map_err(|error| at(&path, &error))
            })
            .collect()
    }

    /// The file that has the CPU time used.
    pub(crate) fn usage_file(&self) -> PathBuf {
        match self.version {
            Version::V1 => self
                .cpuacct
                .as_ref()
                .unwrap_or(&self.cpu)
                .join("cpuacct.usage"),
            Version::V2 => self.cpu.join("cpu.stat"),
        }
    }

    pub(crate) fn counters(&self) -> io::Result<Counters> {
        match self.version {
            Version::V1 => {
                let cpuacct = self.cpuacct.as_ref().unwrap_or(&self.cpu);
                Counters::read_v1(&self.cpu, cpuacct)
            }
            Version::V2 => Counters::read_v2(&self.cpu),
        }
    }
}
