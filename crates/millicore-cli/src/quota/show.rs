//! `millicore quota show`: the CPU limit of this process, where it comes from, and what it costs.

use super::convert::{RuntimeDocument, runtime_lines, runtimes};
use super::measure::measure;
use super::{Format, SCHEMA, as_json, in_lines, print};
use crate::failure::Failure;
use clap::Args;
use millicore_quota::{Counters, Delivery, Pressure, ProcessGroup, ProcessLimit, Roots, Visible};
use millicore_sim::duration::parse_duration;
use serde::Serialize;
use std::time::Duration;

/// Show the CPU limit of this process, where it comes from, and how often it was throttled
///
/// The limit is the smallest quota of this process's group and those above it that can be seen, or
/// the affinity mask. A limit above a container cannot be seen from inside of it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  millicore quota show
  millicore quota run --cpu 500m -- millicore quota show --format json")]
pub(super) struct Arguments {
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Spin for so long, 1s to 60s, and tell a limit that no file shows from what is delivered
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    measure: Option<String>,
}

/// What `--measure` found.
#[derive(Serialize)]
struct MeasuredDocument {
    /// `as visible`, `held back` or `unclear`.
    delivery: &'static str,
    hidden_limit_m: Option<u32>,
    uncertainty_m: Option<u32>,
}

#[derive(Serialize)]
struct Document {
    schema: u32,
    limit_m: u32,
    source: String,
    cores: usize,
    affinity_cores: usize,
    quota: Option<QuotaDocument>,
    group: Option<GroupDocument>,
    warnings: Vec<String>,
    runtimes: Vec<RuntimeDocument>,
    /// Only with `--measure`.
    measured: Option<MeasuredDocument>,
}

/// The group that holds this process back.
#[derive(Serialize)]
struct QuotaDocument {
    directory: String,
    quota_us: u64,
    period_us: u64,
    burst_us: u64,
    counters: Option<CountersDocument>,
    pressure: Option<PressureDocument>,
}

/// This process's own group.
#[derive(Serialize)]
struct GroupDocument {
    directory: String,
    limit_m: Option<u32>,
    counters: Option<CountersDocument>,
    pressure: Option<PressureDocument>,
}

/// What the kernel counted.
#[derive(Serialize)]
pub(super) struct CountersDocument {
    pub(super) cpu_s: f64,
    pub(super) periods: u64,
    pub(super) throttled_periods: u64,
    pub(super) throttled_s: f64,
    pub(super) throttled_ratio: f64,
}

#[derive(Serialize)]
struct PressureDocument {
    percent_of_10s: f64,
    percent_of_60s: f64,
    percent_of_300s: f64,
    waited_s: f64,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let process = ProcessLimit::read();
    let group = ProcessGroup::find(&Roots::default());
    let length = arguments.measure.as_deref().map(length).transpose()?;
    let mut document = Document::new(&process, group.as_ref());
    if let Some(length) = length {
        let delivery = measure(length, process.cores(), process.capacity());
        let delivery = delivery.map_err(|error| Failure::at("measuring", error))?;
        document.measured = Some(delivery.into());
    }
    print(&match arguments.format {
        Format::Table => document.table(),
        Format::Json => as_json(&document)?,
    })
}

/// Many periods, and not for ever: it takes all the CPU time that there is.
fn length(text: &str) -> Result<Duration, Failure> {
    let length = parse_duration(text).map(Duration::from_nanos);
    let length = length.map_err(Failure::usage)?;
    if (Duration::from_secs(1)..=Duration::from_secs(60)).contains(&length) {
        return Ok(length);
    }
    Err(Failure::usage(format_args!(
        "--measure {text}: from 1s to 60s"
    )))
}

impl Document {
    fn new(process: &ProcessLimit, group: Option<&ProcessGroup>) -> Self {
        let quota = process.group.as_ref().map(|quota| QuotaDocument {
            directory: quota.directory.display().to_string(),
            quota_us: quota.quota_us,
            period_us: quota.period_us,
            burst_us: quota.burst_us,
            counters: quota.counters().ok().map(Into::into),
            pressure: quota.pressure().ok().map(Into::into),
        });
        let of_group = |group: &ProcessGroup| GroupDocument {
            directory: group.directory().display().to_string(),
            limit_m: group.limit().map(|limit| limit.get()),
            counters: group.counters().ok().map(Into::into),
            pressure: group.pressure().ok().map(Into::into),
        };
        Self {
            schema: SCHEMA,
            limit_m: process.capacity().get(),
            source: process.source().to_string(),
            cores: process.cores().get(),
            affinity_cores: process.affinity_cores.get(),
            quota,
            group: group.map(of_group),
            warnings: process.warnings.iter().map(ToString::to_string).collect(),
            runtimes: runtimes(&Visible::to_this_process(process, group)),
            measured: None,
        }
    }

    fn table(&self) -> String {
        let mut rows = Rows(Vec::new());
        rows.add("limit", format!("{}m, from {}", self.limit_m, self.source));
        let cores = format!(
            "{} of {} in the affinity mask",
            self.cores, self.affinity_cores
        );
        rows.add("cores of use", cores);
        if let Some(quota) = &self.quota {
            rows.add("limiting group", quota.directory.clone());
            rows.add_counted(quota.counters.as_ref(), quota.pressure.as_ref());
        }
        let is_another = |group: &&GroupDocument| {
            let limiting = self.quota.as_ref().map(|quota| &quota.directory);
            limiting != Some(&group.directory)
        };
        if let Some(group) = self.group.as_ref().filter(is_another) {
            rows.add("own group", group.directory.clone());
            rows.add_counted(group.counters.as_ref(), group.pressure.as_ref());
        }
        if let Some(measured) = &self.measured {
            rows.add("delivered", measured.says());
        }
        for warning in &self.warnings {
            rows.add("warning", warning.clone());
        }
        let mut text = in_lines(&rows.0);
        text += "\nthreads believed to be of use here\n";
        text + &runtime_lines(&self.runtimes)
    }
}

impl MeasuredDocument {
    fn says(&self) -> String {
        match (self.hidden_limit_m, self.uncertainty_m) {
            (Some(limit_m), Some(uncertainty_m)) => format!(
                "{limit_m}m, give or take {uncertainty_m}m, while processors were idle: there is a \
                 limit that no file here shows"
            ),
            _ if self.delivery == UNCLEAR => {
                "less than the limit, but others needed the processors: nothing can be told"
                    .to_owned()
            }
            _ => "as much as the limit allows".to_owned(),
        }
    }
}

const UNCLEAR: &str = "unclear";

impl From<Delivery> for MeasuredDocument {
    fn from(delivery: Delivery) -> Self {
        let (delivery, hidden) = match delivery {
            Delivery::AsVisible => ("as visible", None),
            Delivery::HeldBack(hidden) => ("held back", Some(hidden)),
            Delivery::Unclear => (UNCLEAR, None),
        };
        Self {
            delivery,
            hidden_limit_m: hidden.map(|it| it.limit.get()),
            uncertainty_m: hidden.map(|it| it.uncertainty_m),
        }
    }
}

struct Rows(Vec<(String, String)>);

impl Rows {
    fn add(&mut self, name: &str, value: String) {
        self.0.push((name.to_owned(), value));
    }

    fn add_counted(
        &mut self,
        counters: Option<&CountersDocument>,
        pressure: Option<&PressureDocument>,
    ) {
        if let Some(counters) = counters {
            self.add("  CPU used", format!("{:.3} s", counters.cpu_s));
            self.add("  throttled", counters.throttled());
        }
        if let Some(pressure) = pressure {
            let waited = format!(
                "{} % of 10 s, {} % of 60 s, {} % of 300 s",
                pressure.percent_of_10s, pressure.percent_of_60s, pressure.percent_of_300s
            );
            self.add("  waited for CPU", waited);
        }
    }
}

impl CountersDocument {
    /// In how many periods, and for how long.
    pub(super) fn throttled(&self) -> String {
        format!(
            "{} of {} periods ({:.1} %), {:.3} s",
            self.throttled_periods,
            self.periods,
            100.0 * self.throttled_ratio,
            self.throttled_s
        )
    }
}

impl From<Counters> for CountersDocument {
    fn from(counters: Counters) -> Self {
        Self {
            cpu_s: counters.cpu.as_secs_f64(),
            periods: counters.periods,
            throttled_periods: counters.throttled_periods,
            throttled_s: counters.throttled.as_secs_f64(),
            throttled_ratio: counters.throttled_ratio(),
        }
    }
}

impl From<Pressure> for PressureDocument {
    fn from(pressure: Pressure) -> Self {
        Self {
            percent_of_10s: pressure.percent_of_10s,
            percent_of_60s: pressure.percent_of_60s,
            percent_of_300s: pressure.percent_of_300s,
            waited_s: pressure.waited.as_secs_f64(),
        }
    }
}
