//! The project's own commands: `cargo xtask test` checks everything, `cargo xtask tidy` the rules.

#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    reason = "a command's report goes to standard output"
)]
#![expect(clippy::print_stderr, reason = "and what went wrong to standard error")]

mod arguments;
mod guest;
mod test_run;
mod tidy;

use std::path::Path;
use std::process::ExitCode;

use crate::arguments::Task;

fn main() -> ExitCode {
    let repository = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    match arguments::parse(std::env::args().skip(1)) {
        Ok(Task::Test(depth)) => test_run::run(repository, depth),
        Ok(Task::Guest) => guest::run_alone(repository),
        Ok(Task::Tidy) => tidy::run(repository),
        Ok(Task::Help) => {
            println!("{}", arguments::USAGE);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("xtask: {error}\n\n{}", arguments::USAGE);
            ExitCode::from(2)
        }
    }
}
