//! `millicore burn` as a user runs it: the real command, what it tells, and how it ends.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

fn millicore(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millicore"));
    command
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What it says, and how it ends.
#[track_caller]
fn ends(arguments: &str, expected_status: i32) -> (String, String) {
    let output = millicore(arguments).output().unwrap();
    let (says, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(
        output.status.code(),
        Some(expected_status),
        "{arguments}: {errors}"
    );
    (says.to_owned(), errors.to_owned())
}

#[test]
fn a_burner_tells_what_it_got() {
    let (says, _) = ends("burn --threads 2 --for 50ms --request 1ms --format json", 0);
    let burnt: Value = serde_json::from_str(&says).unwrap();
    assert_eq!(burnt["schema"], 1);
    assert_eq!(burnt["wall_s"], 0.05);
    assert_eq!(burnt["threads"].as_array().unwrap().len(), 2);
    assert_eq!(burnt["requests"]["size_s"], 0.001);
}

#[test]
fn requests_at_once_are_all_done() {
    let (says, _) = ends(
        "burn --threads 3 --request 1ms --at-once 7 --format json",
        0,
    );
    let burnt: Value = serde_json::from_str(&says).unwrap();
    assert_eq!(burnt["requests"]["count"], 7);
    let responses_s = burnt["requests"]["responses_s"].as_array().unwrap();
    assert_eq!(responses_s.len(), 7);
    assert!(burnt["cpu_s"].as_f64().unwrap() >= 0.007, "{burnt}");
}

#[test]
fn what_cannot_be_burnt_is_refused() {
    let (_, errors) = ends("burn --threads 0", 2);
    assert!(errors.contains("--threads 0: give a whole number from 1 to 1000"));
    let (_, errors) = ends("burn --at-once 3", 2);
    assert!(errors.contains("--request says how long each computes"));
    let (_, errors) = ends("burn --for 1ms --parent 0", 1);
    assert!(errors.contains("burn: process 0: "), "{errors}");
}

/// Whoever waits for a burner that can be begun has been told where.
fn listening() -> (Child, SocketAddr) {
    let mut burner = millicore("burn --listen 127.0.0.1:0").spawn().unwrap();
    let mut line = String::new();
    let output = burner.stdout.as_mut().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on ");
    (burner, address.unwrap().parse().unwrap())
}

#[test]
fn a_burner_that_nobody_wants_any_more_ends() {
    let (mut burner, address) = listening();
    drop(TcpStream::connect(address).unwrap());
    assert_eq!(burner.wait().unwrap().code(), Some(0));
}

#[test]
fn a_burner_ends_when_its_start_makes_no_sense() {
    let (burner, address) = listening();
    let mut connection = TcpStream::connect(address).unwrap();
    connection.write_all(b"begin\n").unwrap();
    let output = burner.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let expected = "burn: expected `start` and a time in nanoseconds, but got";
    assert!(text(&output.stderr).contains(expected));
}

#[test]
fn a_burner_without_an_end_tells_what_it_has_when_asked_to_stop() {
    let mut burner = millicore("burn --threads 2").spawn().unwrap();
    // Both signals are listened to before the first thread begins.
    let status = format!("/proc/{}/task", burner.id());
    while fs::read_dir(&status).map_or(0, Iterator::count) < 4
        && burner.try_wait().unwrap().is_none()
    {
        thread::yield_now();
    }
    kill_process(Pid::from_child(&burner), Signal::TERM).unwrap();
    let output = burner.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).contains("received"), "{output:?}");
}

#[test]
fn a_burner_ends_with_its_parent() {
    let mut parent = Command::new("sleep").arg("600").spawn().unwrap();
    let burner = millicore(&format!("burn --parent {}", parent.id()))
        .spawn()
        .unwrap();
    parent.kill().unwrap();
    parent.wait().unwrap();
    let output = burner.wait_with_output().unwrap();
    // Either it was there before its parent had ended and tells what it has, or there is no parent.
    let (says, errors) = (text(&output.stdout), text(&output.stderr));
    let has_told = output.status.success() && says.contains("received");
    assert!(has_told || errors.contains("burn: process "), "{errors}");
}
