//! `millicore serve`: the demonstration application on a concurrency model of choice.
//!
//! - `options`: every option as data. Start here.
//! - `arguments`, `environment`, `file`: who says what it is to be.
//! - `wishes`: what they said, in layers, each value with its source.
//! - `plan`, `values`: the wishes once they are found valid.
//! - `start`: the server that follows a plan.
//! - `limit`: the CPU limit while the server runs.
//! - `reload`, `changes`: what a server that runs takes from a new plan.
//! - `print`: settings as text.
//! - `nearest`: what a misspelt name was meant to be.

mod arguments;
mod changes;
mod environment;
mod file;
mod limit;
mod nearest;
mod options;
mod plan;
mod print;
mod reload;
mod start;
mod values;
mod wishes;

use crate::failure::{Failure, note};
pub(crate) use arguments::Arguments;
use arguments::Task;
use environment::Environment;
use millicore_quota::ProcessLimit;
use millicore_server::systemd::given_sockets;
use plan::Plan;
use std::io::{self, Write};
use std::path::PathBuf;
use std::{env, process};
use wishes::Wishes;

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let task = arguments.task;
    let wished = Wished::new(arguments)?;
    for warning in wished.environment.warnings() {
        note(format_args!("warning: {warning}"));
    }
    let limit = ProcessLimit::read();
    let plan = wished.plan(&limit)?;
    match task {
        Task::Check => {
            note(format_args!(
                "the settings are valid: {}",
                print::summary(&plan, &limit)
            ));
            Ok(())
        }
        Task::Print => io::stdout()
            .write_all(print::config(&plan).as_bytes())
            .map_err(|error| Failure::output(&error)),
        Task::Serve => start::serve(wished, plan, &limit),
    }
}

/// Everything that a plan is made of, so that it can be made again.
#[derive(Debug)]
struct Wished {
    command_line: Wishes,
    environment: Environment,
    file: Option<PathBuf>,
    given_sockets: Vec<String>,
}

impl Wished {
    fn new(arguments: Arguments) -> Result<Self, Failure> {
        let environment = Environment::new(env::vars_os())?;
        let given = given_sockets(|name| env::var_os(name), process::id());
        let given = given.map_err(Failure::usage)?;
        let named_there = environment.get(environment::CONFIG).map(PathBuf::from);
        Ok(Self {
            command_line: arguments.wishes,
            file: arguments.config.or(named_there),
            given_sockets: given.iter().map(ToString::to_string).collect(),
            environment,
        })
    }

    /// Reads the file, and puts what was typed over the environment and that over the file.
    fn plan(&self, limit: &ProcessLimit) -> Result<Plan, Failure> {
        let file = self.file.as_deref().map(file::read).transpose()?;
        let conventions = self.environment.conventions(&self.given_sockets);
        let typed = self.command_line.clone();
        let wishes = typed
            .over(self.environment.wishes())
            .over(file.unwrap_or_default())
            .over(conventions);
        Plan::new(wishes, limit)
    }
}
