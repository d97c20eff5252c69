//! The run: starts the first process or thread, and listens until all have ended.

use crate::fork::event::{Event, What};
use crate::fork::log::Log;
use crate::fork::member::Shared;
use crate::fork::plan::{Plan, With};
use crate::fork::{processes, threads};
use crate::machine::{Watch, Watched};
use crate::text::with_sources;
use millicore_server::process::{Child, ForkError};
use rustix::pipe::{PipeFlags, pipe_with};
use std::fs::File;
use std::io::{self, BufRead, BufReader};

/// Runs the plan; `watch` hears of every event as it is told.
///
/// With [`With::Forks`] this process must have no other thread: the first process is a fork of it.
/// This process itself computes nothing. Whoever of the processes dies takes those below along, and
/// if this process dies, all of them.
///
/// # Errors
///
/// Says what failed, and what ended before it was done.
pub fn run(plan: &Plan, watch: &mut dyn FnMut(&Event)) -> Result<Outcome, RunError> {
    let watched = Watch::begin();
    let (reader, writer) =
        pipe_with(PipeFlags::CLOEXEC).map_err(|error| RunError::Pipe(error.into()))?;
    let shared = Shared {
        plan: plan.clone(),
        log: Log::new(writer),
    };
    let mut reader = Some(reader);
    let root = Root::start(shared, || {
        // A listener that is gone is noticed only if none of the others keeps its end open.
        reader.take();
    })?;
    let events = match reader {
        Some(reader) => listen(File::from(reader), watch)?,
        None => Vec::new(),
    };
    let end = root.end()?;
    check(plan, &events, end)?;
    Ok(Outcome {
        events: in_order(events),
        watched: watched.end(),
    })
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What happened, by time.
    pub events: Vec<Event>,
    /// What the machine did during the run.
    pub watched: Watched,
}

/// The first of them, below which are all others.
enum Root {
    Process(Child),
    Thread(threads::Handle),
}

impl Root {
    /// Starts it. The end of the pipe that it writes to is its own alone when this returns.
    fn start(shared: Shared, in_child: impl FnOnce()) -> Result<Self, RunError> {
        match shared.plan.with {
            With::Forks => Ok(Self::Process(processes::start(&shared, in_child)?)),
            With::Threads => Ok(Self::Thread(
                threads::start(shared).map_err(RunError::Thread)?,
            )),
        }
    }

    /// Waits for its end: what went wrong with it, unless it has told that itself.
    fn end(self) -> Result<Option<String>, RunError> {
        match self {
            Self::Process(mut child) => {
                let exit = child.wait().map_err(RunError::Wait)?;
                let id = child.pid().as_raw_nonzero();
                Ok(processes::untold(exit).map(|end| format!("process {id} {end}")))
            }
            Self::Thread(handle) => Ok(handle
                .join()
                .is_err()
                .then(|| "the first thread panicked".to_owned())),
        }
    }
}

/// Reads until every writer has ended.
fn listen(pipe: File, watch: &mut dyn FnMut(&Event)) -> Result<Vec<Event>, RunError> {
    let mut events = Vec::new();
    for line in BufReader::new(pipe).lines() {
        let line = line.map_err(RunError::Pipe)?;
        let event = Event::parse(&line).ok_or(RunError::Unreadable { line })?;
        watch(&event);
        events.push(event);
    }
    Ok(events)
}

/// Whether everybody has told everything.
fn check(plan: &Plan, events: &[Event], end: Option<String>) -> Result<(), RunError> {
    let told = events.iter().find_map(|event| match &event.what {
        What::Failed { reason } => Some(reason.clone()),
        _ => None,
    });
    let results: Vec<u64> = events
        .iter()
        .filter_map(|event| match event.what {
            What::Computed { fnv1a, .. } => Some(fnv1a),
            _ => None,
        })
        .collect();
    let (computed, expected) = (results.len(), plan.computations());
    if let Some(reason) = told.or(end) {
        return Err(RunError::Failed {
            reason,
            computed,
            expected,
        });
    }
    if computed != expected {
        return Err(RunError::Incomplete { computed, expected });
    }
    if results.windows(2).any(|pair| pair[0] != pair[1]) {
        return Err(RunError::WrongAnswer);
    }
    Ok(())
}

/// By time; and who started a thread that did not know it then knows it now.
fn in_order(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_key(|event| (event.at_ns, event.id));
    let parents: Vec<(i32, u32, i32)> = first_starts(&events);
    for event in &mut events {
        if let What::Forked { child, .. } = &mut event.what {
            let found = parents
                .iter()
                .find(|(parent, round, _)| (*parent, *round) == (event.id, event.round + 1));
            *child = child.or(found.map(|(_, _, id)| *id));
        }
    }
    events
}

/// Parent, round and id of each in the round in which it began.
fn first_starts(events: &[Event]) -> Vec<(i32, u32, i32)> {
    let mut starts: Vec<(i32, u32, i32)> = Vec::new();
    for event in events {
        let is_known = starts.iter().any(|(_, _, id)| *id == event.id);
        if event.what == What::Started && !is_known {
            starts.push((event.parent, event.round, event.id));
        }
    }
    starts
}

/// What a run failed by.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// There is no pipe to listen to, or it cannot be read.
    #[error("cannot listen to the processes: {0}")]
    Pipe(#[source] io::Error),
    /// The first process could not be forked.
    #[error("cannot fork the first process: {}", with_sources(.0))]
    Fork(#[from] ForkError),
    /// The first thread could not be started.
    #[error("cannot start the first thread: {0}")]
    Thread(#[source] io::Error),
    /// The first process cannot be waited for.
    #[error("cannot wait for the first process: {0}")]
    Wait(#[source] io::Error),
    /// A process or thread failed, or was killed.
    #[error("{reason}; {computed} of {expected} factorials computed")]
    Failed {
        /// What happened.
        reason: String,
        /// How many were computed.
        computed: usize,
        /// How many should have been.
        expected: usize,
    },
    /// Some ended without a word.
    #[error("{computed} of {expected} factorials computed, and nobody says why; please report it")]
    Incomplete {
        /// How many were computed.
        computed: usize,
        /// How many should have been.
        expected: usize,
    },
    /// Something else than an event was told.
    #[error("`{line}` is no event; please report it")]
    Unreadable {
        /// What was told.
        line: String,
    },
    /// The same factorial has several values.
    #[error("the same factorial has two values; please report it")]
    WrongAnswer,
}

#[cfg(test)]
mod tests;
