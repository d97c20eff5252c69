//! What `millicore simulate` prints: a table for people, JSON and CSV for programs.

use super::arguments::Format;
use crate::columns::write_columns;
use crate::failure::Failure;
use millicore_sim::duration::Display;
use millicore_sim::kernel::Counters;
use millicore_sim::statistics::{Summary, responses};
use millicore_sim::{Schedule, Setup, Workload};
use serde::Serialize;
use std::io::{self, BufWriter, Write};

/// One policy's run.
pub(super) struct Outcome {
    policy: String,
    cores: usize,
    schedule: Schedule,
    summary: Summary,
}

impl Outcome {
    pub(super) fn new(setup: &Setup, workload: &Workload, schedule: Schedule) -> Self {
        Self {
            policy: setup.policy.to_string(),
            cores: setup.cores,
            summary: Summary::new(workload, &schedule),
            schedule,
        }
    }
}

pub(super) fn write(
    format: Format,
    workload: &Workload,
    outcomes: &[Outcome],
) -> Result<(), Failure> {
    let mut output = BufWriter::new(io::stdout().lock());
    let written = match format {
        Format::Table => write_table(&mut output, workload, outcomes),
        Format::Json => write_json(&mut output, workload, outcomes),
        Format::Csv => write_csv(&mut output, workload, outcomes),
    };
    written
        .and_then(|()| output.flush())
        .map_err(|error| Failure::output(&error))
}

/// As many requests as are listed one by one; of more there is only the summary.
const MOST_LISTED: usize = 24;

fn write_table(
    output: &mut impl Write,
    workload: &Workload,
    outcomes: &[Outcome],
) -> io::Result<()> {
    let header = [
        "policy", "mean", "p50", "p90", "p99", "max", "makespan", "slowdown",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(outcomes.iter().map(summary_row));
    write_columns(output, &rows)?;
    let cancelled = outcomes
        .iter()
        .map(|outcome| outcome.summary.cancelled)
        .max();
    if let Some(cancelled @ 1..) = cancelled {
        writeln!(
            output,
            "\nup to {cancelled} of {} cancelled",
            workload.requests.len()
        )?;
    }
    let kernel_rows: Vec<Vec<String>> = outcomes.iter().filter_map(kernel_row).collect();
    if !kernel_rows.is_empty() {
        let header = [
            "policy",
            "CPU time",
            "periods",
            "throttled",
            "for",
            "longest stall",
        ];
        let rows = [vec![header.map(str::to_owned).to_vec()], kernel_rows].concat();
        writeln!(output, "\nwhat the kernel counts")?;
        write_columns(output, &rows)?;
    }
    if (1..=MOST_LISTED).contains(&workload.requests.len()) {
        writeln!(output, "\nresponse times")?;
        write_columns(output, &request_rows(workload, outcomes))?;
    }
    Ok(())
}

fn summary_row(outcome: &Outcome) -> Vec<String> {
    let summary = &outcome.summary;
    let percentile = |thousandths| time(summary.response_percentile_ns(thousandths));
    vec![
        outcome.policy.clone(),
        time(rounded_mean_ns(summary)),
        percentile(500),
        percentile(900),
        percentile(990),
        percentile(1000),
        time(summary.makespan_ns),
        summary
            .mean_slowdown
            .map_or_else(|| "-".to_owned(), |mean| format!("{mean:.2}")),
    ]
}

fn kernel_row(outcome: &Outcome) -> Option<Vec<String>> {
    let counters = outcome.schedule.kernel()?;
    Some(vec![
        outcome.policy.clone(),
        time(Some(counters.cpu_ns)),
        counters.periods.to_string(),
        counters.throttled_periods.to_string(),
        time(Some(counters.throttled_ns)),
        time(Some(counters.longest_stall_ns)),
    ])
}

fn rounded_mean_ns(summary: &Summary) -> Option<u64> {
    let count = summary.completed as u128;
    let mean_ns = (summary.sum_response_ns + count / 2).checked_div(count)?;
    u64::try_from(mean_ns).ok()
}

/// Every request with its response time under each policy.
fn request_rows(workload: &Workload, outcomes: &[Outcome]) -> Vec<Vec<String>> {
    let ids = workload
        .requests
        .iter()
        .map(|request| vec![request.id.to_string()]);
    let mut rows: Vec<Vec<String>> = std::iter::once(vec!["id".to_owned()]).chain(ids).collect();
    for outcome in outcomes {
        let times = responses(workload, &outcome.schedule).map(time);
        let cells = std::iter::once(outcome.policy.clone()).chain(times);
        for (row, cell) in rows.iter_mut().zip(cells) {
            row.push(cell);
        }
    }
    rows
}

fn time(ns: Option<u64>) -> String {
    ns.map_or_else(|| "-".to_owned(), |ns| Display(ns).to_string())
}

/// The version of the JSON below; it counts up when a key changes its meaning or goes.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct OutcomeObject<'a> {
    schema: u32,
    policy: &'a str,
    cores: usize,
    requests: Vec<RequestTimes>,
    mean_response_ns: Option<f64>,
    sum_response_ns: u128,
    makespan_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<KernelCounters>,
}

/// What the kernel counts, over the whole run.
#[derive(Serialize)]
struct KernelCounters {
    cpu_ns: u64,
    periods: u64,
    throttled_periods: u64,
    throttled_ns: u64,
    longest_stall_ns: u64,
}

impl From<Counters> for KernelCounters {
    fn from(counters: Counters) -> Self {
        let Counters {
            periods,
            throttled_periods,
            throttled_ns,
            cpu_ns,
            longest_stall_ns,
        } = counters;
        Self {
            cpu_ns,
            periods,
            throttled_periods,
            throttled_ns,
            longest_stall_ns,
        }
    }
}

#[derive(Serialize)]
struct RequestTimes {
    id: u64,
    completion_ns: Option<u64>,
    response_ns: Option<u64>,
}

fn write_json(
    output: &mut impl Write,
    workload: &Workload,
    outcomes: &[Outcome],
) -> io::Result<()> {
    match outcomes {
        [outcome] => serde_json::to_writer(&mut *output, &object(workload, outcome))?,
        several => {
            let outcomes = several.iter().map(|outcome| object(workload, outcome));
            serde_json::to_writer(&mut *output, &outcomes.collect::<Vec<_>>())?;
        }
    }
    writeln!(output)
}

fn object<'a>(workload: &Workload, outcome: &'a Outcome) -> OutcomeObject<'a> {
    let summary = &outcome.summary;
    OutcomeObject {
        schema: SCHEMA,
        policy: &outcome.policy,
        cores: outcome.cores,
        requests: requests(workload, outcome).collect(),
        mean_response_ns: summary.mean_response_ns,
        sum_response_ns: summary.sum_response_ns,
        makespan_ns: summary.makespan_ns,
        kernel: outcome.schedule.kernel().map(KernelCounters::from),
    }
}

fn requests<'a>(
    workload: &'a Workload,
    outcome: &'a Outcome,
) -> impl Iterator<Item = RequestTimes> + 'a {
    let times = outcome
        .schedule
        .completions_ns()
        .zip(responses(workload, &outcome.schedule));
    workload
        .requests
        .iter()
        .zip(times)
        .map(|(request, (completion_ns, response_ns))| RequestTimes {
            id: request.id,
            completion_ns,
            response_ns,
        })
}

fn write_csv(output: &mut impl Write, workload: &Workload, outcomes: &[Outcome]) -> io::Result<()> {
    let field = |ns: Option<u64>| ns.map_or_else(String::new, |ns| ns.to_string());
    writeln!(output, "policy,id,completion_ns,response_ns")?;
    for outcome in outcomes {
        for RequestTimes {
            id,
            completion_ns,
            response_ns,
        } in requests(workload, outcome)
        {
            let (completion, response) = (field(completion_ns), field(response_ns));
            writeln!(output, "{},{id},{completion},{response}", outcome.policy)?;
        }
    }
    Ok(())
}
