//! `millicore lab divide`: the same requests under several policies.

mod progress;
mod tell;

use crate::failure::{Failure, note};
use crate::interrupt;
use crate::lab::output::{self, Format};
use clap::Args;
use millicore_lab::divide::{
    Outcome, Plan, Report, Wishes, Work, predict, run as run_plan, run_inside, run_time_ns,
};
use millicore_lab::machine::MachineState;
use millicore_lab::place::{PlaceKind, clean_up};
use millicore_lab::stop::Stop;
use millicore_quota::ProcessLimit;
use millicore_sim::POLICIES;
use millicore_sim::duration::Display as Length;
use progress::ProgressLine;
use std::env;
use std::error::Error;

/// Does it help to divide requests? The same ones under several policies, on real cores
///
/// Four requests of one CPU-second on two cores take 1.5 s on average under fifo, 2 s under fair and
/// 1.25 s under focus. This command executes them, draws which core worked on which request, and
/// compares what was measured with the simulator and with theory. Policies take turns, so that
/// whatever changes on the machine changes for all of them.
#[derive(Debug, Args)]
#[command(after_long_help = policies_and_examples())]
pub(super) struct Arguments {
    /// How many requests are submitted at once, 1 to 1000
    #[arg(
        long,
        value_name = "N",
        default_value = "4",
        allow_hyphen_values = true
    )]
    requests: String,
    /// The CPU time of each request, 1ms to 600s
    #[arg(
        long,
        value_name = "TIME",
        default_value = "1s",
        allow_hyphen_values = true
    )]
    size: String,
    /// How many cores work [default: 2, or fewer if this process may use fewer]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    cores: Option<String>,
    /// Policies with commas between, such as fifo,srpt/one, or all of them: all
    #[arg(
        long,
        value_name = "LIST",
        default_value = "fifo,fair,focus",
        allow_hyphen_values = true
    )]
    policy: String,
    /// How often each policy runs, 1 to 1000; medians are reported
    #[arg(
        long,
        value_name = "N",
        default_value = "3",
        allow_hyphen_values = true
    )]
    repeat: String,
    /// What a request does: spin, primes or mandelbrot
    #[arg(
        long,
        value_name = "NAME",
        default_value = "spin",
        allow_hyphen_values = true
    )]
    workload: String,

    /// Where the executor runs: process, cgroup or docker
    #[arg(
        long = "in",
        value_name = "PLACE",
        default_value = "process",
        allow_hyphen_values = true
    )]
    place: String,

    /// The CPU limit there, such as 500m or 2 [default: none of its own]
    #[arg(long, value_name = "LIMIT", allow_hyphen_values = true)]
    cpu: Option<String>,

    /// Tell the lab that has started this inside of a place, in lines of JSON
    #[arg(long, hide = true)]
    tell: bool,

    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

fn policies_and_examples() -> String {
    let policies: Vec<&str> = POLICIES.iter().map(|definition| definition.name).collect();
    let policies = policies.join(", ");
    format!(
        "\
Policies:
  {policies}
  The most cores that one request may hold can follow: focus/1, srpt/one,
  fair/all, edf/kept

{EXAMPLES}"
    )
}

const EXAMPLES: &str = "\
Examples:
  The experiment in brief:
    millicore lab divide --size 200ms
  In a container with half a core, where only the order still matters:
    millicore lab divide --in docker --cpu 500m --size 250ms
  Every policy, counting primes, for a program to read:
    millicore lab divide --policy all --workload primes --format json

Ctrl-C reports the repeats that are finished; a second one ends the command.

Exit status: 0 done, 1 failed, 2 bad usage, 130 interrupted";

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let (format, is_inside) = (arguments.format, arguments.tell);
    let plan = Plan::new(&arguments.into(), &ProcessLimit::read()).map_err(Failure::usage)?;
    let (machine, stop) = (MachineState::read(), Stop::default());
    interrupt::listen(stop.clone())?;
    if is_inside {
        return tell::run(&plan, &stop);
    }
    tidy_up(&plan)?;
    let predictions = predict(&plan).map_err(failed)?;
    let run_time_ns = run_time_ns(&plan, &predictions);
    announce(&plan, run_time_ns);
    let progress = ProgressLine::new(&plan, run_time_ns);
    let outcome = measure(&plan, &stop, &progress);
    progress.finish();
    let Some(outcome) = outcome? else {
        note("stopped while the cores were calibrated: nothing was measured");
        return Err(Failure::Interrupted);
    };
    let was_stopped = outcome.was_stopped;
    let report = Report::new(&plan, &predictions, machine, outcome);
    output::print(&match format {
        Format::Table => report.to_table(),
        Format::Json => report.to_json().map_err(failed)? + "\n",
        Format::Csv => report.to_csv(),
    })?;
    if was_stopped {
        return Err(Failure::Interrupted);
    }
    Ok(())
}

/// Removes what a killed run has left there, or says why the place cannot be used.
fn tidy_up(plan: &Plan) -> Result<(), Failure> {
    for removed in clean_up(plan.site.place).map_err(failed)? {
        note(format_args!(
            "removed what an earlier run has left: {removed}"
        ));
    }
    Ok(())
}

/// Runs it where it is to run; nothing if it was stopped before its first round.
fn measure(plan: &Plan, stop: &Stop, progress: &ProgressLine) -> Result<Option<Outcome>, Failure> {
    let mut watch = |it| progress.show(it);
    if plan.site.place == PlaceKind::Process {
        let Some(work) = Work::calibrate(plan, stop).map_err(failed)? else {
            return Ok(None);
        };
        return run_plan(plan, &work, stop, &mut watch)
            .map(Some)
            .map_err(failed);
    }
    let program = env::current_exe().map_err(failed)?;
    run_inside(plan, &program, stop, &mut watch).map_err(failed)
}

impl From<Arguments> for Wishes {
    fn from(arguments: Arguments) -> Self {
        Self {
            requests: arguments.requests,
            size: arguments.size,
            cores: arguments.cores,
            policy: arguments.policy,
            repeat: arguments.repeat,
            workload: arguments.workload,
            place: arguments.place,
            cpu: arguments.cpu,
        }
    }
}

fn failed(error: impl Error) -> Failure {
    Failure::at("lab divide", error)
}

fn announce(plan: &Plan, run_time_ns: u64) {
    let policies: Vec<String> = plan.policies.iter().map(ToString::to_string).collect();
    note(format_args!(
        "{plan}, {} x {}: about {}",
        plan.repeats,
        policies.join(","),
        Length(run_time_ns),
    ));
}
