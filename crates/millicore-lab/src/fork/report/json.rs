//! The report as JSON, for programs.

use crate::fork::bounds::Position;
use crate::fork::event::{Event, What};
use crate::fork::measurement::Doubling;
use crate::fork::plan::With;
use crate::fork::report::{Report, RoundReport, WholeRun};
use crate::machine::MachineDocument;
use serde::Serialize;

impl Report {
    /// One JSON object; times are in seconds. Threads have their ids where processes have theirs.
    ///
    /// # Errors
    ///
    /// None that is known: every field is a number, a text or a list of them.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(&Document::new(self))
    }
}

/// The number of the shape below: it grows when a key changes its meaning or goes.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    simulated: bool,
    machine: MachineDocument<'a>,
    number: u64,
    with: With,
    doublings: u32,
    cores: usize,
    slice_s: f64,
    overhead_s: f64,
    wall_s: f64,
    one_s: f64,
    core_share: f64,
    rounds: Vec<Round>,
    all: Option<All>,
    forks: Vec<Fork>,
    events: Vec<Happening>,
}

#[derive(Serialize)]
struct Round {
    round: u32,
    processes: usize,
    start_s: f64,
    duration_s: f64,
    ratio_to_one: f64,
    perfect_sharing_s: f64,
    whole_rounds_s: f64,
    position_percent: Option<f64>,
    outside_percent: Option<f64>,
    predicted_fair_s: f64,
    predicted_fifo_s: f64,
    cpu_s: f64,
}

#[derive(Serialize)]
struct All {
    duration_s: f64,
    perfect_sharing_s: f64,
    whole_rounds_s: f64,
    position_percent: Option<f64>,
    outside_percent: Option<f64>,
    predicted_fair_s: f64,
}

#[derive(Serialize)]
struct Fork {
    round: u32,
    parent_pid: i32,
    child_pid: i32,
    parent_s: f64,
    child_s: f64,
}

#[derive(Serialize)]
struct Happening {
    seconds: f64,
    round: u32,
    pid: i32,
    parent_pid: i32,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    child_pid: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_s: Option<f64>,
}

impl<'a> Document<'a> {
    fn new(report: &'a Report) -> Self {
        let one_ns = report.one_ns();
        let rounds = report.rounds.iter();
        Self {
            schema: SCHEMA,
            simulated: false,
            machine: MachineDocument::new(&report.machine, &report.watched),
            number: report.plan.number,
            with: report.plan.with,
            doublings: report.plan.rounds,
            cores: report.plan.cores.get(),
            slice_s: seconds(report.plan.slicing.slice_ns),
            overhead_s: seconds(report.plan.slicing.overhead_ns),
            wall_s: report.watched.wall.as_secs_f64(),
            one_s: seconds(one_ns),
            core_share: report.core_share,
            rounds: rounds.map(|round| Round::new(round, one_ns)).collect(),
            all: report.whole.as_ref().map(All::new),
            forks: report.doublings.iter().map(Fork::new).collect(),
            events: report.events.iter().map(Happening::new).collect(),
        }
    }
}

impl Round {
    fn new(round: &RoundReport, one_ns: u64) -> Self {
        let (position_percent, outside_percent) = inside_and_outside(round.position);
        Self {
            round: round.time.round,
            processes: round.time.members,
            start_s: seconds(round.time.start_ns),
            duration_s: seconds(round.time.took_ns),
            ratio_to_one: round.time.took_ns as f64 / one_ns.max(1) as f64,
            perfect_sharing_s: seconds(round.bounds.perfect_ns),
            whole_rounds_s: seconds(round.bounds.whole_ns),
            position_percent,
            outside_percent,
            predicted_fair_s: seconds(round.prediction.fair_ns),
            predicted_fifo_s: seconds(round.prediction.fifo_ns),
            cpu_s: round.time.cpu_ns / 1e9,
        }
    }
}

impl All {
    fn new(whole: &WholeRun) -> Self {
        let (position_percent, outside_percent) = inside_and_outside(Some(whole.position));
        Self {
            duration_s: seconds(whole.took_ns),
            perfect_sharing_s: seconds(whole.bounds.perfect_ns),
            whole_rounds_s: seconds(whole.bounds.whole_ns),
            position_percent,
            outside_percent,
            predicted_fair_s: seconds(whole.fair_ns),
        }
    }
}

/// How far between the bounds, or how far above (or below, if negative) them.
fn inside_and_outside(position: Option<Position>) -> (Option<f64>, Option<f64>) {
    match position {
        None => (None, None),
        Some(Position::Between { percent }) => (Some(percent), None),
        Some(Position::Over { percent }) => (None, Some(percent)),
        Some(Position::Under { percent }) => (None, Some(-percent)),
    }
}

impl Fork {
    fn new(doubling: &Doubling) -> Self {
        Self {
            round: doubling.round,
            parent_pid: doubling.parent,
            child_pid: doubling.child,
            parent_s: seconds(doubling.parent_ns),
            child_s: seconds(doubling.child_ns),
        }
    }
}

impl Happening {
    fn new(event: &Event) -> Self {
        let (child_pid, cpu_s) = match event.what {
            What::Forked { child, .. } => (child, None),
            What::Computed { cpu_ns, .. } => (None, Some(seconds(cpu_ns))),
            _ => (None, None),
        };
        Self {
            seconds: seconds(event.at_ns),
            round: event.round,
            pid: event.id,
            parent_pid: event.parent,
            event: event.name(),
            child_pid,
            cpu_s,
        }
    }
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
