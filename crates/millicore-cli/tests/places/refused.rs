//! What a place cannot do, and places that cannot be used: one sentence that says why, and the place
//! `process` works all the same.

use crate::{MILLICORE, cannot_be_tested, millicore, places, text};
use rustix::process::geteuid;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, id};
use std::thread;

/// The last line says it; a lab may have said before what it is about to do.
#[track_caller]
fn check(mut command: Command, status: i32, expected: &str) {
    let output = command.output().unwrap();
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{command:?}: {errors}");
    assert_eq!(text(&output.stdout), "", "{command:?}");
    let said: Vec<&str> = errors.lines().filter(|it| it.contains("error: ")).collect();
    let [said] = said.as_slice() else {
        panic!("{command:?}: {errors}");
    };
    assert!(said.contains(expected), "{command:?}: {said}");
}

/// Nothing is said before that.
#[track_caller]
fn check_unusable(mut command: Command, status: i32, expected: &str) {
    let output = command.output().unwrap();
    let errors = text(&output.stderr);
    assert_eq!(errors.lines().count(), 1, "{errors}");
    check(command, status, expected);
}

const EXPERIMENTS: [&str; 3] = ["divide", "concurrency", "saturate"];

#[test]
fn no_such_place_and_no_such_limit() {
    for experiment in EXPERIMENTS {
        let check = |rest: &str, expected: &str| {
            check(millicore(&format!("lab {experiment} {rest}")), 2, expected);
        };
        check("--in pod", "--in pod: ");
        check("--in cgroup --cpu 0.5m", "--cpu 0.5m: ");
        check("--in cgroup --cpu 0", "is no CPU at all");
    }
    check(
        millicore("lab concurrency --cpu 500m"),
        2,
        "--cpu needs --in cgroup or --in docker",
    );
}

#[test]
fn a_limit_below_what_the_kernel_takes_names_the_smallest_and_how_to_get_a_smaller_one() {
    for expected in [
        "10m is the smallest limit there",
        "a longer period takes a smaller one, down to 1m in 1s",
        "Kubernetes and Docker's --cpus stay at 100ms and 10m",
    ] {
        let command = millicore("quota run --cpu 9m --period 100ms -- true");
        check(command, 2, expected);
    }
}

#[test]
fn a_limit_above_the_one_around_it_names_both() {
    if !places().contains(&"cgroup") {
        return;
    }
    let check = |inner: &str, status: i32| {
        let outer = "quota run --cpu 300m --output /dev/null";
        let command = millicore(&format!("{outer} -- {MILLICORE} {inner}"));
        check(command, status, "is more than the 300m there");
    };
    check("quota run --cpu 301m -- true", 125);
    for experiment in EXPERIMENTS {
        check(&format!("lab {experiment} --in cgroup --cpu 301m"), 1);
    }
}

#[test]
fn more_than_the_machine_of_an_engine_has() {
    if places().contains(&"docker") {
        let command = millicore("lab divide --in docker --cpu 100000");
        check(command, 1, "is more than its machine has; ask for up to ");
    }
}

#[test]
fn no_engine() {
    for experiment in EXPERIMENTS {
        let mut command = millicore(&format!("lab {experiment} --in docker --cpu 500m"));
        command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
        let why = "the place docker cannot be used: no Docker engine answers at \
                   unix:///nowhere/docker.sock";
        check_unusable(command, 1, why);
    }
}

/// An engine that answers some questions and refuses all others in these words; gone with the test.
fn engine_that_refuses(label: &str, answers: &'static [(&str, &str)], words: &str) -> PathBuf {
    let path = scratch(label);
    let listener = UnixListener::bind(&path).unwrap();
    let refusal = format!(r#"{{"message":"{words}"}}"#);
    thread::spawn(move || {
        for connection in listener.incoming() {
            answer(&connection.unwrap(), answers, &refusal);
        }
    });
    path
}

fn answer(connection: &UnixStream, answers: &[(&str, &str)], refusal: &str) {
    let mut lines = BufReader::new(connection).lines().map_while(Result::ok);
    let Some(question) = lines.next() else {
        return;
    };
    // The rest of the head; what follows it changes no answer here.
    lines.find(String::is_empty);
    let known = answers.iter().find(|(known, _)| question.contains(known));
    let (status, body) = known.map_or(("403 Forbidden", refusal), |it| ("200 OK", it.1));
    let length = body.len();
    let head = "Content-Type: application/json\r\nConnection: close";
    let answer = format!("HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}");
    let mut connection = connection;
    // Who asked may have left, and says so himself.
    let _ = connection.write_all(answer.as_bytes());
}

/// A path of this test alone.
fn scratch(label: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("millicore-test-{}-{label}", id()));
    let _ = fs::remove_file(&path);
    path
}

#[test]
fn an_engine_that_refuses() {
    let check_with = |label: &str, answers, expected: &str| {
        let socket = engine_that_refuses(label, answers, "denied by policy 7");
        for experiment in EXPERIMENTS {
            let mut command = millicore(&format!("lab {experiment} --in docker --cpu 500m"));
            command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
            check(command, 1, expected);
        }
        fs::remove_file(socket).unwrap();
    };
    check_with("all", &[], "the Docker engine refuses (denied by policy 7)");
    const QUESTIONS: &[(&str, &str)] = &[
        ("/version", r#"{"Version":"20.10","ApiVersion":"1.41"}"#),
        ("/info", r#"{"NCPU":2,"CgroupVersion":"1"}"#),
        ("GET /v1.41/containers/json", "[]"),
        ("GET /v1.41/images/json", "[]"),
    ];
    check_with("some", QUESTIONS, "denied by policy 7");
}

/// The command, where a user without any right can execute it.
struct Copy(PathBuf);

impl Copy {
    fn new() -> Self {
        let path = scratch("command");
        fs::copy(MILLICORE, &path).unwrap();
        Self(path)
    }

    /// By a user who owns nothing.
    fn run(&self, arguments: &str) -> Command {
        const NOBODY: u32 = 65_534;
        let mut command = Command::new(&self.0);
        command
            .args(arguments.split_whitespace())
            .current_dir(Path::new("/"))
            .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
            .uid(NOBODY)
            .gid(NOBODY);
        command
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn no_right_to_make_a_group() {
    if !geteuid().is_root() {
        return cannot_be_tested("only root can run a command as another user");
    }
    let copy = Copy::new();
    let why = "the place cgroup cannot be used: ";
    check_unusable(copy.run("quota run --cpu 500m -- true"), 125, why);
    for experiment in EXPERIMENTS {
        let arguments = format!("lab {experiment} --in cgroup --cpu 500m");
        check_unusable(copy.run(&arguments), 1, why);
    }
    let process = "lab divide --in process --cpu 500m --size 20ms --repeat 1 --format csv";
    let output = copy.run(process).output().unwrap();
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert!(text(&output.stdout).contains("fifo"));
    let shown = copy.run("quota show").output().unwrap();
    assert_eq!(shown.status.code(), Some(0));
}
