//! The report as JSON, for programs.

use crate::concurrency::answer::Response;
use crate::concurrency::contender::PartKind;
use crate::concurrency::measurement::Measurement;
use crate::concurrency::report::{PartReport, Report};
use crate::load::Order;
use crate::machine::MachineDocument;
use crate::place::{CountersDocument, PlaceKind, PlaceRecord};
use millicore_quota::Millicores;
use serde::Serialize;

impl Report {
    /// One JSON object; times are in seconds.
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
    limit_m: Option<u32>,
    requests: usize,
    cores: usize,
    repeats: usize,
    order: &'static str,
    stopped: bool,
    notes: Vec<String>,
    parts: Vec<PartResult>,
}

#[derive(Serialize)]
struct PartResult {
    kind: PartKind,
    path: String,
    length_s: f64,
    verdict: String,
    servers: Vec<ServerResult>,
}

/// One contender. Medians over the repeats; the responses are those of one of them.
#[derive(Serialize)]
struct ServerResult {
    model: &'static str,
    workers: Option<usize>,
    policy: Option<String>,
    limit_m: Option<u32>,
    counters: Option<CountersDocument>,
    counters_around: Option<CountersDocument>,
    processes: usize,
    threads: usize,
    first_s: f64,
    mean_s: f64,
    last_s: f64,
    closed_form_mean_s: Option<f64>,
    closed_form_last_s: Option<f64>,
    predicted_mean_s: Option<f64>,
    mean_differs_percent: Option<f64>,
    last_differs_percent: Option<f64>,
    cpu_each_s: Option<f64>,
    spread_s: f64,
    repeat_means_s: Vec<f64>,
    responses: Vec<ResponseResult>,
}

#[derive(Serialize)]
struct ResponseResult {
    request: u64,
    pid: u32,
    parent_pid: u32,
    thread_id: u32,
    sent_s: f64,
    started_s: f64,
    finished_s: f64,
    elapsed_s: f64,
    response_s: f64,
    cpu_s: Option<f64>,
    queue_s: Option<f64>,
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

fn fraction_s(ns: f64) -> f64 {
    ns / 1e9
}

impl<'a> Document<'a> {
    fn new(report: &'a Report) -> Self {
        let part = |it: &PartReport| PartResult {
            kind: it.part.kind,
            path: it.part.path(),
            length_s: seconds(it.part.length_ns()),
            verdict: report.verdict(it),
            servers: it.measurements.iter().map(ServerResult::new).collect(),
        };
        Self {
            schema: SCHEMA,
            machine: MachineDocument::new(&report.machine, &report.watched),
            place: report.plan.site.place,
            limit_m: report.plan.site.limit.map(Millicores::get),
            requests: report.plan.requests,
            cores: report.plan.cores.get(),
            repeats: report.plan.repeats,
            order: match report.plan.order {
                Order::Sent => "sent",
                Order::Completed => "completed",
            },
            stopped: report.was_stopped,
            notes: report.notes(),
            parts: report.parts.iter().map(part).collect(),
        }
    }
}

impl ServerResult {
    fn new(it: &Measurement) -> Self {
        let place = it.place.as_ref();
        let around = place.and_then(|it| it.around.as_ref());
        Self {
            model: it.contender.model.name(),
            workers: it.contender.workers,
            policy: it.contender.policy.map(|policy| policy.to_string()),
            limit_m: place.and_then(PlaceRecord::limit).map(Millicores::get),
            counters: place.and_then(|it| it.counters).map(Into::into),
            counters_around: around.map(|it| it.counters.into()),
            processes: it.processes,
            threads: it.threads,
            first_s: fraction_s(it.first_ns),
            mean_s: fraction_s(it.mean_ns),
            last_s: fraction_s(it.last_ns),
            closed_form_mean_s: it.theory.mean_ns.map(fraction_s),
            closed_form_last_s: it.theory.last_ns.map(fraction_s),
            predicted_mean_s: it.theory.predicted_mean_ns.map(fraction_s),
            mean_differs_percent: it.mean_differs_percent(),
            last_differs_percent: it.last_differs_percent(),
            cpu_each_s: it.cpu_ns.map(fraction_s),
            spread_s: seconds(it.spread_ns),
            repeat_means_s: it.repeat_means_ns.iter().copied().map(fraction_s).collect(),
            responses: it.responses.iter().map(ResponseResult::new).collect(),
        }
    }
}

impl ResponseResult {
    fn new(it: &Response) -> Self {
        Self {
            request: it.request,
            pid: it.pid,
            parent_pid: it.parent_pid,
            thread_id: it.thread_id,
            sent_s: seconds(it.sent_ns),
            started_s: seconds(it.started_ns),
            finished_s: seconds(it.finished_ns()),
            elapsed_s: seconds(it.elapsed_ns),
            response_s: seconds(it.response_ns),
            cpu_s: it.cpu_ns.map(seconds),
            queue_s: it.queue_ns.map(seconds),
        }
    }
}
