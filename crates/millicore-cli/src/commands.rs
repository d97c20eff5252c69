//! The subcommands: the list, and who runs each.

use crate::failure::Failure;
use crate::{burn, lab, load, quota, serve, simulate};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Simulate(simulate::Arguments),
    Lab(lab::Arguments),
    Load(Box<load::Arguments>),
    Quota(quota::Arguments),
    Burn(burn::Arguments),
    Serve(serve::Arguments),
}

impl Command {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Simulate(arguments) => simulate::run(arguments),
            Self::Lab(arguments) => lab::run(arguments),
            Self::Load(arguments) => load::run(*arguments),
            Self::Quota(arguments) => quota::run(arguments),
            Self::Burn(arguments) => burn::run(arguments),
            Self::Serve(arguments) => serve::run(arguments),
        }
    }
}
