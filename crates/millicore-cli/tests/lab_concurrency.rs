//! `millicore lab concurrency` as a user runs it: the real command, its servers, output and exit status.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::process::{Command, Output, Stdio};

fn millicore(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millicore"));
    command
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Three requests, of some milliseconds.
const BRIEF: &str = "lab concurrency --requests 3 --time 20ms --size 10ms";

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What a brief run prints, and the process that it was.
#[track_caller]
fn printed(arguments: &str) -> (String, u32) {
    let child = millicore(&format!("{BRIEF} {arguments}")).spawn().unwrap();
    let pid = child.id();
    let output = child.wait_with_output().unwrap();
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments}: {errors}");
    (text(&output.stdout).to_owned(), pid)
}

#[track_caller]
fn check_refused(arguments: &str, expected: &str) {
    let Output {
        status,
        stdout,
        stderr,
    } = millicore(&format!("lab concurrency {arguments}"))
        .output()
        .unwrap();
    let errors = text(&stderr);
    assert!(
        errors.contains(expected),
        "{arguments}: `{expected}` is not in: {errors}"
    );
    assert_eq!(status.code(), Some(2), "{arguments}: {errors}");
    assert_eq!(text(&stdout), "", "{arguments}");
}

/// One server of a report.
struct Server<'a>(&'a Value);

impl Server<'_> {
    fn name(&self) -> String {
        let more = ["workers", "policy"].map(|key| &self.0[key]);
        let more = more.iter().find(|value| !value.is_null());
        let more = more.map_or_else(String::new, |value| format!(" {value}"));
        format!("{}{more}", self.0["model"].as_str().unwrap()).replace('"', "")
    }

    fn responses(&self) -> &Vec<Value> {
        self.0["responses"].as_array().unwrap()
    }

    fn distinct(&self, key: &str) -> BTreeSet<u64> {
        let numbers = self.responses().iter().map(|it| it[key].as_u64());
        numbers.map(Option::unwrap).collect()
    }
}

#[test]
fn every_model_answers_as_it_is_made() {
    let (json, lab) = printed("--workers 2 --format json");
    let json: Value = serde_json::from_str(&json).unwrap();
    let parts = json["parts"].as_array().unwrap();
    let models = ["sync", "threads", "forks", "prefork 2"];
    let policies = ["fifo", "fair", "focus"].map(|policy| format!("scheduled {policy}"));
    let expected = [
        [
            models.map(str::to_owned).as_slice(),
            &["scheduled".to_owned()],
        ]
        .concat(),
        [models.map(str::to_owned).as_slice(), &policies].concat(),
    ];
    for (part, expected) in parts.iter().zip(expected) {
        let servers = part["servers"].as_array().unwrap();
        let names: Vec<String> = servers.iter().map(|it| Server(it).name()).collect();
        assert_eq!(names, expected);
        for server in servers.iter().map(Server) {
            check_server(&server, lab);
        }
    }
    let kinds: Vec<&Value> = parts.iter().map(|part| &part["kind"]).collect();
    assert_eq!(kinds, ["sleep", "spin"]);
}

/// Three responses, from as many processes and threads as the model has.
#[track_caller]
fn check_server(server: &Server<'_>, lab: u32) {
    let name = server.name();
    let requests: Vec<u64> = server
        .responses()
        .iter()
        .map(|it| it["request"].as_u64().unwrap())
        .collect();
    assert_eq!(requests, [1, 2, 3], "{name}");
    let (pids, parents) = (server.distinct("pid"), server.distinct("parent_pid"));
    let threads = server.distinct("thread_id");
    assert_eq!(server.0["processes"], pids.len(), "{name}");
    assert_eq!(server.0["threads"], threads.len(), "{name}");
    assert_eq!(parents.len(), 1, "{name}");
    let is_started_by_lab = parents.contains(&u64::from(lab));
    match server.0["model"].as_str().unwrap() {
        "sync" => assert_eq!((pids.len(), threads.len(), is_started_by_lab), (1, 1, true)),
        "threads" => assert_eq!((pids.len(), threads.len(), is_started_by_lab), (1, 3, true)),
        "forks" => assert_eq!(
            (pids.len(), threads.len(), is_started_by_lab),
            (3, 3, false)
        ),
        // Whether the second worker was in time for any depends on the machine.
        "prefork" => assert!((1..=2).contains(&pids.len()) && !is_started_by_lab),
        // On the threads that never compute.
        _ => assert_eq!((pids.len(), is_started_by_lab), (1, true)),
    }
}

#[test]
fn the_table_fits_eighty_columns() {
    let (table, _) = printed("--models sync,forks,scheduled --repeat 2");
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
    // A lane for each response of three servers, then five.
    let lanes = table.lines().filter(|line| line.ends_with('|'));
    assert_eq!(lanes.count(), 3 * (3 + 5), "{table}");
}

#[test]
fn responses_are_listed_as_they_came_or_as_they_were_asked_for() {
    for order in ["sent", "completed"] {
        let arguments = format!("--only sleep --models sync --format csv --order {order}");
        let (csv, _) = printed(&arguments);
        let rows: Vec<Vec<&str>> = csv.lines().map(|row| row.split(',').collect()).collect();
        let column = |name| rows[0].iter().position(|it| *it == name).unwrap();
        let column = match order {
            "sent" => column("request"),
            _ => column("response_s"),
        };
        let values = rows[1..].iter().map(|row| row[column].parse().unwrap());
        let values: Vec<f64> = values.collect();
        assert_eq!(values.len(), 3, "{csv}");
        assert!(values.is_sorted(), "{csv}");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    check_refused(
        "--requests 0",
        "--requests 0: give a whole number from 1 to 1000",
    );
    check_refused("--time 61s", "--time 61s: give 1ms to 60s");
    check_refused("--size 1500us", "--size 1500us: give whole milliseconds");
    check_refused("--models async", "unknown concurrency model \"async\"");
    check_refused("--policy lifo", "--policy lifo: ");
    check_refused("--policy fifo,fifo", "--policy names fifo twice");
    check_refused(
        "--workers 0",
        "--workers 0: give a whole number from 1 to 1000",
    );
    check_refused("--cores 0", "--cores 0: give a whole number from 1 to ");
    check_refused("--only nap", "--only nap: the known ones are sleep, spin");
    check_refused(
        "--order up",
        "--order up: the known ones are sent, completed",
    );
    check_refused("--format xml", "[possible values: table, json, csv]");
}

/// The children of a process.
fn children(parent: i32) -> Vec<Pid> {
    let is_child = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // After the name, in which anything can be: the state, then the parent.
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        after_name.split_whitespace().nth(1) == Some(&parent.to_string())
    };
    let entries = fs::read_dir("/proc").unwrap().map(Result::unwrap);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(is_child).filter_map(Pid::from_raw).collect()
}

fn watch(pid: Pid) -> OwnedFd {
    pidfd_open(pid, PidfdFlags::empty()).unwrap()
}

#[track_caller]
fn check_has_ended(process: &OwnedFd) {
    let timeout = Timespec {
        tv_sec: 60,
        tv_nsec: 0,
    };
    let mut ended = [PollFd::new(process, PollFlags::IN)];
    assert_eq!(
        poll(&mut ended, Some(&timeout)),
        Ok(1),
        "one is left behind"
    );
}

/// A run that would take minutes is sent a signal while a server has the requests.
#[track_caller]
fn check_leaves_nobody(signal: Signal, expected: Option<i32>) {
    let minutes = "lab concurrency --only sleep --time 60s --models prefork --workers 3";
    let mut lab = millicore(minutes).spawn().unwrap();
    let mut errors = BufReader::new(lab.stderr.take().unwrap()).lines();
    let server = errors.find_map(|line| {
        let line = line.unwrap();
        line.rsplit_once(", process ")?.1.parse::<i32>().ok()
    });
    let server = server.unwrap();
    let mut processes = children(server);
    assert_eq!(processes.len(), 3, "the workers");
    processes.push(Pid::from_raw(server).unwrap());
    let processes: Vec<OwnedFd> = processes.into_iter().map(watch).collect();
    let pid = i32::try_from(lab.id()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    processes.iter().for_each(check_has_ended);
    assert_eq!(lab.wait().unwrap().code(), expected);
}

#[test]
fn nobody_is_left_when_the_lab_is_killed() {
    check_leaves_nobody(Signal::KILL, None);
}

#[test]
fn nobody_is_left_when_the_lab_is_interrupted() {
    check_leaves_nobody(Signal::INT, Some(130));
}

#[test]
fn a_server_does_not_wait_for_the_end_of_a_stranger() {
    let output = millicore("serve --bind 127.0.0.1:0 --parent 2147483647")
        .output()
        .unwrap();
    let errors = text(&output.stderr);
    assert!(
        errors.contains("not 2147483647, which may have ended already"),
        "{errors}"
    );
    assert_eq!(output.status.code(), Some(1), "{errors}");
}
