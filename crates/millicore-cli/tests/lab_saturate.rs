//! `millicore lab saturate` as a user runs it, in groups and in containers: what it tells, and that
//! nothing is left of it. Groups need the right to make them, containers an engine.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test panics, and says what it could not test"
)]

use millicore_lab::place::{PlaceKind, clean_up, find};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};

fn saturate(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millicore"));
    command
        .args(["lab", "saturate"])
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Whether the place can be used, which on a build machine it must.
fn is_usable(place: PlaceKind) -> bool {
    let Err(error) = find(place) else {
        return true;
    };
    eprintln!("not tested: {error}");
    let is_build_machine = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!is_build_machine, "CI must be able to");
    false
}

/// Groups and containers that are named after this process.
fn left_by(process: u32, place: PlaceKind) -> Vec<String> {
    let name = format!("-{process}-");
    let groups = Command::new("find")
        .args(["/sys/fs/cgroup", "-type", "d", "-name"])
        .arg(format!("millicore-*{name}*-saturate*"))
        .output()
        .unwrap();
    let groups = text(&groups.stdout).lines().map(str::to_owned);
    let mut left: Vec<String> = groups.collect();
    if place == PlaceKind::Docker {
        let removed = clean_up(place).unwrap().into_iter();
        left.extend(removed.filter(|it| it.contains(&name)));
    }
    left
}

#[test]
fn wishes_that_make_no_sense_are_refused() {
    let check = |flags: &str, expected: &str| {
        let output = saturate(flags).output().unwrap();
        let errors = text(&output.stderr);
        assert!(errors.contains(expected), "{flags}: {errors}");
        assert_eq!(output.status.code(), Some(2), "{flags}: {errors}");
        assert_eq!(text(&output.stdout), "", "{flags}");
    };
    check("--in process", "--in process: nothing is limited there");
    check("--in moon", "--in moon: ");
    check("--cpu 0.5m", "--cpu 0.5m: ");
    check(
        "--workload nap",
        "--workload nap: the known ones are spin and serve",
    );
    check("--count 1,0", "--count 0: give a whole number from 1 to");
    check("--for 1ms", "--for 1ms: give 100ms to 600s");
    let expected = "--cpu 100m is more than --parent 50m, and the kernel refuses that";
    check("--cpu 100m --parent 50m", expected);
}

#[test]
fn an_engine_that_is_not_there_is_one_sentence() {
    let mut command = saturate("--in docker --count 1");
    command.env("DOCKER_HOST", "unix:///no/such/socket");
    let output = command.output().unwrap();
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains("/no/such/socket"), "{errors}");
}

/// Two cases inside of a group, from the start to the end.
#[track_caller]
fn check_measured(place: PlaceKind, workload: &str) {
    if !is_usable(place) {
        return;
    }
    let what = format!("--in {place} --workload {workload}");
    let flags = "--count 1,3 --cpu 50m --parent 100m --for 500ms --request 1ms --format json";
    let lab = saturate(&format!("{what} {flags}")).spawn().unwrap();
    let process = lab.id();
    let output = lab.wait_with_output().unwrap();
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let cases = json["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 2);
    for (case, count) in cases.iter().zip([1, 3]) {
        assert_eq!(case["workload"], workload);
        check_case(case, count);
    }
    assert_eq!(json["staircase"], Value::Null);
    assert_eq!(left_by(process, place), Vec::<String>::new());
}

#[track_caller]
fn check_case(case: &Value, count: usize) {
    let number = |key: &str| case[key].as_f64().unwrap();
    let list = |key: &str| -> Vec<f64> {
        let list = case[key].as_array().unwrap().iter();
        list.map(|it| it.as_f64().unwrap()).collect()
    };
    assert_eq!(
        (&case["count"], &case["limit_m"], &case["parent_m"]),
        (&count.into(), &50.into(), &100.into())
    );
    for key in ["throttled_ratio", "longest_stall_s", "fair_m"] {
        assert_eq!(list(key).len(), count, "{key}");
    }
    let received_m = list("received_m");
    assert_eq!(received_m.len(), count);
    assert!((received_m.iter().sum::<f64>() - number("total_m")).abs() < 1e-6);
    assert!(number("total_m") > 0.0, "{case}");
    let jain = number("jain");
    assert!((1.0 / count as f64 - 1e-9..=1.0 + 1e-9).contains(&jain));
    // The kernel counts all that a group did, and the group around them what they all did.
    let counted_s: f64 = case["counters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["cpu_s"].as_f64().unwrap())
        .sum();
    let window_s = number("window_s");
    assert!(number("total_m") <= 1000.0 * counted_s / window_s + 10.0);
    let around_s = case["parent_counters"]["cpu_s"].as_f64().unwrap();
    assert!(around_s >= counted_s * 0.9, "{case}");
}

#[test]
fn groups_are_measured_and_removed() {
    check_measured(PlaceKind::Cgroup, "spin");
    check_measured(PlaceKind::Cgroup, "serve");
}

#[test]
fn containers_are_measured_and_removed() {
    check_measured(PlaceKind::Docker, "spin");
    check_measured(PlaceKind::Docker, "serve");
}

/// A run of hours in that place, of which this was said last.
fn run_until(place: PlaceKind, said: &str) -> (Child, BufReader<impl Read>) {
    let flags = format!("--in {place} --count 3,2 --cpu 20m --for 600s");
    let mut lab = saturate(&flags).spawn().unwrap();
    let mut errors = BufReader::new(lab.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(said) {
        line.clear();
        assert_ne!(errors.read_line(&mut line).unwrap(), 0, "no {said}");
    }
    (lab, errors)
}

#[track_caller]
fn check_interrupted(place: PlaceKind, said: &str) {
    if !is_usable(place) {
        return;
    }
    let (lab, mut errors) = run_until(place, said);
    let process = lab.id();
    kill_process(Pid::from_child(&lab), Signal::INT).unwrap();
    let mut rest = String::new();
    errors.read_to_string(&mut rest).unwrap();
    let output = lab.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{rest}");
    assert!(text(&output.stdout).contains("The run was stopped before its end"));
    assert_eq!(left_by(process, place), Vec::<String>::new());
}

#[test]
fn an_interrupt_leaves_nothing() {
    for said in ["starting", "burning"] {
        check_interrupted(PlaceKind::Cgroup, said);
        check_interrupted(PlaceKind::Docker, said);
    }
}

fn run_shortly(place: PlaceKind) -> ExitStatus {
    let flags = format!("--in {place} --count 1 --cpu 100m --for 100ms");
    saturate(&flags).output().unwrap().status
}

/// The next start removes what a killed run has left.
#[track_caller]
fn check_killed(place: PlaceKind, said: &str) {
    if !is_usable(place) {
        return;
    }
    let (mut lab, _errors) = run_until(place, said);
    lab.kill().unwrap();
    lab.wait().unwrap();
    assert!(run_shortly(place).success());
    assert_eq!(left_by(lab.id(), place), Vec::<String>::new());
}

#[test]
fn the_next_start_removes_groups_of_a_killed_run() {
    for said in ["about", "starting", "burning"] {
        check_killed(PlaceKind::Cgroup, said);
    }
}

#[test]
fn the_next_start_removes_containers_of_a_killed_run() {
    for said in ["about", "starting", "burning"] {
        check_killed(PlaceKind::Docker, said);
    }
}
