//! A place where a program runs under a CPU limit: in no group, in a cgroup, or in a container.

use crate::{Bandwidth, Counters, Millicores};
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Where programs can be run under a CPU limit. All places behave alike in what this trait has; where
/// they cannot, [`Capabilities`] says so.
pub trait Place: fmt::Debug + Send + Sync {
    /// What can be had here.
    fn capabilities(&self) -> Capabilities;

    /// Makes an enclosure: empty, with its limits set.
    ///
    /// # Errors
    ///
    /// Says why it cannot be, and what would make it possible. Nothing is left behind.
    fn open(&self, spec: &Spec) -> Result<Box<dyn Enclosure>, PlaceError>;
}

/// Something with a CPU limit in which a program runs. Dropping it ends what runs in it and removes
/// it; [`Enclosure::remove`] does the same and tells what went wrong.
pub trait Enclosure: fmt::Debug + Send {
    /// Its name in the place, such as the path of its group: for errors and reports, and for
    /// [`Spec::inside`].
    fn name(&self) -> &str;

    /// Starts a program that is in the enclosure before it runs its first instruction, and so is
    /// whatever it starts. One at a time in a container, any number in a group. Outside of a
    /// container it dies with the thread that starts it.
    ///
    /// # Errors
    ///
    /// Says what could not be started, and why.
    fn start(&mut self, program: &Program) -> Result<Box<dyn Running>, PlaceError>;

    /// Changes the limits, also while something runs.
    ///
    /// # Errors
    ///
    /// Says what was refused; what held before still does.
    fn set_limits(&mut self, limits: &Limits) -> Result<(), PlaceError>;

    /// The limits as the kernel has them now.
    ///
    /// # Errors
    ///
    /// Says what could not be read.
    fn limits(&self) -> Result<Limits, PlaceError>;

    /// What the kernel has counted in it so far; nothing in a place without groups.
    ///
    /// # Errors
    ///
    /// Says what could not be read.
    fn counters(&self) -> Result<Option<Counters>, PlaceError>;

    /// Ends everything in it, and waits until it has ended.
    ///
    /// # Errors
    ///
    /// Says what is still there.
    fn kill(&mut self) -> Result<(), PlaceError>;

    /// Ends everything in it and removes it.
    ///
    /// # Errors
    ///
    /// Says what is still there.
    fn remove(self: Box<Self>) -> Result<(), PlaceError>;
}

/// A program that runs in an enclosure. Dropping it ends it.
pub trait Running: fmt::Debug + Send {
    /// At which address others reach the ports that it listens to.
    fn address(&self) -> IpAddr;

    /// What it writes to standard output, once.
    fn take_stdout(&mut self) -> Option<Box<dyn Read + Send>>;

    /// What it writes to standard error, once.
    fn take_stderr(&mut self) -> Option<Box<dyn Read + Send>>;

    /// Sends it SIGTERM.
    ///
    /// # Errors
    ///
    /// Says what the system or the engine said.
    fn ask_to_stop(&mut self) -> Result<(), PlaceError>;

    /// Waits for its end, but not longer than this; nothing if it still runs.
    ///
    /// # Errors
    ///
    /// Says what the system or the engine said.
    fn wait(&mut self, at_most: std::time::Duration) -> Result<Option<ExitStatus>, PlaceError>;
}

/// What to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spec {
    /// What it is for, a short word of letters, digits and `-`; becomes a part of its name.
    pub label: String,
    /// What holds in it.
    pub limits: Limits,
    /// The name of an enclosure of this process to make it inside of, whose limit then holds as
    /// well.
    pub inside: Option<String>,
}

/// What is held to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The most CPU time; no bound without.
    pub bandwidth: Option<Bandwidth>,
    /// The share beside neighbours when there is not enough for all, from 1 to 10 000; 100 is usual
    /// and what a new one has.
    pub weight: Option<u32>,
}

/// A program and how it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The file. A container gets an image with it and the libraries that it needs, and nothing
    /// else.
    pub executable: PathBuf,
    /// What follows its name.
    pub arguments: Vec<OsString>,
    /// Added to the environment of this process, or in a container the whole of it.
    pub environment: Vec<(OsString, OsString)>,
}

/// What a place can do, to be printed and asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The name of the place: `process`, `cgroup` or `docker`.
    pub place: &'static str,
    /// What keeps the limits: such as `cgroup version 1`, or the engine and its version.
    pub kept_by: String,
    /// The smallest limit, if there are limits.
    pub floor: Option<Millicores>,
    /// Whether a limit can be changed while something runs.
    pub has_live_update: bool,
    /// Whether unused quota can be kept for later.
    pub has_burst: bool,
    /// Whether what runs there can read the limits of the groups above its own.
    pub sees_ancestors: bool,
}

/// Why a place cannot do it, and what would help.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// The place cannot be used at all.
    #[error("the place {place} cannot be used: {why}; {remedy}")]
    Unusable {
        /// Its name.
        place: &'static str,
        /// What is missing.
        why: String,
        /// What would make it usable.
        remedy: String,
    },
    /// A limit above that of the enclosure around it.
    #[error(
        "{limit} inside of {outer} is more than the {outer_limit} there: ask for up to \
         {outer_limit}, or widen {outer}"
    )]
    AboveParent {
        /// What was asked for.
        limit: Millicores,
        /// The name of the enclosure around it.
        outer: String,
        /// What holds there.
        outer_limit: Millicores,
    },
    /// The program could not be started.
    #[error("{} cannot be started in {enclosure}: {source}", executable.display())]
    Start {
        /// The program.
        executable: PathBuf,
        /// Where.
        enclosure: String,
        /// What the system or the engine said.
        source: io::Error,
    },
    /// Something that should have been possible.
    #[error("{doing}: {source}")]
    Failed {
        /// What was being done, with the file or the container.
        doing: String,
        /// What the system or the engine said.
        source: io::Error,
    },
}
