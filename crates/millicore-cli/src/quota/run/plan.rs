//! What was typed for `quota run`, checked before anything is made.

use super::Arguments;
use crate::failure::Failure;
use crate::quota::Format;
use millicore_quota::{Bandwidth, Millicores};
use millicore_sim::duration::parse_duration;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// A command and its limit.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) bandwidth: Bandwidth,
    pub(super) starts_wide: bool,
    pub(super) program: OsString,
    pub(super) arguments: Vec<OsString>,
    pub(super) format: Format,
    pub(super) output: Option<PathBuf>,
}

impl TryFrom<Arguments> for Plan {
    type Error = Failure;

    fn try_from(arguments: Arguments) -> Result<Self, Failure> {
        let bandwidth = bandwidth(
            &arguments.cpu,
            arguments.period.as_deref(),
            arguments.burst.as_deref(),
        )?;
        let mut command = arguments.command.into_iter();
        Ok(Self {
            bandwidth,
            starts_wide: arguments.start_wide,
            program: command.next().unwrap_or_default(),
            arguments: command.collect(),
            format: arguments.format,
            output: arguments.output,
        })
    }
}

fn bandwidth(cpu: &str, period: Option<&str>, burst: Option<&str>) -> Result<Bandwidth, Failure> {
    let limit: Millicores = flag("--cpu", cpu.parse())?;
    let bandwidth = match period {
        None => Bandwidth::of(limit),
        Some(period) => {
            let period = time("--period", period)?;
            flag("--cpu", Bandwidth::in_period(limit, period))?
        }
    };
    match burst {
        None => Ok(bandwidth),
        Some(burst) => flag("--burst", bandwidth.with_burst(time("--burst", burst)?)),
    }
}

fn time(name: &str, text: &str) -> Result<Duration, Failure> {
    flag(name, parse_duration(text)).map(Duration::from_nanos)
}

fn flag<T>(name: &str, parsed: Result<T, impl std::fmt::Display>) -> Result<T, Failure> {
    parsed.map_err(|error| Failure::usage(format_args!("{name}: {error}")))
}
