//! The `millicore` command: arguments in, calls out.

#![forbid(unsafe_code)]

mod columns;
mod failure;
mod interrupt;
mod lab;
mod load;
mod serve;
mod simulate;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Serves CPU-heavy requests where CPU is scarce: choose whose turn it is, see what it costs.
#[derive(Debug, Parser)]
#[command(name = "millicore", version = VERSION, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (",
    env!("MILLICORE_COMMIT"),
    ")"
);

#[derive(Debug, Subcommand)]
enum Command {
    Simulate(simulate::Arguments),
    Lab(lab::Arguments),
    Load(Box<load::Arguments>),
    Serve(serve::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Command::Simulate(arguments) => simulate::run(arguments),
        Command::Lab(arguments) => lab::run(arguments),
        Command::Load(arguments) => load::run(*arguments),
        Command::Serve(arguments) => serve::run(arguments),
    };
    failure::exit_code(outcome)
}
