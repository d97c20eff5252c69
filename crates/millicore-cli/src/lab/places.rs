//! `millicore lab places`: where experiments can run on this machine.

use crate::failure::Failure;
use crate::lab::output;
use clap::{Args, ValueEnum};
use millicore_lab::place::Survey;

/// Where can experiments run here? The places, what each can do, and why one cannot be used
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Arguments {
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Text for people
    Table,
    /// One object for programs
    Json,
}

const EXAMPLES: &str = "\
Examples:
  millicore lab places
  DOCKER_HOST=unix:///run/user/1000/docker.sock millicore lab places --format json

Exit status: 0, also when a place cannot be used: process always can";

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let survey = Survey::of_this_machine();
    output::print(&match arguments.format {
        Format::Table => survey.to_table(),
        Format::Json => {
            let text = survey.to_json();
            text.map_err(|error| Failure::at("lab places", error))? + "\n"
        }
    })
}
