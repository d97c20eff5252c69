//! One group of ours: its limits, what runs in it, and its end.

use crate::bandwidth::Bandwidth;
use crate::cgroup::ending::{deepest_first, kill_all, remove_all};
use crate::cgroup::limits::{self, State};
use crate::child::{self, RunningProgram};
use crate::counters::Counters;
use crate::directories::Directories;
use crate::group::{GroupQuota, read_quota};
use crate::place::{Enclosure, Limits, PlaceError, Program, Running};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// A control group of this process. Dropping it ends what runs in it and removes it.
#[derive(Debug)]
pub struct CgroupEnclosure {
    /// The path below the root of the hierarchy.
    name: String,
    directories: Directories,
    /// The directories of the groups around it, outermost first.
    around: Vec<PathBuf>,
    /// The same group in hierarchies that are not ours, where an engine that was told to put a
    /// container inside has made it.
    elsewhere: Vec<PathBuf>,
    is_removed: bool,
}

impl CgroupEnclosure {
    /// Makes it, with these limits, or leaves nothing behind.
    pub(crate) fn create(
        name: String,
        directories: Directories,
        around: Vec<PathBuf>,
        elsewhere: Vec<PathBuf>,
        limits: &Limits,
    ) -> Result<Self, PlaceError> {
        let made = directories.create();
        made.map_err(|error| failed(format!("making the group {name}"), error))?;
        // From here on dropping it removes it.
        let enclosure = Self {
            name,
            directories,
            around,
            elsewhere,
            is_removed: false,
        };
        if limits.bandwidth.is_some() {
            enclosure.set_bandwidth(limits.bandwidth)?;
        }
        if limits.weight.is_some() {
            enclosure.set_weight(limits.weight)?;
        }
        Ok(enclosure)
    }

    /// The directory with the limits of the group.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directories.cpu
    }

    /// Starts a command whose standard streams are the caller's own business, in the group before
    /// its first instruction. It dies with the thread that starts it. The command keeps joining the
    /// group if it is started again.
    ///
    /// # Errors
    ///
    /// Says what could not be started, and why; the kind of the source is `NotFound` where there is
    /// no such command.
    pub fn spawn(&mut self, command: &mut Command) -> Result<Child, PlaceError> {
        let groups = self.directories.open_to_join();
        let groups = groups.map_err(|error| failed(format!("joining {}", self.name), error))?;
        child::prepare(command, groups);
        child::spawn(command, &self.name)
    }

    /// The groups around it that have a quota, outermost first, as they are now.
    fn quotas_around(&self) -> Vec<GroupQuota> {
        let quotas = self.around.iter();
        quotas
            .filter_map(|directory| self.quota_of(directory))
            .collect()
    }

    /// How many processes are in it, those inside of groups in it not counted.
    ///
    /// # Errors
    ///
    /// Says what could not be read.
    pub fn processes(&self) -> Result<Vec<u32>, PlaceError> {
        let path = self.directories.cpu.join("cgroup.procs");
        let text = fs::read_to_string(&path)
            .map_err(|error| failed(format!("reading {}", path.display()), error))?;
        Ok(text.lines().filter_map(|line| line.parse().ok()).collect())
    }

    fn set_bandwidth(&self, bandwidth: Option<Bandwidth>) -> Result<(), PlaceError> {
        if let Some(bandwidth) = bandwidth {
            self.refuse_above_parent(bandwidth)?;
            self.refuse_below_inner(bandwidth)?;
        }
        let written = State::of(bandwidth).write(self.directories.version, &self.directories.cpu);
        written.map_err(|error| {
            let limit = bandwidth.map_or("no limit".to_owned(), |it| it.to_string());
            failed(format!("setting {} to {limit}", self.name), error)
        })
    }

    /// Version 1 refuses it without saying why, version 2 takes it and lets the outer limit win.
    fn refuse_above_parent(&self, bandwidth: Bandwidth) -> Result<(), PlaceError> {
        let outer = self.quotas_around().into_iter();
        let outer = outer.filter(|outer| is_narrower(outer, bandwidth));
        match outer.min_by_key(|outer| outer.limit) {
            None => Ok(()),
            Some(outer) => Err(PlaceError::AboveParent {
                limit: bandwidth.limit(),
                outer: outer.directory.display().to_string(),
                outer_limit: outer.limit,
            }),
        }
    }

    fn quota_of(&self, directory: &Path) -> Option<GroupQuota> {
        read_quota(&Directories {
            version: self.directories.version,
            cpu: directory.to_owned(),
            cpuacct: None,
        })
        .ok()?
    }

    /// The same for a limit that becomes smaller than one inside of it.
    fn refuse_below_inner(&self, bandwidth: Bandwidth) -> Result<(), PlaceError> {
        let inner = deepest_first(self.directory()).into_iter();
        let quotas = inner.filter(|path| path != self.directory());
        let quotas = quotas.filter_map(|path| self.quota_of(&path));
        match quotas.max_by_key(|inner| inner.limit) {
            Some(inner) if is_wider(&inner, bandwidth) => Err(PlaceError::AboveParent {
                limit: inner.limit,
                outer: self.name.clone(),
                outer_limit: bandwidth.limit(),
            }),
            _ => Ok(()),
        }
    }

    fn set_weight(&self, weight: Option<u32>) -> Result<(), PlaceError> {
        let weight = weight.unwrap_or(USUAL_WEIGHT);
        let doing = || format!("setting the weight of {} to {weight}", self.name);
        if !(1..=10_000).contains(&weight) {
            let error = io::Error::other("a weight is from 1 to 10000");
            return Err(failed(doing(), error));
        }
        limits::write_weight(self.directories.version, &self.directories.cpu, weight)
            .map_err(|error| failed(doing(), error))
    }

    fn end(&mut self) -> io::Result<()> {
        if self.is_removed {
            return Ok(());
        }
        self.kill_members()?;
        for directory in self.directories.all().chain(&self.elsewhere) {
            remove_all(directory)?;
        }
        self.is_removed = true;
        Ok(())
    }

    fn kill_members(&self) -> io::Result<()> {
        let groups: Vec<&Path> = self.directories.all().map(PathBuf::as_path).collect();
        kill_all(&groups)
    }
}

/// Compared by the kernel's own numbers: millicores are rounded.
fn is_narrower(group: &GroupQuota, bandwidth: Bandwidth) -> bool {
    let (here, there) = products(group, bandwidth);
    here < there
}

fn is_wider(group: &GroupQuota, bandwidth: Bandwidth) -> bool {
    let (here, there) = products(group, bandwidth);
    here > there
}

fn products(group: &GroupQuota, bandwidth: Bandwidth) -> (u128, u128) {
    let here = u128::from(group.quota_us) * bandwidth.period().as_micros();
    let there = bandwidth.quota().as_micros() * u128::from(group.period_us);
    (here, there)
}

/// What a new group has.
const USUAL_WEIGHT: u32 = 100;

impl Enclosure for CgroupEnclosure {
    fn name(&self) -> &str {
        &self.name
    }

    fn start(&mut self, program: &Program) -> Result<Box<dyn Running>, PlaceError> {
        let groups = self.directories.open_to_join();
        let groups = groups.map_err(|error| failed(format!("joining {}", self.name), error))?;
        let started = child::start(program, groups, &self.name)?;
        Ok(Box::new(RunningProgram(started)))
    }

    fn set_limits(&mut self, limits: &Limits) -> Result<(), PlaceError> {
        let before = self.limits()?;
        self.set_bandwidth(limits.bandwidth)?;
        self.set_weight(limits.weight).or_else(|error| {
            self.set_bandwidth(before.bandwidth)?;
            Err(error)
        })
    }

    fn limits(&self) -> Result<Limits, PlaceError> {
        let Directories { version, cpu, .. } = &self.directories;
        let read = State::read(*version, cpu).and_then(|state| {
            Ok(Limits {
                bandwidth: state.bandwidth(),
                weight: Some(limits::read_weight(*version, cpu)?),
            })
        });
        read.map_err(|error| failed(format!("reading the limits of {}", self.name), error))
    }

    fn counters(&self) -> Result<Option<Counters>, PlaceError> {
        let counters = self.directories.counters();
        counters
            .map(Some)
            .map_err(|error| failed(format!("reading the counters of {}", self.name), error))
    }

    fn kill(&mut self) -> Result<(), PlaceError> {
        self.kill_members()
            .map_err(|error| failed(format!("ending what runs in {}", self.name), error))
    }

    fn remove(mut self: Box<Self>) -> Result<(), PlaceError> {
        let ended = self.end();
        ended.map_err(|error| failed(format!("removing the group {}", self.name), error))
    }
}

impl Drop for CgroupEnclosure {
    fn drop(&mut self) {
        // There is nobody to tell; what is left is removed at the next start.
        let _ = self.end();
    }
}

fn failed(doing: String, source: io::Error) -> PlaceError {
    PlaceError::Failed { doing, source }
}
