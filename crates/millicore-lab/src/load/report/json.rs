//! The report as JSON, for programs.

use crate::load::latency::{Figure, Latencies};
use crate::load::plan::{Arrivals, Protocol};
use crate::load::recorder::Row;
use crate::load::report::Report;
use crate::machine::MachineState;
use serde::Serialize;
use std::collections::BTreeMap;

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
    urls: Vec<WeightedUrl<'a>>,
    method: &'a str,
    http: &'static str,
    arrivals: ArrivalsResult,
    asked: u64,
    sent: u64,
    ok: u64,
    failed: &'a BTreeMap<String, u64>,
    rate_per_s: f64,
    /// Of a burst only.
    spread_s: Option<f64>,
    latency_s: Distribution,
    latency_from_send_s: Distribution,
    lateness_s: Distribution,
    wall_s: f64,
    body_bytes: u64,
    connections_opened: u64,
    resent: u64,
    stopped: bool,
    generator: Generator,
    machine: &'a MachineState,
    expectations: Vec<Expected<'a>>,
    notes: Vec<String>,
    requests_left_out: u64,
    requests: Vec<RequestResult<'a>>,
}

#[derive(Serialize)]
struct WeightedUrl<'a> {
    url: &'a str,
    weight: u32,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum ArrivalsResult {
    Closed { connections: usize },
    AtOnce,
    Constant { rate_per_s: f64 },
    Poisson { rate_per_s: f64, seed: u64 },
}

#[derive(Serialize)]
struct Distribution {
    mean: Option<f64>,
    p50: Option<f64>,
    p90: Option<f64>,
    p99: Option<f64>,
    max: Option<f64>,
    count: u64,
    /// How many were given up and count with the time that was waited.
    censored: u64,
    /// The figures above that are lower bounds because of those.
    at_least: Vec<&'static str>,
}

#[derive(Serialize)]
struct Generator {
    cpu_s: f64,
    busy_percent: f64,
    waited_for_core_s: Option<f64>,
}

#[derive(Serialize)]
struct Expected<'a> {
    expectation: &'a str,
    measured: &'a str,
    met: bool,
}

#[derive(Serialize)]
struct RequestResult<'a> {
    index: u64,
    url: &'a str,
    intended_s: f64,
    sent_s: Option<f64>,
    latency_s: f64,
    latency_from_send_s: Option<f64>,
    status: Option<u16>,
    failure: Option<String>,
    bytes: u64,
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

impl<'a> Document<'a> {
    fn new(report: &'a Report) -> Self {
        let (plan, outcome) = (&report.plan, &report.outcome);
        let urls = plan.targets.iter().map(|target| WeightedUrl {
            url: &target.url,
            weight: target.weight,
        });
        let expectations = report.judgements.iter().map(|judgement| Expected {
            expectation: &judgement.expectation,
            measured: &judgement.measured,
            met: judgement.is_met,
        });
        let generator = outcome.generator;
        Self {
            schema: SCHEMA,
            urls: urls.collect(),
            method: plan.method.as_str(),
            http: match plan.protocol {
                Protocol::Http1 => "1.1",
                Protocol::Http2 => "2",
            },
            arrivals: ArrivalsResult::new(plan.arrivals),
            asked: outcome.asked,
            sent: outcome.sent,
            ok: outcome.ok,
            failed: &outcome.failed,
            rate_per_s: outcome.rate_per_s(),
            spread_s: outcome.spread_ns.map(seconds),
            latency_s: Distribution::new(&outcome.latency),
            latency_from_send_s: Distribution::new(&outcome.latency_from_send),
            lateness_s: Distribution::new(&outcome.lateness),
            wall_s: seconds(outcome.wall_ns),
            body_bytes: outcome.body_bytes,
            connections_opened: outcome.connections_opened,
            resent: outcome.resent,
            stopped: outcome.was_stopped,
            generator: Generator {
                cpu_s: seconds(generator.cpu_ns),
                busy_percent: generator.busy_percent(),
                waited_for_core_s: generator.waited_for_core_ns.map(seconds),
            },
            machine: &report.machine,
            expectations: expectations.collect(),
            notes: report.notes(),
            requests_left_out: outcome.rows_left_out,
            requests: outcome
                .rows
                .iter()
                .map(|row| RequestResult::new(report, row))
                .collect(),
        }
    }
}

impl ArrivalsResult {
    fn new(arrivals: Arrivals) -> Self {
        match arrivals {
            Arrivals::Closed { connections } => Self::Closed { connections },
            Arrivals::AtOnce { .. } => Self::AtOnce,
            Arrivals::Constant { rate_per_s } => Self::Constant { rate_per_s },
            Arrivals::Poisson { rate_per_s, seed } => Self::Poisson { rate_per_s, seed },
        }
    }
}

impl Distribution {
    fn new(latencies: &Latencies) -> Self {
        let figures = [
            ("mean", latencies.mean_ns()),
            ("p50", latencies.quantile_ns(0.5)),
            ("p90", latencies.quantile_ns(0.9)),
            ("p99", latencies.quantile_ns(0.99)),
            ("max", latencies.max_ns()),
        ];
        let is_lower_bound = |figure: Option<Figure>| figure.is_some_and(|it| it.is_lower_bound);
        let at_least = figures.iter().filter(|(_, figure)| is_lower_bound(*figure));
        let [mean, p50, p90, p99, max] = figures.map(|(_, it)| it.map(|it| it.value / 1e9));
        Self {
            mean,
            p50,
            p90,
            p99,
            max,
            count: latencies.count(),
            censored: latencies.censored(),
            at_least: at_least.map(|(name, _)| *name).collect(),
        }
    }
}

impl<'a> RequestResult<'a> {
    fn new(report: &'a Report, row: &Row) -> Self {
        let from_send_ns = row
            .sent_ns
            .map(|sent_ns| row.ended_ns.saturating_sub(sent_ns));
        Self {
            index: row.index,
            url: report.url(row.target),
            intended_s: seconds(row.intended_ns),
            sent_s: row.sent_ns.map(seconds),
            latency_s: seconds(row.latency_ns()),
            latency_from_send_s: from_send_ns.map(seconds),
            status: row.answer.ok(),
            failure: row.failure().map(|failure| failure.to_string()),
            bytes: row.body_bytes,
        }
    }
}
