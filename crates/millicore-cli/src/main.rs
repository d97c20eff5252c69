//! The `millicore` command: arguments in, calls out.

#![forbid(unsafe_code)]

mod burn;
mod columns;
mod commands;
mod failure;
mod interrupt;
mod lab;
mod load;
mod quota;
mod serve;
mod simulate;

use clap::Parser;
use std::process::ExitCode;

/// Serves CPU-heavy requests where CPU is scarce: choose whose turn it is, see what it costs.
#[derive(Debug, Parser)]
#[command(name = "millicore", version = VERSION, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: commands::Command,
}

const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (",
    env!("MILLICORE_COMMIT"),
    ")"
);

fn main() -> ExitCode {
    failure::exit_code(Arguments::parse().command.run())
}
