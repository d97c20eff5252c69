//! `millicore quota`: CPU limits shown, kept and converted, one file each.

mod convert;
mod measure;
mod run;
mod show;

use crate::failure::Failure;
use clap::{Args, Subcommand, ValueEnum};
use std::io::{self, Write};

/// Show the CPU limit of this process, run a command under one, or convert one
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Show(show::Arguments),
    Run(run::Arguments),
    Convert(convert::Arguments),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text for people
    Table,
    /// One object for programs
    Json,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.action {
        Action::Show(arguments) => show::run(&arguments),
        Action::Run(arguments) => run::run(arguments),
        Action::Convert(arguments) => convert::run(&arguments),
    }
}

/// The number of the JSON documents' form.
const SCHEMA: u32 = 1;

fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(|error| Failure::output(&error))
}

/// Names to the left and what they have to the right, in lines.
fn in_lines(rows: &[(String, String)]) -> String {
    let wide = rows.iter().map(|(name, _)| name.chars().count()).max();
    let wide = wide.unwrap_or(0);
    rows.iter()
        .map(|(name, value)| format!("{name:wide$}  {value}").trim_end().to_owned() + "\n")
        .collect()
}

fn as_json(document: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(document)
        .map(|text| text + "\n")
        .map_err(|error| Failure::at("quota", error))
}
