//! `cargo xtask test`: runs the steps in order of cost and stops at the first that fails.

mod step;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::arguments::Depth;
use crate::test_run::step::{CommandLine, Step};
use crate::tidy;

pub(crate) fn run(repository: &Path, depth: Depth) -> ExitCode {
    let steps = step::plan(depth, |path| repository.join(path).exists());
    let mut finished = Vec::new();
    for step in &steps {
        println!("\n==> {}: {}", step.name, step.shown());
        let started = Instant::now();
        let outcome = match &step.command {
            Some(command) => run_command(repository, command),
            None => tidy::report(repository),
        };
        finished.push((step.name, started.elapsed()));
        if let Err(reason) = outcome {
            print_summary(&steps, &finished, true);
            println!(
                "\nstep `{}` failed: {reason}; run it alone with:",
                step.name
            );
            println!("    {}", step.shown());
            return ExitCode::FAILURE;
        }
    }
    print_summary(&steps, &finished, false);
    println!("\nall {} steps passed", steps.len());
    ExitCode::SUCCESS
}

fn run_command(repository: &Path, command: &CommandLine) -> Result<(), String> {
    // Cargo tells its children which cargo it is; a second toolchain would rebuild everything.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(&command.arguments)
        .envs(
            command
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .current_dir(repository)
        .stdin(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(status.to_string()),
        Err(error) => Err(format!("cargo did not start: {error}")),
    }
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
