//! `millicore lab saturate`: more CPU limits than CPU.

mod progress;

use crate::failure::{Failure, note};
use crate::interrupt;
use crate::lab::output::{self, Format};
use clap::Args;
use millicore_lab::machine::MachineState;
use millicore_lab::place::clean_up;
use millicore_lab::saturate::{Plan, Report, Wishes, run as run_plan, run_time_ns};
use millicore_lab::stop::Stop;
use millicore_server::descriptors;
use millicore_sim::duration::Display as Length;
use progress::ProgressLine;
use std::env;
use std::error::Error;

/// What if there are more CPU limits than CPU? Groups or containers that use all they get
///
/// Each has a limit and a burner in it, which takes every moment of CPU time that it is given. All
/// of them are measured over the same time: what each received, beside its limit and its fair share;
/// how often it was throttled and how long it stood still; how long a request of fixed size took.
/// Without --count, --cpu and --parent, the cases are: 4 x 500m, which on two cores is exactly full;
/// 40 x 100m; 200 x 10m; one at a true 1m; 4 x 500m and 32 x 100m inside of 1000m; and the
/// staircase: ten requests at once, under 500m, to 1, 2, 4 and 10 workers.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Where: cgroup or docker
    #[arg(
        long = "in",
        value_name = "PLACE",
        default_value = "cgroup",
        allow_hyphen_values = true
    )]
    place: String,
    /// How many groups, 1 to 1000, with commas between: a case each [default with --cpu or --parent:
    /// 1,2,4,8,16,32,64]
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    count: Option<String>,
    /// The limit of each, down to 1m [default with --count or --parent: 100m]
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    cpu: Option<String>,
    /// The limit of a group around all of them
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    parent: Option<String>,
    /// What runs in them: spin, which burns, or serve, an HTTP server with clients that always ask
    #[arg(
        long,
        value_name = "NAME",
        default_value = "spin",
        allow_hyphen_values = true
    )]
    workload: String,
    /// How many threads burn in each, or how many clients each server has [default: as many as its
    /// limit is of use to]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    threads: Option<String>,
    /// For how long all are measured, 100ms to 600s [default: 5s; 10s below 100m; at least 25
    /// periods]
    #[arg(long = "for", value_name = "TIME", allow_hyphen_values = true)]
    time: Option<String>,
    /// The CPU time of a request [default: 20ms; 1ms below 10m]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    request: Option<String>,
    /// How the result is printed; csv is a row for each group
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  All cases, in groups and in containers:
    millicore lab saturate
    millicore lab saturate --in docker
  Up to 64 containers of 100m, for a program to read:
    millicore lab saturate --in docker --count 1,2,4,8,16,32,64 --cpu 100m \\
        --format json
  Servers in them, whose clients always ask for 20 ms of CPU:
    millicore lab saturate --count 40 --cpu 100m --workload serve
  What a limit around them does:
    millicore lab saturate --count 8 --cpu 500m --parent 500m

Ctrl-C reports the cases that are done; a second one ends the command. No
group and no container is left behind; what a killed run has left, the next one
removes.

Exit status: 0 done, 1 failed (the place cannot be used, a limit was refused),
2 bad usage, 130 interrupted";

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let format = arguments.format;
    let plan = Plan::new(&arguments.into()).map_err(Failure::usage)?;
    let program = env::current_exe().map_err(failed)?;
    for removed in clean_up(plan.place).map_err(failed)? {
        note(format_args!("removed what an earlier run left: {removed}"));
    }
    let (machine, stop) = (MachineState::read(), Stop::default());
    interrupt::listen(stop.clone())?;
    // Where there are too few, the run says so.
    let _ = descriptors::raise_limit();
    note(format_args!("about {}", Length(run_time_ns(&plan))));
    let progress = ProgressLine::new(&plan);
    let outcome = run_plan(&plan, &program, &stop, &mut |it| progress.show(it));
    progress.finish();
    let report = Report::new(&plan, machine, outcome.map_err(failed)?);
    output::print(&match format {
        Format::Table => report.to_table(),
        Format::Json => report.to_json().map_err(failed)? + "\n",
        Format::Csv => report.to_csv(),
    })?;
    if matches!(format, Format::Csv) {
        report.notes().iter().for_each(note);
    }
    if report.was_stopped {
        return Err(Failure::Interrupted);
    }
    Ok(())
}

impl From<Arguments> for Wishes {
    fn from(arguments: Arguments) -> Self {
        Self {
            place: arguments.place,
            count: arguments.count,
            cpu: arguments.cpu,
            parent: arguments.parent,
            workload: arguments.workload,
            threads: arguments.threads,
            time: arguments.time,
            request: arguments.request,
        }
    }
}

fn failed(error: impl Error) -> Failure {
    Failure::at("lab saturate", error)
}
