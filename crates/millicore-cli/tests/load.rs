//! `millicore load` as a user runs it: the real command, its output and its exit status.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// A server that answers `ok` to everything but `/silence`, and its address. It tells of each
/// request.
fn server() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let tell = tell.clone();
            thread::spawn(move || serve(&stream.unwrap(), &tell));
        }
    });
    (url, told)
}

fn serve(stream: &TcpStream, tell: &Sender<String>) {
    let mut path = String::new();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        match line.as_str() {
            "" if path != "/silence" => {
                let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                (&mut &*stream).write_all(text.as_bytes()).unwrap();
            }
            line if line.ends_with(" HTTP/1.1") => {
                path = line.split(' ').nth(1).unwrap().to_owned();
                // The test may have ended.
                let _ = tell.send(path.clone());
            }
            _ => {}
        }
    }
}

fn command(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_millicore"))
        .arg("load")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Runs it, and gives what it printed on standard output and on standard error.
#[track_caller]
fn check(arguments: &[&str], expected_status: i32) -> (String, String) {
    let output: Output = command(arguments).wait_with_output().unwrap();
    let (printed, errors) = (text(&output.stdout), text(&output.stderr));
    let status = output.status.code();
    assert_eq!(
        status,
        Some(expected_status),
        "{arguments:?}: {printed}{errors}"
    );
    (printed.to_owned(), errors.to_owned())
}

#[test]
fn each_format_reports_the_run() {
    let (url, _told) = server();
    let (table, errors) = check(&[&url, "-n", "20", "-c", "2"], 0);
    assert!(
        table.starts_with("20 requests, 2 at a time, HTTP/1.1, timeout 30s\n"),
        "{table}"
    );
    assert!(
        table.contains("20 asked, 20 sent, 20 ok, 0 failed"),
        "{table}"
    );
    assert_eq!(errors, "");
    let (json, _) = check(&[&url, "--at-once", "10", "--format", "json"], 0);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["schema"], &json["ok"]),
        (&Value::from(1), &Value::from(10))
    );
    assert!(
        json["spread_s"].is_f64() && json["rate_per_s"].is_f64(),
        "{json}"
    );
    for figure in ["mean", "p50", "p90", "p99", "max"] {
        assert!(json["latency_s"][figure].is_f64(), "{figure}");
    }
    assert_eq!(json["requests"].as_array().unwrap().len(), 10);
    let (csv, _) = check(&[&url, "-n", "1500", "--format", "csv"], 0);
    assert_eq!(csv.lines().count(), 1501, "a header and every request");
}

#[test]
fn many_requests_are_not_listed_and_that_is_said() {
    let (url, _told) = server();
    let (json, _) = check(&[&url, "-n", "1001", "--format", "json"], 0);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["requests_left_out"], 1001);
    assert_eq!(json["requests"], Value::Array(Vec::new()));
    assert!(
        json["notes"]
            .to_string()
            .contains("1001 requests are not listed")
    );
}

#[test]
fn a_missed_expectation_is_exit_status_3() {
    let (url, _told) = server();
    let run = |expect| ["-n", "5", "--expect", expect, url.as_str()];
    let (table, _) = check(&run("ok=5,failed<1%"), 0);
    assert!(table.contains("met: 5"), "{table}");
    let (table, errors) = check(&run("ok=5,p99<1ns"), 3);
    assert!(table.contains("expected  p99<1ns  MISSED: "), "{table}");
    assert!(
        errors.starts_with("expected p99<1ns, measured "),
        "{errors}"
    );
}

#[test]
fn a_run_without_an_answer_is_exit_status_1() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (table, errors) = check(&[&url, "-n", "3"], 1);
    assert!(table.contains("3 refused"), "{table}");
    assert_eq!(errors, "error: load: nothing was answered: refused\n");
    check(&["http://nowhere.invalid/"], 1);
}

#[test]
fn bad_usage_is_exit_status_2() {
    let check_refused = |arguments: &[&str], expected: &str| {
        let (printed, errors) = check(arguments, 2);
        assert!(errors.contains(expected), "{errors}");
        assert_eq!(printed, "");
    };
    let url = "http://127.0.0.1:1/";
    check_refused(&[], "give a URL, such as http://localhost:8080/");
    check_refused(&["https://127.0.0.1/"], "TLS belongs to the proxy");
    check_refused(&["localhost:8080"], "a URL begins with http://");
    check_refused(&[url, "-n", "-1"], "-n -1: give a whole number from 1 to");
    check_refused(
        &[url, "--at-once", "5", "-n", "5"],
        "--at-once does not go with -n",
    );
    check_refused(
        &[url, "--rate", "5", "-c", "5"],
        "--rate does not go with -c",
    );
    check_refused(&[url, "--expect", "p99"], "--expect p99: an expectation is");
    check_refused(
        &[url, "--body", "@/nowhere"],
        "--body @/nowhere: No such file",
    );
    check_refused(&[url, "--url", "http://a/"], "a weighted URL is WEIGHT=URL");
    check_refused(
        &[url, "--format", "xml"],
        "[possible values: table, json, csv]",
    );
}

#[test]
fn an_interrupt_reports_what_was_done() {
    let (url, told) = server();
    let silent = format!("1={url}/silence");
    let flags = [
        "--url",
        silent.as_str(),
        "--rate",
        "1000",
        "--duration",
        "3600s",
    ];
    let child = command(&[&[url.as_str(), "--format", "json"], &flags[..]].concat());
    let first_two = [told.recv().unwrap(), told.recv().unwrap()];
    assert!(first_two.contains(&"/silence".to_owned()), "{first_two:?}");
    kill_process(
        Pid::from_raw(child.id().try_into().unwrap()).unwrap(),
        Signal::INT,
    )
    .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    let json: Value = serde_json::from_str(text(&output.stdout)).unwrap();
    assert_eq!(json["stopped"], true);
    assert!(
        json["failed"]["interrupted"].as_u64().unwrap() >= 1,
        "{json}"
    );
    assert!(json["ok"].as_u64().unwrap() >= 1, "{json}");
}

/// With sixteen descriptors some of a hundred connections cannot be opened: their requests fail, the
/// others do not, and the report says why.
#[test]
fn running_out_of_descriptors_is_said() {
    let (url, _told) = server();
    let script = r#"ulimit -n 16; exec "$0" load "$1" --at-once 100 --format json"#;
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_millicore"), &url])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let json: Value = serde_json::from_str(text(&output.stdout)).unwrap();
    let (ok, lost) = (
        json["ok"].as_u64().unwrap(),
        json["failed"]["descriptors"].as_u64().unwrap(),
    );
    assert!(ok > 0 && ok + lost == 100, "{json}");
    assert_eq!(json["sent"], ok);
    let notes = json["notes"].to_string();
    assert!(
        notes.contains("found no descriptor for a connection: this process may have 16"),
        "{notes}"
    );
}

#[test]
fn the_body_can_come_from_a_file() {
    let (url, _told) = server();
    let manifest = concat!("@", env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let (json, _) = check(
        &[&url, "-n", "1", "--body", manifest, "--format", "json"],
        0,
    );
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["method"], &json["ok"]),
        (&Value::from("POST"), &Value::from(1))
    );
}
