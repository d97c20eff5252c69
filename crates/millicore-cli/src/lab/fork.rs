//! `millicore lab fork`: processes that compute and double, beyond the cores.

use crate::failure::{Failure, note};
use crate::lab::output::{self, Format};
use clap::Args;
use millicore_lab::fork::{
    LOG_HEADER, Plan, Report, Simulation, SimulationPlan, SimulationWishes, Wishes, run as run_plan,
};
use millicore_lab::machine::MachineState;
use millicore_quota::ProcessLimit;
use std::error::Error;

/// What if there are more processes than cores? Each computes, then forks
///
/// One process computes a factorial by the naive product, and forks; then two compute, and fork;
/// then four; then eight. Nobody waits for the others between rounds. A round with at most as many
/// processes as cores should take as long as one process alone; a larger one, between perfect
/// sharing of the cores and whole rounds, one core each. The log is written to standard error while
/// the processes run.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Whose factorial each process computes, 1 to 1000000
    #[arg(
        long,
        value_name = "N",
        default_value = "200000",
        conflicts_with = "simulate",
        allow_hyphen_values = true
    )]
    number: String,
    /// How often the processes double, 1 to 6: 3 rounds make 1, then 2, 4 and 8 processes
    #[arg(
        long,
        value_name = "N",
        default_value = "3",
        allow_hyphen_values = true
    )]
    rounds: String,
    /// How many cores the processes are held to [default: all this process may use; 6 with
    /// --simulate]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    cores: Option<String>,
    /// What doubles: forks (processes) or threads (of one process, for comparison)
    #[arg(
        long,
        value_name = "NAME",
        default_value = "forks",
        conflicts_with = "simulate",
        allow_hyphen_values = true
    )]
    with: String,
    /// Predict without measuring
    #[arg(long)]
    simulate: bool,
    /// How long one process alone takes, 1ms to 600s [default: 9.6s, as in the article]
    #[arg(
        long,
        value_name = "TIME",
        requires = "simulate",
        allow_hyphen_values = true
    )]
    one: Option<String>,
    /// The slice of the predicted fair scheduler, 1ms to 1s
    #[arg(
        long,
        value_name = "TIME",
        default_value = "4ms",
        allow_hyphen_values = true
    )]
    slice: String,
    /// How much longer each slice holds its core where there are more processes than cores, up to
    /// 1s
    #[arg(
        long,
        value_name = "TIME",
        default_value = "0",
        allow_hyphen_values = true
    )]
    overhead: String,
    /// How the result is printed; csv is the log
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

const EXAMPLES: &str = "\
Rounds:
  Round 0 is one process alone: all others are compared with it. Each round
  after it has twice as many processes, so --rounds 3 has four rounds, 0 to 3,
  and computes 15 factorials.

Bounds of a round:
  perfect  all the work, divided by the cores; never less than one process
  whole    as many processes at a time as there are cores, each to its end
  between  how far a round is from the one (0 %) to the other (100 %), or by
           how much it lies outside; where they are equal, over or under
  Nobody waits between rounds, so two can overlap and each take longer; the row
  of all rounds together does not count that twice.

Examples:
  The experiment in brief:
    millicore lab fork --number 50000
  The log as a spreadsheet, eight processes on one core:
    millicore lab fork --cores 1 --format csv > fork.csv
  The article's own case, six cores and 9.6 s, with and without overhead:
    millicore lab fork --simulate --cores 6 --one 9.6s
    millicore lab fork --simulate --cores 6 --one 9.6s --overhead 366us

Ctrl-C ends all processes, and nothing is reported.

Exit status: 0 done, 1 failed (a process was killed, or could not fork), 2 bad
usage, 130 interrupted";

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    if arguments.simulate {
        simulate(arguments)
    } else {
        measure(arguments)
    }
}

/// The first process is a fork of this one, so no thread is started here: no handler of signals,
/// no line of progress that moves by itself.
fn measure(arguments: Arguments) -> Result<(), Failure> {
    let format = arguments.format;
    let plan = Plan::new(&arguments.into(), &ProcessLimit::read()).map_err(Failure::usage)?;
    let machine = MachineState::read();
    note(&plan);
    note(LOG_HEADER);
    let outcome = run_plan(&plan, &mut |event| note(event)).map_err(failed)?;
    let report = Report::new(&plan, machine, outcome).map_err(failed)?;
    output::print(&match format {
        Format::Table => report.to_table(),
        Format::Json => report.to_json().map_err(failed)? + "\n",
        Format::Csv => report.to_csv(),
    })
}

fn simulate(arguments: Arguments) -> Result<(), Failure> {
    let format = arguments.format;
    let plan = SimulationPlan::new(&arguments.into()).map_err(Failure::usage)?;
    let simulation = Simulation::new(plan).map_err(failed)?;
    output::print(&match format {
        Format::Table => simulation.to_table(),
        Format::Json => simulation.to_json().map_err(failed)? + "\n",
        Format::Csv => simulation.to_csv(),
    })
}

impl From<Arguments> for Wishes {
    fn from(arguments: Arguments) -> Self {
        Self {
            number: arguments.number,
            rounds: arguments.rounds,
            cores: arguments.cores,
            with: arguments.with,
            slice: arguments.slice,
            overhead: arguments.overhead,
        }
    }
}

impl From<Arguments> for SimulationWishes {
    fn from(arguments: Arguments) -> Self {
        Self {
            rounds: arguments.rounds,
            cores: arguments.cores,
            one: arguments.one,
            slice: arguments.slice,
            overhead: arguments.overhead,
        }
    }
}

fn failed(error: impl Error) -> Failure {
    Failure::at("lab fork", error)
}
