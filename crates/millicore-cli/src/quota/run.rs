//! `millicore quota run`: a command under a CPU limit, in a group of its own.

mod plan;
mod report;
mod signals;

use super::{Format, as_json};
use crate::failure::{Failure, note};
use clap::Args;
use millicore_quota::{CgroupEnclosure, CgroupPlace, Enclosure, Limits, PlaceError, Spec};
use plan::Plan;
use report::{End, Report};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// Run a command under a CPU limit, down to a true 1m
///
/// The command is in a control group of its own before its first instruction, and so is everything
/// that it starts. When it ends, what it left running is ended, and a report is written to standard
/// error: the CPU time it got, and how often and how long it was throttled.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The limit: cores (2, 0.5) or millicores (500m), 1m at least
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    cpu: String,
    /// The period of the quota, 1ms to 1s [default: 100ms, or longer where less than 10m needs it]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    period: Option<String>,
    /// How much unused quota may be kept for later, up to one quota
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    burst: Option<String>,
    /// Start without the limit, and set it once the command runs: starting takes CPU time too, under
    /// 1m half a minute of it
    #[arg(long)]
    start_wide: bool,
    /// How the report is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write the report to this file instead of standard error
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  millicore quota run --cpu 500m -- make -j 4
  millicore quota run --cpu 1m --start-wide -- sh -c 'while :; do :; done'
  millicore quota run --cpu 100m --period 20ms --burst 2ms -- ./server

Exit status: that of the command; 128 and the number of the signal if one ended it; 127 if there is
no such command, 126 if it cannot be executed, 125 if the limit cannot be kept, 2 bad usage";

/// The limit cannot be kept.
const OURS: u8 = 125;
const CANNOT_EXECUTE: u8 = 126;
const NOT_FOUND: u8 = 127;

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let plan = Plan::try_from(arguments)?;
    for removed in millicore_quota::remove_leftovers() {
        note(format_args!("removed what an earlier run left: {removed}"));
    }
    let report = match run_plan(&plan) {
        Ok(report) => report,
        Err(error) => return Err(with_status(&error)),
    };
    write(&plan, &report)?;
    Err(Failure::Passed(report.end.exit_status()))
}

fn with_status(error: &PlaceError) -> Failure {
    let status = match error {
        PlaceError::Start { source, .. } if source.kind() == io::ErrorKind::NotFound => NOT_FOUND,
        PlaceError::Start { .. } => CANNOT_EXECUTE,
        _ => OURS,
    };
    Failure::Other {
        status,
        message: error.to_string(),
    }
}

fn run_plan(plan: &Plan) -> Result<Report, PlaceError> {
    let place = CgroupPlace::find()?;
    let limits = Limits {
        bandwidth: Some(plan.bandwidth),
        weight: None,
    };
    let mut group = place.create(&Spec {
        label: "run".to_owned(),
        limits: if plan.starts_wide {
            Limits::default()
        } else {
            limits
        },
        inside: None,
    })?;
    let mut begin = Instant::now();
    let mut before = group.counters()?.unwrap_or_default();
    let signals = signals::listen().map_err(|error| failed("listening for signals", error))?;
    let mut command = Command::new(&plan.program);
    let mut child = group.spawn(command.args(&plan.arguments))?;
    forward(signals, &child);
    if plan.starts_wide {
        let_start(&mut child, &group)?;
        before = group.counters()?.unwrap_or_default();
        group.set_limits(&limits)?;
        begin = Instant::now();
    }
    let status = wait(&mut child)?;
    let elapsed = begin.elapsed();
    let counters = group.counters()?.unwrap_or_default().since(before);
    let left_running = group.processes().map_or(0, |left| left.len());
    let limit = group.limits()?.bandwidth.unwrap_or(plan.bandwidth);
    let report = Report {
        bandwidth: limit,
        group: group.directory().to_owned(),
        elapsed,
        counters,
        left_running,
        end: End::from(status),
    };
    Box::new(group).remove()?;
    Ok(report)
}

/// Until the command has done what starting takes: loading and setting up.
fn let_start(child: &mut Child, group: &CgroupEnclosure) -> Result<(), PlaceError> {
    const LONGEST: Duration = Duration::from_millis(200);
    const CPU: Duration = Duration::from_millis(20);
    let began = Instant::now();
    while began.elapsed() < LONGEST {
        let used = group.counters()?.unwrap_or_default().cpu;
        if used > CPU || matches!(child.try_wait(), Ok(Some(_))) {
            break;
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn wait(child: &mut Child) -> Result<ExitStatus, PlaceError> {
    child
        .wait()
        .map_err(|error| failed("waiting for the command", error))
}

/// Passes signals on to the command for as long as it is there.
fn forward(signals: signals::Listener, child: &Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // Its number may be another's once it has been waited for; a descriptor stays its own.
    let handle = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    if let Some(handle) = handle {
        thread::spawn(move || signals.pass_on(&handle));
    }
}

fn write(plan: &Plan, report: &Report) -> Result<(), Failure> {
    let text = match plan.format {
        Format::Table => report.table(),
        Format::Json => as_json(&report.document())?,
    };
    match &plan.output {
        None => note(text.trim_end()),
        Some(path) => std::fs::write(path, text).map_err(|error| Failure::Other {
            status: OURS,
            message: format!("{}: {error}", path.display()),
        })?,
    }
    Ok(())
}

fn failed(doing: &str, source: io::Error) -> PlaceError {
    PlaceError::Failed {
        doing: doing.to_owned(),
        source,
    }
}

impl From<ExitStatus> for End {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exit(code),
            (None, signal) => Self::Signal(signal.unwrap_or(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CANNOT_EXECUTE, NOT_FOUND, OURS, failed, with_status};
    use crate::failure::Failure;
    use millicore_quota::PlaceError;
    use std::io::{Error, ErrorKind};

    #[track_caller]
    fn check(error: &PlaceError, expected: u8) {
        let Failure::Other { status, .. } = with_status(error) else {
            panic!("{error}");
        };
        assert_eq!(status, expected, "{error}");
    }

    #[test]
    fn the_exit_status_says_whose_failure_it_is() {
        let start = |kind: ErrorKind| PlaceError::Start {
            executable: "tool".into(),
            enclosure: "/group".to_owned(),
            source: kind.into(),
        };
        check(&start(ErrorKind::NotFound), NOT_FOUND);
        check(&start(ErrorKind::PermissionDenied), CANNOT_EXECUTE);
        let denied = Error::from(ErrorKind::PermissionDenied);
        check(&failed("joining /group", denied), OURS);
        check(&failed("joining /group", ErrorKind::NotFound.into()), OURS);
    }
}
