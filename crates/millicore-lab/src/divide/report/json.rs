//! The report as JSON, for programs.

use crate::divide::measurement::Measurement;
use crate::divide::recording::Stay;
use crate::divide::report::Report;
use crate::divide::work::Workload;
use crate::machine::MachineDocument;
use crate::place::PlaceDocument;
use serde::Serialize;

impl Report {
    /// One JSON object; times are in seconds, medians over the repeats.
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
    #[serde(flatten)]
    place: PlaceDocument,
    workload: Workload,
    work: &'a str,
    requests: usize,
    size_s: f64,
    cores: usize,
    repeats: usize,
    stopped: bool,
    wall_s: f64,
    policies: Vec<PolicyResult<'a>>,
    verdict: VerdictResult,
}

#[derive(Serialize)]
struct PolicyResult<'a> {
    policy: String,
    order: &'static str,
    width: String,
    response_s: Vec<f64>,
    mean_s: f64,
    repeat_means_s: Vec<f64>,
    predicted_mean_s: f64,
    difference_percent: f64,
    closed_form_mean_s: Option<f64>,
    cpu_s: f64,
    core_share: f64,
    submission_spread_s: f64,
    timeline: &'a [Stay],
}

#[derive(Serialize)]
struct VerdictResult {
    best: Vec<String>,
    noise_percent: Option<f64>,
    sentence: String,
}

impl<'a> Document<'a> {
    fn new(report: &'a Report) -> Self {
        Self {
            schema: SCHEMA,
            machine: MachineDocument::new(&report.machine, &report.watched),
            place: PlaceDocument::from(&report.place),
            workload: report.plan.workload,
            work: &report.work,
            requests: report.plan.requests,
            size_s: report.plan.size_ns as f64 / 1e9,
            cores: report.plan.cores.get(),
            repeats: report.repeats,
            stopped: report.was_stopped,
            wall_s: report.watched.wall.as_secs_f64(),
            policies: report.measurements.iter().map(PolicyResult::new).collect(),
            verdict: VerdictResult {
                best: report
                    .verdict
                    .best
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                noise_percent: report.verdict.noise_percent,
                sentence: report.verdict.to_string(),
            },
        }
    }
}

impl<'a> PolicyResult<'a> {
    fn new(measurement: &'a Measurement) -> Self {
        let seconds = |all_ns: &[f64]| all_ns.iter().map(|ns| ns / 1e9).collect();
        let prediction = measurement.prediction;
        Self {
            policy: measurement.policy.to_string(),
            order: measurement.policy.definition().order,
            width: measurement.policy.width().to_string(),
            response_s: seconds(&measurement.responses_ns),
            mean_s: measurement.mean_ns / 1e9,
            repeat_means_s: seconds(&measurement.repeat_means_ns),
            predicted_mean_s: prediction.mean_ns / 1e9,
            difference_percent: measurement.difference_percent(),
            closed_form_mean_s: prediction.closed_form_mean_ns.map(|ns| ns / 1e9),
            cpu_s: measurement.cpu_ns / 1e9,
            core_share: measurement.core_share,
            submission_spread_s: measurement.submission_spread_ns / 1e9,
            timeline: &measurement.timeline,
        }
    }
}
