//! `millicore lab`: experiments on this machine, one file each.

mod concurrency;
mod divide;
mod fork;
pub(crate) mod output;
mod places;
mod saturate;

use crate::failure::Failure;
use clap::{Args, Subcommand};

/// Run an experiment on this machine and compare it with the prediction
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    experiment: Experiment,
}

#[derive(Debug, Subcommand)]
enum Experiment {
    Divide(divide::Arguments),
    Concurrency(concurrency::Arguments),
    Fork(fork::Arguments),
    Saturate(saturate::Arguments),
    Places(places::Arguments),
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.experiment {
        Experiment::Divide(arguments) => divide::run(arguments),
        Experiment::Concurrency(arguments) => concurrency::run(arguments),
        Experiment::Fork(arguments) => fork::run(arguments),
        Experiment::Saturate(arguments) => saturate::run(arguments),
        Experiment::Places(arguments) => places::run(&arguments),
    }
}
