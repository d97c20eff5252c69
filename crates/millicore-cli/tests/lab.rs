//! `millicore lab` as a user runs it: the real command, its output and its exit status.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};

fn divide(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millicore"));
    command
        .args(["lab", "divide"])
        .args(arguments.split_whitespace());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(arguments: &str) -> Output {
    divide(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What a run of twenty milliseconds prints.
fn printed(arguments: &str) -> String {
    let output = run(&format!("--size 20ms --repeat 1 {arguments}"));
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments}: {errors}");
    text(&output.stdout).to_owned()
}

#[track_caller]
fn check_refused(arguments: &str, expected: &str) {
    let output = run(arguments);
    let errors = text(&output.stderr);
    assert!(
        errors.contains(expected),
        "{arguments}: `{expected}` is not in: {errors}"
    );
    assert_eq!(output.status.code(), Some(2), "{arguments}: {errors}");
    assert_eq!(text(&output.stdout), "", "{arguments}");
}

#[test]
fn the_table_fits_eighty_columns() {
    let table = printed("--policy all");
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
    for policy in [
        "fifo", "fair", "focus", "sjf", "srpt", "las", "edf", "hesrpt",
    ] {
        let rows = table
            .lines()
            .filter(|line| line.split(' ').next() == Some(policy));
        assert!(
            rows.count() >= 3,
            "a mean, response times and a picture of {policy}:\n{table}"
        );
    }
    let flowing = table.replace('\n', " ");
    assert!(
        flowing.contains("one repeat does not show the noise"),
        "{table}"
    );
}

#[test]
fn json_has_the_documented_shape() {
    let json: Value = serde_json::from_str(&printed("--format json --workload primes")).unwrap();
    assert_eq!(json["schema"], 1);
    assert!(json["machine"].is_object());
    assert_eq!(json["workload"], "primes");
    let policies = json["policies"].as_array().unwrap();
    let names: Vec<&str> = policies
        .iter()
        .filter_map(|it| it["policy"].as_str())
        .collect();
    assert_eq!(names, ["fifo", "fair", "focus"]);
    for policy in policies {
        assert!(
            policy["order"].is_string() && policy["width"].is_string(),
            "{policy}"
        );
        assert_eq!(
            policy["response_s"].as_array().unwrap().len(),
            4,
            "{policy}"
        );
        assert!(policy["mean_s"].is_f64(), "{policy}");
        assert!(policy["predicted_mean_s"].is_f64(), "{policy}");
        let closed_form = &policy["closed_form_mean_s"];
        assert!(closed_form.is_f64() || closed_form.is_null(), "{policy}");
        let stay = &policy["timeline"][0];
        assert!(
            stay["core"].is_u64() && stay["request"].is_u64(),
            "{policy}"
        );
        assert!(
            stay["start_s"].is_f64() && stay["end_s"].is_f64(),
            "{policy}"
        );
    }
}

#[test]
fn csv_has_a_row_for_each_policy_and_request() {
    let csv = printed("--format csv --requests 3 --policy fifo,srpt/one --workload mandelbrot");
    let firsts: Vec<Vec<&str>> = csv
        .lines()
        .map(|line| line.split(',').take(2).collect())
        .collect();
    let expected = [
        ["policy", "request"],
        ["fifo", "1"],
        ["fifo", "2"],
        ["fifo", "3"],
        ["srpt/one", "1"],
        ["srpt/one", "2"],
        ["srpt/one", "3"],
    ];
    assert_eq!(firsts, expected);
}

#[test]
fn standard_error_says_what_comes_and_nothing_else() {
    let output = run("--size 1ms --repeat 1 --cores 1");
    let lines: Vec<&str> = text(&output.stderr).lines().collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].starts_with("4 requests of 1ms (spin) on 1 core, 1 x fifo,fair,focus: about "),
        "{lines:?}"
    );
}

#[test]
fn what_cannot_be_is_refused() {
    check_refused(
        "--requests 0",
        "--requests 0: give a whole number from 1 to 1000",
    );
    check_refused(
        "--requests -5",
        "--requests -5: give a whole number from 1 to 1000",
    );
    check_refused(
        "--repeat 1001",
        "--repeat 1001: give a whole number from 1 to 1000",
    );
    check_refused(
        "--size 11000s",
        "--size 11000s: give 1ms to 600s of CPU time",
    );
    check_refused(
        "--size fast",
        "--size fast: a duration is a number and one of ns, us, ms, s",
    );
    check_refused(
        "--cores 100000",
        "--cores 100000: give a whole number from 1 to ",
    );
    check_refused(
        "--policy lifo",
        "--policy lifo: unknown policy; the known ones are fifo, fair",
    );
    check_refused(
        "--workload nap",
        "--workload nap: the known ones are spin, primes, mandelbrot",
    );
    check_refused("--format xml", "[possible values: table, json, csv]");
    check_refused("--colour", "unexpected argument '--colour'");
}

/// Starts an experiment that would take hours, and interrupts it once it has said so.
#[track_caller]
fn check_interrupted(arguments: &str) -> String {
    let mut child = divide(arguments).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut announcement = String::new();
    errors.read_line(&mut announcement).unwrap();
    assert!(announcement.contains("about"), "{announcement}");
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let mut rest = String::new();
    errors.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{rest}");
    text(&output.stdout).to_owned() + &rest
}

#[test]
fn an_interrupt_ends_it_cleanly() {
    let printed = check_interrupted("--size 600s --repeat 1000");
    // Whether the signal came during the calibration or the first round.
    assert!(
        printed.contains("nothing was measured") || printed.contains("No repeat was finished"),
        "{printed}"
    );
}

#[test]
fn a_calibration_of_minutes_can_be_interrupted() {
    check_interrupted("--size 600s --workload primes");
}
