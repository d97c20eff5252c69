//! What machine, compiler and day a figure belongs to.

use std::process::Command;

pub(crate) fn description() -> String {
    format!(
        "{}; {}; {}",
        processor(),
        told_by("rustc", "--version"),
        told_by("date", "+%F")
    )
}

fn processor() -> String {
    let description = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = description
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores")
}

fn told_by(program: &str, argument: &str) -> String {
    Command::new(program)
        .arg(argument)
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(
            || format!("{program} unknown"),
            |text| text.trim().to_owned(),
        )
}
