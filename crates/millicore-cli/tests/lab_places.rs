//! `millicore lab divide` and `concurrency` in a group and in a container: the figures that come back,
//! and that nothing is left behind.
//!
//! It needs the right to make cgroups and a Docker engine. Where one is missing it says so.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test panics and prints"
)]

use millicore_lab::place::{DockerPlace, Listed, PlaceKind, clean_up, find};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

fn lab(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millicore"));
    command
        .arg("lab")
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn json(arguments: &str) -> Value {
    let output: Output = lab(&format!("{arguments} --format json")).output().unwrap();
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments}: {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// One test at a time: what is removed by the start of another has not been removed by its own.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The places that can be used here, by name.
fn places() -> Vec<&'static str> {
    let kinds = [PlaceKind::Cgroup, PlaceKind::Docker];
    let usable = kinds.into_iter().filter(|&kind| {
        let found = find(kind);
        if let Err(error) = &found {
            eprintln!("not tested: {error}");
            let is_ci = env::var_os("CI").is_some_and(|ci| ci == "true");
            assert!(!is_ci, "CI must be able to: {error}");
        }
        found.is_ok()
    });
    usable.map(PlaceKind::name).collect()
}

/// CPU time was counted, and periods: at least those that so much CPU time takes at 500m. What is
/// shorter than one can lie between the ends of two.
#[track_caller]
fn check_counters(counters: &Value, least_cpu_s: f64) {
    let number = |key: &str| counters[key].as_f64().unwrap();
    assert!(number("cpu_s") >= least_cpu_s, "{counters}");
    assert!(
        number("periods") >= (least_cpu_s / 0.05 - 1.0).floor(),
        "{counters}"
    );
    assert!(
        number("throttled_periods") <= number("periods"),
        "{counters}"
    );
}

#[test]
fn requests_are_divided_in_every_place() {
    let _alone = alone();
    for place in places() {
        let report = json(&format!(
            "divide --in {place} --cpu 500m --size 20ms --repeat 1"
        ));
        assert_eq!(report["place"], place);
        assert_eq!(report["limit_m"], 500);
        assert_eq!(report["cores"], 1, "as many as half a core keeps busy");
        // Twelve requests of twenty milliseconds.
        check_counters(&report["counters"], 0.2);
        let policies = report["policies"].as_array().unwrap();
        let theory: Vec<f64> = policies
            .iter()
            .map(|it| it["closed_form_mean_s"].as_f64().unwrap())
            .collect();
        assert_eq!(theory, [0.1, 0.16, 0.1], "{place}");
        // More than they have cannot be given to them, whatever else the machine does.
        for policy in policies {
            let responses = policy["response_s"].as_array().unwrap();
            let last_s = responses.iter().filter_map(Value::as_f64);
            assert!(last_s.fold(0.0, f64::max) > 0.1, "{place}: {policy}");
        }
    }
}

#[test]
fn servers_are_asked_in_every_place() {
    let _alone = alone();
    for place in places() {
        let report = json(&format!(
            "concurrency --in {place} --cpu 500m --requests 2 --only spin --size 20ms --policy fifo"
        ));
        assert_eq!(report["place"], place);
        assert_eq!(report["limit_m"], 500);
        let servers = report["parts"][0]["servers"].as_array().unwrap();
        let models = ["sync", "threads", "forks", "prefork", "scheduled"];
        for model in models {
            assert!(servers.iter().any(|it| it["model"] == model), "{model}");
        }
        for server in servers {
            assert_eq!(server["limit_m"], 500);
            check_counters(&server["counters"], 0.03);
        }
    }
}

/// Starts an experiment and waits until it says what it is.
fn start(arguments: &str) -> Child {
    let mut child = lab(arguments).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("about"), "{first}");
    child.stderr = None;
    child
}

fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// Containers and groups, and whether something runs in them.
fn all_in(place: &str) -> Vec<Listed> {
    if place == "docker" {
        return DockerPlace::connect().unwrap().containers().unwrap();
    }
    groups(Path::new("/sys/fs/cgroup"), 4)
}

/// Those that this process has made.
fn made_by(place: &str, pid: u32) -> Vec<Listed> {
    let is_its = |it: &Listed| is_made_by(&it.name, pid);
    all_in(place).into_iter().filter(is_its).collect()
}

fn is_made_by(name: &str, pid: u32) -> bool {
    let mut fields = name.split('-').skip(2);
    name.starts_with("millicore-") && fields.next() == Some(&pid.to_string())
}

/// Groups down to a depth, of every hierarchy.
fn groups(directory: &Path, depth: usize) -> Vec<Listed> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut all = Vec::new();
    for path in directories.map(|entry| entry.path()) {
        let members = fs::read_to_string(path.join("cgroup.procs"));
        all.push(Listed {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            is_running: members.is_ok_and(|members| !members.is_empty()),
        });
        if depth > 0 {
            all.extend(groups(&path, depth - 1));
        }
    }
    all
}

fn wait_until_it_runs(place: &str, child: &mut Child) {
    while !made_by(place, child.id()).iter().any(|it| it.is_running) {
        assert_eq!(child.try_wait().unwrap(), None, "it ended early");
        std::thread::yield_now();
    }
}

#[test]
fn nothing_is_left_of_a_lab_that_was_killed() {
    let _alone = alone();
    for place in places() {
        for experiment in [
            "divide --size 10s",
            "concurrency --only spin --models threads --size 10s",
        ] {
            for _ in 0..3 {
                let mut child = start(&format!("{experiment} --in {place} --cpu 500m"));
                wait_until_it_runs(place, &mut child);
                signal(&child, Signal::KILL);
                child.wait().unwrap();
                assert_ne!(made_by(place, child.id()), [], "{experiment} in {place}");
                // As the next start does.
                clean_up(place.parse().unwrap()).unwrap();
                assert_eq!(made_by(place, child.id()), [], "{experiment} in {place}");
            }
        }
    }
}

#[test]
fn nothing_is_left_of_a_lab_that_was_interrupted() {
    let _alone = alone();
    for place in places() {
        let mut child = start(&format!("divide --size 10s --in {place} --cpu 500m"));
        wait_until_it_runs(place, &mut child);
        signal(&child, Signal::INT);
        let mut output = String::new();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_to_string(&mut output).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{place}: {output}");
        assert_eq!(made_by(place, child.id()), [], "{place}");
    }
}

#[track_caller]
fn check_refused(arguments: &str, status: i32, expected: &str) {
    let output = lab(arguments)
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .output()
        .unwrap();
    let errors = text(&output.stderr);
    assert!(errors.contains(expected), "{arguments}: {errors}");
    assert_eq!(output.status.code(), Some(status), "{arguments}: {errors}");
    assert_eq!(text(&output.stdout), "", "{arguments}");
}

#[test]
fn what_cannot_be_is_refused() {
    for experiment in ["divide", "concurrency"] {
        let check = |rest: &str, status, expected: &str| {
            check_refused(&format!("{experiment} {rest}"), status, expected);
        };
        check(
            "--in pod",
            2,
            "--in pod: the places are process, cgroup and docker",
        );
        check("--in cgroup --cpu 0.5m", 2, "--cpu 0.5m: ");
        check(
            "--in docker --cpu 500m",
            1,
            "the place docker cannot be used: no Docker engine answers",
        );
    }
    check_refused(
        "concurrency --cpu 500m",
        2,
        "--cpu needs --in cgroup or --in docker",
    );
}
