//! The report as JSON, for programs.

use crate::machine::MachineDocument;
use crate::place::PlaceKind;
use crate::saturate::case::Workload;
use crate::saturate::report::{CaseReport, Report};
use crate::saturate::staircase::{Staircase, Step};
use millicore_quota::Counters;
use serde::Serialize;

impl Report {
    /// One JSON object. Amounts of CPU are in millicores, times in seconds; a list of a case has one
    /// entry for each group, in the same order.
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
    machine: MachineDocument<'a>,
    place: PlaceKind,
    kept_by: &'a str,
    stopped: bool,
    wall_s: f64,
    cases: Vec<CaseDocument>,
    staircase: Option<StaircaseDocument>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct CaseDocument {
    count: usize,
    workload: Workload,
    limit_m: u32,
    parent_m: Option<u32>,
    threads: usize,
    window_s: f64,
    request_s: f64,
    received_m: Vec<f64>,
    fair_m: Vec<f64>,
    throttled_ratio: Vec<f64>,
    longest_stall_s: Vec<f64>,
    requests: Vec<usize>,
    mean_response_s: Vec<Option<f64>>,
    p99_response_s: Vec<Option<f64>>,
    total_m: f64,
    counted_m: f64,
    capacity_m: f64,
    jain: f64,
    switches: Option<u64>,
    machine_switches: Option<u64>,
    busy_percent: Option<f64>,
    steal_percent: Option<f64>,
    counters: Vec<CountersDocument>,
    parent_counters: Option<CountersDocument>,
    started_in_s: f64,
    removed_in_s: f64,
}

#[derive(Serialize)]
struct CountersDocument {
    cpu_s: f64,
    periods: u64,
    throttled_periods: u64,
    throttled_s: f64,
}

#[derive(Serialize)]
struct StaircaseDocument {
    limit_m: u32,
    requests: usize,
    size_s: f64,
    repeats: usize,
    tick_s: f64,
    workers: Vec<StepDocument>,
}

#[derive(Serialize)]
struct StepDocument {
    workers: usize,
    mean_s: f64,
    max_s: f64,
    predicted_mean_s: f64,
    predicted_max_s: f64,
    longest_stall_s: f64,
    counters: CountersDocument,
}

impl<'a> Document<'a> {
    fn new(report: &'a Report) -> Self {
        Self {
            schema: SCHEMA,
            machine: MachineDocument::new(&report.machine, &report.watched),
            place: report.place,
            kept_by: &report.kept_by,
            stopped: report.was_stopped,
            wall_s: report.watched.wall.as_secs_f64(),
            cases: report.cases.iter().map(CaseDocument::new).collect(),
            staircase: report.staircase.as_ref().map(StaircaseDocument::new),
            notes: report.notes(),
        }
    }
}

impl CaseDocument {
    fn new(report: &CaseReport) -> Self {
        let (case, meanwhile) = (report.case(), &report.result.meanwhile);
        let groups = report.result.groups.iter();
        Self {
            count: case.count,
            workload: case.workload,
            limit_m: case.limit.get(),
            parent_m: case.parent.map(millicore_quota::Millicores::get),
            threads: case.threads,
            window_s: case.window_ns as f64 / 1e9,
            request_s: case.request_ns as f64 / 1e9,
            received_m: report.received_m.clone(),
            fair_m: report.fair_m.clone(),
            throttled_ratio: report.throttled_ratio.clone(),
            longest_stall_s: report.longest_stall_s.clone(),
            requests: report.requests_done(),
            mean_response_s: report.mean_responses_s(),
            p99_response_s: report.p99_responses_s(),
            total_m: report.total_m,
            counted_m: report.counted_m,
            capacity_m: report.capacity_m,
            jain: report.jain,
            switches: report.switches(),
            machine_switches: meanwhile.switches,
            busy_percent: meanwhile.cpu_use.map(|it| it.busy_percent),
            steal_percent: meanwhile.cpu_use.map(|it| it.steal_percent),
            counters: groups
                .map(|it| CountersDocument::new(it.counters))
                .collect(),
            parent_counters: report.result.parent.map(CountersDocument::new),
            started_in_s: report.result.started_in.as_secs_f64(),
            removed_in_s: report.result.removed_in.as_secs_f64(),
        }
    }
}

impl CountersDocument {
    fn new(counters: Counters) -> Self {
        Self {
            cpu_s: counters.cpu.as_secs_f64(),
            periods: counters.periods,
            throttled_periods: counters.throttled_periods,
            throttled_s: counters.throttled.as_secs_f64(),
        }
    }
}

impl StaircaseDocument {
    fn new(staircase: &Staircase) -> Self {
        Self {
            limit_m: staircase.bandwidth.limit().get(),
            requests: staircase.requests,
            size_s: staircase.size_ns as f64 / 1e9,
            repeats: staircase.repeats,
            tick_s: staircase.tick_s,
            workers: staircase.steps.iter().map(StepDocument::new).collect(),
        }
    }
}

impl StepDocument {
    fn new(step: &Step) -> Self {
        Self {
            workers: step.workers,
            mean_s: step.mean_s,
            max_s: step.max_s,
            predicted_mean_s: step.predicted_mean_s,
            predicted_max_s: step.predicted_max_s,
            longest_stall_s: step.longest_stall_s,
            counters: CountersDocument::new(step.counters),
        }
    }
}
