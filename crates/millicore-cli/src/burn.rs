//! `millicore burn`: threads that use all the CPU time that they get.

use crate::failure::Failure;
use crate::interrupt;
use crate::lab::output;
use clap::{Args, ValueEnum};
use millicore_lab::burn::{Burnt, Control, Plan, Team, Wishes};
use millicore_lab::stop::{Stop, stop_with_process};
use std::fmt::Display;
use std::net::SocketAddr;

/// Use all the CPU time that there is, and tell how much that was
///
/// Each thread looks at the clock all the time. What its own CPU clock advances by is what it got;
/// the longest time between two looks is how long it stood still. With --request it works on
/// requests of so much CPU time, and tells how long they took. Run it under a limit to see what the
/// limit does.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// How many threads, 1 to 1000
    #[arg(
        long,
        value_name = "N",
        default_value = "1",
        allow_hyphen_values = true
    )]
    threads: String,
    /// For how long, 1ms to 1h [default: until it is stopped]
    #[arg(long = "for", value_name = "TIME", allow_hyphen_values = true)]
    time: Option<String>,
    /// Work on requests of so much CPU time each, one after the other in each thread
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    request: Option<String>,
    /// So many requests instead, all there at the start; threads take one after the other
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    at_once: Option<String>,
    /// Begin when the quota of this period is renewed: it is used up a few times to find out when
    #[arg(long, value_name = "PERIOD", allow_hyphen_values = true)]
    align: Option<String>,
    /// End when this process ends
    #[arg(long, value_name = "PID")]
    parent: Option<i32>,
    /// Wait for a start over a connection to this address, and answer there: for lab saturate
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text for people
    Table,
    /// One object for programs
    Json,
}

const EXAMPLES: &str = "\
Examples:
  What eight threads get of a tenth of a core, and how long each stands still:
    millicore quota run --cpu 100m -- millicore burn --threads 8 --for 3s
  How long 20 ms of work take there:
    millicore quota run --cpu 100m -- millicore burn --request 20ms --for 5s
  Ten requests at once on a pool of two threads, from a fresh quota on:
    millicore quota run --cpu 500m -- millicore burn --threads 2 \\
        --request 100ms --at-once 10 --align 100ms

TERM and Ctrl-C print what there is so far; a second one ends the command.

Exit status: 0 done, or stopped without --for; 1 failed; 2 bad usage; 130
interrupted before --for was over";

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let (format, parent, listen) = (arguments.format, arguments.parent, arguments.listen);
    let plan = Plan::new(&arguments.into()).map_err(Failure::usage)?;
    let stop = Stop::default();
    interrupt::listen(stop.clone())?;
    if let Some(pid) = parent {
        stop_with_process(pid, stop.clone())
            .map_err(|error| failed(format_args!("process {pid}: {error}")))?;
    }
    let team = Team::gather(&plan, &stop).map_err(failed)?;
    let burnt = match listen {
        None => Some(team.burn(None)),
        Some(address) => {
            let control = Control::listen(address).map_err(failed)?;
            let address = control.address().map_err(failed)?;
            output::print(&format!("listening on {address}\n"))?;
            control.burn(team, &stop).map_err(failed)?
        }
    };
    match burnt {
        Some(burnt) if listen.is_none() => tell(&burnt, format)?,
        _ => return Ok(()),
    }
    let has_end = plan.time_ns.is_some() || plan.at_once.is_some();
    if stop.is_asked_for() && has_end {
        return Err(Failure::Interrupted);
    }
    Ok(())
}

fn tell(burnt: &Burnt, format: Format) -> Result<(), Failure> {
    output::print(&match format {
        Format::Table => burnt.to_text(),
        Format::Json => burnt.to_json().map_err(failed)? + "\n",
    })
}

impl From<Arguments> for Wishes {
    fn from(arguments: Arguments) -> Self {
        Self {
            threads: arguments.threads,
            time: arguments.time,
            request: arguments.request,
            at_once: arguments.at_once,
            align: arguments.align,
        }
    }
}

fn failed(error: impl Display) -> Failure {
    Failure::at("burn", error)
}
