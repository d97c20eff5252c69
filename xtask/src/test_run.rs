//! `cargo xtask test`: runs the steps in order of cost and stops at the first that fails.

mod step;
pub(crate) mod tally;

use std::io::{self, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::arguments::Depth;
use crate::guest;
use crate::test_run::step::{Action, CommandLine, Step};
use crate::test_run::tally::Tally;
use crate::tidy;

pub(crate) fn run(repository: &Path, depth: Depth) -> ExitCode {
    let steps = step::plan(depth, |path| repository.join(path).exists());
    let mut finished = Vec::new();
    let mut tally = Tally::default();
    for step in &steps {
        println!("\n==> {}: {}", step.name, step.shown());
        let started = Instant::now();
        let outcome = match &step.action {
            Action::Cargo(command) => run_command(repository, command, &mut tally),
            Action::Tidy => tidy::report(repository),
            Action::Guest => guest::run(repository, &mut tally),
        };
        finished.push((step.name, started.elapsed()));
        if let Err(reason) = outcome {
            print_summary(&steps, &finished, true);
            print_tally(&tally);
            println!(
                "\nstep `{}` failed: {reason}; run it alone with:",
                step.name
            );
            println!("    {}", step.shown());
            return ExitCode::FAILURE;
        }
    }
    print_summary(&steps, &finished, false);
    println!("\nall {} steps passed; their tests:", steps.len());
    print_tally(&tally);
    ExitCode::SUCCESS
}

fn run_command(repository: &Path, command: &CommandLine, tally: &mut Tally) -> Result<(), String> {
    let not_run = |error| format!("cargo did not run: {error}");
    // Cargo tells its children which cargo it is; a second toolchain would rebuild everything.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let environment = command.environment.iter();
    let mut child = Command::new(cargo)
        .args(&command.arguments)
        .envs(environment.map(|(name, value)| (name, value)))
        .current_dir(repository)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(not_run)?;
    if let Some(printed) = child.stdout.take() {
        let passed_on = tally.pass_on(BufReader::new(printed), &mut io::stdout());
        passed_on.map_err(not_run)?;
    }
    let status = child.wait().map_err(not_run)?;
    if status.success() {
        Ok(())
    } else {
        Err(status.to_string())
    }
}

fn print_tally(tally: &Tally) {
    let Tally {
        passed,
        failed,
        ignored,
    } = tally;
    println!("{passed} passed, {failed} failed, {ignored} skipped");
}

fn print_summary(steps: &[Step], finished: &[(&str, Duration)], last_failed: bool) {
    println!("\n{:<10}{:<10}{:>9}", "step", "result", "seconds");
    for (index, step) in steps.iter().enumerate() {
        let Some((_, duration)) = finished.get(index) else {
            println!("{:<10}{:<10}{:>9}", step.name, "not run", "-");
            continue;
        };
        let failed = last_failed && index + 1 == finished.len();
        let result = if failed { "FAILED" } else { "passed" };
        println!(
            "{:<10}{:<10}{:>9.1}",
            step.name,
            result,
            duration.as_secs_f64()
        );
    }
}
