//! `millicore lab fork` as a user runs it: the real command, its processes, output and exit status.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use rustix::thread::sched_getaffinity;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Lines, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};

fn fork(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millicore"));
    command
        .args(["lab", "fork"])
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[track_caller]
fn printed(arguments: &str) -> String {
    let output = fork(arguments).output().unwrap();
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments}: {errors}");
    text(&output.stdout).to_owned()
}

#[track_caller]
fn check_refused(arguments: &str, expected: &str) {
    let Output {
        status,
        stdout,
        stderr,
    } = fork(arguments).output().unwrap();
    let errors = text(&stderr);
    assert!(
        errors.contains(expected),
        "{arguments}: `{expected}` is not in: {errors}"
    );
    assert_eq!(status.code(), Some(2), "{arguments}: {errors}");
    assert_eq!(text(&stdout), "", "{arguments}");
}

/// Whether the log is that of a tree that doubled twice: each child began in the round after that in
/// which its parent forked it, and everybody has computed in every round since.
#[track_caller]
fn check_tree(csv: &str, root_parent: u32) {
    let rows: Vec<Vec<&str>> = csv.lines().map(|row| row.split(',').collect()).collect();
    let header = [
        "seconds",
        "round",
        "pid",
        "parent_pid",
        "event",
        "child_pid",
    ];
    assert_eq!(rows[0], header);
    assert_eq!(rows.len(), 1 + 2 * (1 + 2 + 4) + (1 + 2), "{csv}");
    let named = |name: &'static str| rows.iter().filter(move |row| row[4] == name);
    let mut rounds = BTreeMap::<&str, BTreeSet<&str>>::new();
    for row in named("computed") {
        assert!(rounds.entry(row[2]).or_default().insert(row[1]), "{csv}");
    }
    assert_eq!(rounds.len(), 4, "{csv}");
    let root = named("started").next().unwrap();
    assert_eq!(root[3], root_parent.to_string(), "{csv}");
    assert_eq!(rounds[root[2]], BTreeSet::from(["0", "1", "2"]));
    for fork in named("forked") {
        let [round, parent, child] = [fork[1], fork[2], fork[5]];
        let start = named("started").find(|row| row[2] == child).unwrap();
        let next: u32 = round.parse::<u32>().unwrap() + 1;
        assert_eq!((start[1], start[3]), (next.to_string().as_str(), parent));
        let since: BTreeSet<String> = (next..=2).map(|round| round.to_string()).collect();
        assert!(rounds[child].iter().copied().eq(&since), "{csv}");
    }
    let seconds: Vec<f64> = rows[1..]
        .iter()
        .map(|row| row[0].parse().unwrap())
        .collect();
    assert!(seconds.is_sorted(), "{csv}");
}

#[test]
fn processes_double() {
    let child = fork("--number 2000 --rounds 2 --format csv")
        .spawn()
        .unwrap();
    let command = child.id();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    check_tree(text(&output.stdout), command);
}

#[test]
fn threads_double() {
    let arguments = "--number 2000 --rounds 2 --format csv --with threads";
    let child = fork(arguments).spawn().unwrap();
    let command = child.id();
    let output = child.wait_with_output().unwrap();
    check_tree(text(&output.stdout), command);
}

#[test]
fn the_log_is_told_while_they_run() {
    let output = fork("--number 200 --rounds 1").output().unwrap();
    let lines: Vec<&str> = text(&output.stderr).lines().collect();
    assert_eq!(lines.len(), 2 + 2 * 3 + 1, "{lines:?}");
    assert!(lines[0].starts_with("200! by the naive product, 1 round of doubling processes on "));
    let columns: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(columns, ["seconds", "round", "id", "parent", "event"]);
    assert!(lines[2].ends_with("started"), "{lines:?}");
}

#[test]
fn the_table_fits_eighty_columns() {
    for with in ["forks", "threads"] {
        let table = printed(&format!("--number 2000 --with {with}"));
        assert!(
            table.lines().all(|line| line.chars().count() <= 80),
            "{table}"
        );
        // A line of the picture for each of the eight.
        let picture = table.lines().filter(|line| line.ends_with('|'));
        assert_eq!(picture.count(), 8, "{table}");
    }
}

#[test]
fn json_has_the_documented_shape() {
    let json = printed("--number 2000 --rounds 2 --cores 1 --format json");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["schema"], &json["cores"]), (&1.into(), &1.into()));
    assert!(json["machine"].is_object());
    let rounds = json["rounds"].as_array().unwrap();
    let members: Vec<u64> = rounds
        .iter()
        .filter_map(|it| it["processes"].as_u64())
        .collect();
    assert_eq!(members, [1, 2, 4]);
    let one_s = json["one_s"].as_f64().unwrap();
    for (round, members) in rounds.iter().zip([1.0, 2.0, 4.0]) {
        // On one core there is one bound.
        let bounds = ["perfect_sharing_s", "whole_rounds_s"];
        for bound in bounds.map(|bound| round[bound].as_f64().unwrap()) {
            assert!((bound - members * one_s).abs() < 1e-9, "{round}");
        }
        assert!(round["predicted_fair_s"].is_f64() && round["cpu_s"].is_f64());
    }
    assert_eq!(json["forks"].as_array().unwrap().len(), 3);
    assert_eq!(json["events"].as_array().unwrap().len(), 17);
}

#[test]
fn the_case_of_the_article_is_simulated() {
    let json = printed("--simulate --cores 6 --one 9.6s --format json");
    let json: Value = serde_json::from_str(&json).unwrap();
    let last = &json["rounds"][3];
    assert_eq!(last["processes"], 8);
    assert_eq!(last["perfect_sharing_s"], 12.8);
    assert_eq!(last["whole_rounds_s"], 19.2);
    assert_eq!(last["predicted_fair_s"], 12.8);
    assert_eq!(last["predicted_fifo_s"], 19.2);
    assert_eq!(json["article"]["duration_s"][3], 13.97);
    let table = printed("--simulate --cores 6 --one 9.6s --overhead 366us");
    let flowing = table.replace('\n', " ");
    assert!(
        flowing.contains("The article measured 13.97s") && flowing.contains("takes 13.97s."),
        "{table}"
    );
    assert!(!printed("--simulate --cores 4 --format table").contains("article"));
}

#[test]
fn what_cannot_be_is_refused() {
    check_refused(
        "--number 0",
        "--number 0: give a whole number from 1 to 1000000",
    );
    check_refused("--rounds 0", "--rounds 0: give a whole number from 1 to 6");
    check_refused("--rounds 7", "--rounds 7: give a whole number from 1 to 6");
    check_refused(
        "--cores 100000",
        "--cores 100000: give a whole number from 1 to ",
    );
    check_refused(
        "--with fibers",
        "--with fibers: the known ones are forks, threads",
    );
    check_refused("--one 9.6s", "--simulate");
    check_refused("--simulate --number 5", "cannot be used with");
    check_refused("--simulate --with forks", "cannot be used with");
    check_refused(
        "--simulate --one soon",
        "--one soon: a duration is a number",
    );
    check_refused("--format xml", "[possible values: table, json, csv]");
}

/// A run that would take minutes, once its first process has forked.
struct Run {
    command: Child,
    log: Lines<BufReader<ChildStderr>>,
    /// The first process, and the child of it.
    pids: [Pid; 2],
    /// Readable once they have ended.
    ends: [OwnedFd; 2],
}

impl Run {
    fn new(arguments: &str) -> Self {
        let mut command = fork(arguments).spawn().unwrap();
        let mut log = BufReader::new(command.stderr.take().unwrap()).lines();
        let line = log.find_map(|line| Some(line.unwrap()).filter(|it| it.contains(" forked ")));
        let line = line.unwrap();
        let fields: Vec<&str> = line.split_whitespace().collect();
        let pids = [fields[2], fields[5]].map(|pid| Pid::from_raw(pid.parse().unwrap()).unwrap());
        let ends = pids.map(|pid| pidfd_open(pid, PidfdFlags::empty()).unwrap());
        Self {
            command,
            log,
            pids,
            ends,
        }
    }

    fn kill_command(&self, signal: Signal) {
        let pid = i32::try_from(self.command.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// The exit status and the rest of the log, once all three processes have ended.
    fn end(mut self) -> (ExitStatus, String) {
        for end in &self.ends {
            let timeout = Timespec {
                tv_sec: 60,
                tv_nsec: 0,
            };
            let mut ended = [PollFd::new(end, PollFlags::IN)];
            assert_eq!(
                poll(&mut ended, Some(&timeout)),
                Ok(1),
                "one is left behind"
            );
        }
        let rest: Vec<String> = self.log.map(Result::unwrap).collect();
        let mut output = String::new();
        let mut stdout = self.command.stdout.take().unwrap();
        stdout.read_to_string(&mut output).unwrap();
        assert_eq!(output, "");
        (self.command.wait().unwrap(), rest.join("\n"))
    }
}

const MINUTES: &str = "--number 100000 --rounds 6";

#[test]
fn nobody_is_left_when_the_first_process_is_killed() {
    let run = Run::new(MINUTES);
    let root = run.pids[0];
    kill_process(root, Signal::KILL).unwrap();
    let (status, log) = run.end();
    assert_eq!(status.code(), Some(1), "{log}");
    let expected = format!("process {} was killed by signal 9; ", root.as_raw_nonzero());
    assert!(
        log.contains(&expected) && log.contains(" of 127 factorials computed"),
        "{log}"
    );
}

#[test]
fn nobody_is_left_when_the_command_is_killed() {
    for signal in [Signal::KILL, Signal::INT] {
        let run = Run::new(MINUTES);
        run.kill_command(signal);
        let (status, log) = run.end();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{log}");
    }
}

#[test]
fn a_child_that_is_killed_is_told_by_its_parent() {
    let run = Run::new("--number 60000 --rounds 1");
    let child = run.pids[1];
    kill_process(child, Signal::KILL).unwrap();
    let (status, log) = run.end();
    assert_eq!(status.code(), Some(1), "{log}");
    let expected = format!(
        "process {} was killed by signal 9; ",
        child.as_raw_nonzero()
    );
    assert!(
        log.contains(&expected) && log.contains("2 of 3 factorials computed"),
        "{log}"
    );
}

#[test]
fn processes_keep_to_their_cores() {
    let run = Run::new(&format!("{MINUTES} --cores 1"));
    for pid in run.pids {
        assert_eq!(sched_getaffinity(Some(pid)).unwrap().count(), 1);
    }
    kill_process(run.pids[0], Signal::KILL).unwrap();
    run.end();
}
