//! `millicore quota` as a user runs it. Running under a limit needs the right to make control groups.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test panics and prints"
)]

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

fn quota(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millicore"));
    command.arg("quota").args(arguments).stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Whether groups can be made here; with `CI=true` they have to.
fn can_make_groups() -> bool {
    let Output { status, stderr, .. } = quota(&["run", "--cpu", "1", "--", "true"])
        .output()
        .unwrap();
    if status.success() {
        return true;
    }
    let says = text(&stderr);
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{says}");
    eprintln!("skipped: {says}");
    false
}

/// Runs a command under a limit, and expects this exit status and these words on standard error.
#[track_caller]
fn check(options: &[&str], command: &[&str], expected_status: i32, expected_words: &str) -> Output {
    let arguments = [&["run"], options, &["--"], command].concat();
    let output = quota(&arguments).output().unwrap();
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(expected_status), "{errors}");
    assert!(
        errors.contains(expected_words),
        "{arguments:?}: `{expected_words}` is not in: {errors}"
    );
    output
}

#[test]
fn the_exit_status_is_that_of_the_command() {
    if !can_make_groups() {
        return;
    }
    let half = ["--cpu", "500m"];
    check(&half, &["true"], 0, "500m, 50000 µs in every 100000 µs");
    check(&half, &["sh", "-c", "exit 7"], 7, "received");
    check(
        &half,
        &["sh", "-c", "kill -9 $$"],
        137,
        "9 ended the command",
    );
    check(
        &half,
        &["no-such-command"],
        127,
        "no-such-command cannot be started",
    );
    check(&half, &["/"], 126, "/ cannot be started");
    let left = "one process that it left running";
    check(&half, &["sh", "-c", "setsid sleep 600 & exit 3"], 3, left);
}

#[test]
fn standard_output_is_the_commands_own() {
    if !can_make_groups() {
        return;
    }
    let output = check(&["--cpu", "1"], &["echo", "its", "own"], 0, "received");
    assert_eq!(text(&output.stdout), "its own\n");
}

#[test]
fn the_command_sees_its_limit_and_the_report_has_it() {
    if !can_make_groups() {
        return;
    }
    let millicore = env!("CARGO_BIN_EXE_millicore");
    let check = |options: &[&str], limit_m: u32, quota_us: u32, period_us: u32, burst_us: u32| {
        let options = [options, &["--format", "json"]].concat();
        let show = [millicore, "quota", "show", "--format", "json"];
        let output = check(&options, &show, 0, "\"schema\": 1");
        let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
        let report: Value = serde_json::from_slice(&output.stderr).unwrap();
        let quota = &seen["quota"];
        for (found, expected) in [
            (&seen["limit_m"], limit_m),
            (&quota["quota_us"], quota_us),
            (&quota["period_us"], period_us),
            (&quota["burst_us"], burst_us),
            (&report["limit_m"], limit_m),
            (&report["quota_us"], quota_us),
            (&report["exit_status"], 0),
        ] {
            assert_eq!(found, expected, "{options:?}: {seen} {report}");
        }
        assert_eq!(quota["directory"], report["group"]);
        assert!(report["cpu_s"].as_f64().unwrap() > 0.0, "{report}");
    };
    check(&["--cpu", "500m"], 500, 50_000, 100_000, 0);
    check(&["--cpu", "0.25", "--period", "20ms"], 250, 5000, 20_000, 0);
    check(
        &["--cpu", "500m", "--burst", "50ms"],
        500,
        50_000,
        100_000,
        50_000,
    );
}

#[test]
fn a_true_millicore_starts_wide() {
    if !can_make_groups() {
        return;
    }
    let wide = ["--cpu", "1m", "--start-wide"];
    check(&wide, &["true"], 0, "1m, 1000 µs in every 1000000 µs");
}

#[test]
fn signals_are_passed_on() {
    if !can_make_groups() {
        return;
    }
    let script = "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.01; done";
    let mut run = quota(&["run", "--cpu", "1", "--", "sh", "-c", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(run.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    let pid = Pid::from_raw(i32::try_from(run.id()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "caught");
    assert_eq!(run.wait().unwrap().code(), Some(9));
}

/// A terminal that goes away says so to the leader of its session alone.
#[test]
fn the_command_is_told_that_the_terminal_has_gone() {
    if !can_make_groups() {
        return;
    }
    let said = std::env::temp_dir().join(format!("millicore-test-{}-said", std::process::id()));
    let made = Command::new("mkfifo").arg(&said).status().unwrap();
    assert!(made.success());
    let command = "trap 'echo gone; exit' HUP; echo ready; sleep 60 & wait";
    let run = format!(
        "exec {} quota run --cpu 1 -- sh -c \"{command}\" >{}",
        env!("CARGO_BIN_EXE_millicore"),
        said.display()
    );
    // `script` gives its command a terminal, and takes it away when it ends.
    let mut terminal = Command::new("script")
        .args(["--quiet", "--command", &run, "/dev/null"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(File::open(&said).unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "gone");
    fs::remove_file(said).unwrap();
}

#[test]
fn what_the_kernel_would_refuse_is_refused_first() {
    let too_little = "so 10m is the smallest limit there; a longer period takes a smaller one";
    check(
        &["--cpu", "5m", "--period", "100ms"],
        &["true"],
        2,
        too_little,
    );
    let burst = "the kernel takes up to that";
    check(&["--cpu", "500m", "--burst", "51ms"], &["true"], 2, burst);
    let periods = "the kernel takes periods from 1ms to 1s";
    check(&["--cpu", "1", "--period", "2s"], &["true"], 2, periods);
    check(&["--cpu", "0"], &["true"], 2, "no CPU at all");
    check(&["--cpu", "0.5m"], &["true"], 2, "finer than 1m");
    check(&["--cpu=-1"], &["true"], 2, "negative");
}

#[test]
fn amounts_are_converted() {
    let output = quota(&["convert", "125m", "--format", "json"])
        .output()
        .unwrap();
    assert!(output.status.success());
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = document["conversions"].as_array().unwrap();
    let written = |name: &str| {
        let row = rows.iter().find(|row| row["name"] == name);
        row.map(|row| (row["written"].as_str().unwrap(), row["acts_as_m"].as_u64()))
    };
    let systemd = written("kubernetes limit, systemd driver: the same");
    assert_eq!(systemd, Some(("13000", Some(130))));
    let shares = written("kubernetes request: cpu.shares");
    assert_eq!(shares, Some(("128", None)));
    let table = quota(&["convert", "125m"]).output().unwrap();
    assert!(text(&table.stdout).contains("runc >= 1.3.2, crun: cpu.weight"));
    let refused = quota(&["convert", "much"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn a_group_says_what_it_is() {
    let output = quota(&["show"]).output().unwrap();
    assert!(output.status.success());
    let shown = text(&output.stdout);
    for expected in ["limit", "cores of use", "Go 1.25 GOMAXPROCS"] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
}
