//! `millicore lab concurrency`: is a server synchronous? The same requests to every model.

mod progress;

use crate::failure::{Failure, note};
use crate::interrupt;
use crate::lab::output::{self, Format};
use clap::Args;
use millicore_lab::concurrency::{Plan, Report, Wishes, run as run_plan, run_time_ns};
use millicore_lab::machine::MachineState;
use millicore_lab::place::clean_up;
use millicore_lab::stop::Stop;
use millicore_quota::ProcessLimit;
use millicore_server::descriptors;
use millicore_sim::duration::Display as Length;
use progress::ProgressLine;
use std::env;
use std::error::Error;

/// Is a server synchronous? The same requests at once, to every concurrency model
///
/// Ten requests that each wait a second are back after ten seconds where one thread serves them in a
/// row, and after one second where each has a thread, a process or the executor. Ten that each need
/// a second of CPU time are another matter: threads and processes end where the cores end, and the
/// policy decides how long a request waits on average. This command starts `millicore serve` with
/// one model after the other, sends all requests at once, and shows who answered when, beside what
/// theory says.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Arguments {
    /// How many requests leave at once, 1 to 1000
    #[arg(
        long,
        value_name = "N",
        default_value = "10",
        allow_hyphen_values = true
    )]
    requests: String,
    /// How long each waits in the first part, 1ms to 60s
    #[arg(
        long,
        value_name = "TIME",
        default_value = "1s",
        allow_hyphen_values = true
    )]
    time: String,
    /// How much CPU time each needs in the second part, 1ms to 60s
    #[arg(
        long,
        value_name = "TIME",
        default_value = "1s",
        allow_hyphen_values = true
    )]
    size: String,
    /// Concurrency models with commas between
    #[arg(
        long,
        value_name = "LIST",
        default_value = "sync,threads,forks,prefork,scheduled",
        allow_hyphen_values = true
    )]
    models: String,
    /// Policies of scheduled in the second part, with commas between
    #[arg(
        long,
        value_name = "LIST",
        default_value = "fifo,fair,focus",
        allow_hyphen_values = true
    )]
    policy: String,
    /// How many cores each server is held to [default: all this process may use]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    cores: Option<String>,
    /// How many processes prefork has, with commas between: one server each [default: as many as
    /// cores, and as many as requests]
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    workers: Option<String>,
    /// How often each server is asked, 1 to 100; medians are reported
    #[arg(
        long,
        value_name = "N",
        default_value = "1",
        allow_hyphen_values = true
    )]
    repeat: String,
    /// One part alone: sleep (they wait) or spin (they compute)
    #[arg(long, value_name = "PART", allow_hyphen_values = true)]
    only: Option<String>,
    /// In which order responses are listed: sent or completed
    #[arg(
        long,
        value_name = "ORDER",
        default_value = "sent",
        allow_hyphen_values = true
    )]
    order: String,

    /// Where each server runs: process, cgroup or docker
    #[arg(
        long = "in",
        value_name = "PLACE",
        default_value = "process",
        allow_hyphen_values = true
    )]
    place: String,

    /// The CPU limit of each server there, such as 500m or 2 [default: none of its own]
    #[arg(long, value_name = "LIMIT", allow_hyphen_values = true)]
    cpu: Option<String>,

    /// How the result is printed; csv is a row for each response
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

const EXAMPLES: &str = "\
Servers:
  sync       one request after the other
  threads    a thread for each
  forks      a process for each
  prefork N  N processes, each with one request at a time
  scheduled  the executor: whoever waits holds nothing, and the policy decides
             who computes

Examples:
  The experiment in brief:
    millicore lab concurrency --time 100ms --size 100ms
  The article's question alone, in the order in which the answers came:
    millicore lab concurrency --only sleep --order completed
  Servers in containers, each held to half a core:
    millicore lab concurrency --in docker --cpu 500m --size 200ms
  What the policy decides, for a spreadsheet:
    millicore lab concurrency --only spin --models scheduled \\
        --policy fifo,fair,focus,srpt/one --repeat 3 --format csv

Ctrl-C reports the servers that are done; a second one ends the command. No
server is left behind.

Exit status: 0 done, 1 failed (a server did not start, a request failed), 2 bad
usage, 130 interrupted";

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let format = arguments.format;
    let plan = Plan::new(&arguments.into(), &ProcessLimit::read()).map_err(Failure::usage)?;
    let program = env::current_exe().map_err(failed)?;
    let (machine, stop) = (MachineState::read(), Stop::default());
    interrupt::listen(stop.clone())?;
    // A burst that finds no descriptor is told as one that failed.
    let _ = descriptors::raise_limit();
    for removed in clean_up(plan.site.place).map_err(failed)? {
        note(format_args!(
            "removed what an earlier run has left: {removed}"
        ));
    }
    note(format_args!("{plan}: about {}", Length(run_time_ns(&plan))));
    let progress = ProgressLine::new(&plan);
    let outcome = run_plan(&plan, &program, &stop, &mut |it| progress.show(it));
    progress.finish();
    let report = Report::new(&plan, machine, outcome.map_err(failed)?).map_err(failed)?;
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
            requests: arguments.requests,
            time: arguments.time,
            size: arguments.size,
            models: arguments.models,
            policy: arguments.policy,
            cores: arguments.cores,
            workers: arguments.workers,
            repeat: arguments.repeat,
            only: arguments.only,
            order: arguments.order,
            place: arguments.place,
            cpu: arguments.cpu,
        }
    }
}

fn failed(error: impl Error) -> Failure {
    Failure::at("lab concurrency", error)
}
