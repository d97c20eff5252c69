//! `millicore serve` as a user runs it: what it refuses, what it prints, and that it serves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::{env, fs};

/// The command with a clean environment, and these variables: `NAME=value`.
fn serve(variables: &[&str], arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millicore"));
    command.arg("serve").args(arguments.split_whitespace());
    for (name, _) in env::vars_os() {
        let is_read = |name: &str| name.starts_with("MILLICORE_") || name == "WEB_CONCURRENCY";
        if name.to_str().is_some_and(is_read) {
            command.env_remove(name);
        }
    }
    command.envs(variables.iter().map(|it| it.split_once('=').unwrap()));
    command.stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[track_caller]
fn check_refused(variables: &[&str], arguments: &str, expected: &str) {
    check_fails(variables, arguments, 2, expected);
}

#[track_caller]
fn check_fails(variables: &[&str], arguments: &str, status: i32, expected: &str) {
    let output = serve(variables, arguments).output().unwrap();
    let errors = text(&output.stderr);
    assert!(
        errors.contains(expected),
        "{arguments}: `{expected}` is not in: {errors}"
    );
    assert_eq!(output.status.code(), Some(status), "{arguments}: {errors}");
    assert_eq!(text(&output.stdout), "", "{arguments}");
}

fn succeed(variables: &[&str], arguments: &str) -> Output {
    let output = serve(variables, arguments).output().unwrap();
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments}: {errors}");
    output
}

/// What `--print-config` says, without the sources.
#[track_caller]
fn check_printed(variables: &[&str], arguments: &str, expected: &str) {
    let output = succeed(variables, &format!("{arguments} --print-config"));
    let printed = text(&output.stdout);
    let is_there = printed.lines().any(|line| line == expected);
    assert!(is_there, "{arguments}: `{expected}` is not in:\n{printed}");
}

/// A file in the directory that cargo keeps for tests.
fn file(name: &str, content: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).unwrap();
    path
}

#[test]
fn help_shows_every_option_with_its_default_and_its_variable() {
    let output = succeed(&[], "--help");
    let help = text(&output.stdout)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    for expected in [
        "--bind <ADDRESS>",
        "[default: 127.0.0.1:8000] [env: MILLICORE_BIND]",
        "[default: 30s] [env: MILLICORE_GRACEFUL_TIMEOUT]",
        "[model: forks] [default: 40] [env: MILLICORE_MAX_CHILDREN]",
        "[default: fair] [env: MILLICORE_POLICY]",
        "[env: MILLICORE_CONFIG]",
        "--no-keep-alive",
    ] {
        assert!(help.contains(expected), "`{expected}` is not in: {help}");
    }
}

#[test]
fn an_option_of_another_model_is_refused() {
    check_refused(
        &[],
        "--model forks --max-threads 4",
        "--max-threads 4: the model is --model forks, and max-threads is an option of threads",
    );
    check_refused(
        &[],
        "--model threads --max-children 4",
        "threads has --max-threads",
    );
    check_refused(
        &[],
        "--workers 4",
        "scheduled, the default, and workers is an option of prefork",
    );
    check_refused(
        &[],
        "--model sync --policy fifo",
        "policy is an option of scheduled",
    );
    check_refused(
        &["MILLICORE_MAX_CHILDREN=4"],
        "--model threads",
        "MILLICORE_MAX_CHILDREN=4 in the environment: the model is --model threads",
    );
    let path = file("model.toml", "model = \"sync\"\n\nworkers = 3\n");
    let expected = "workers = 3 in ";
    check_refused(&[], &format!("--config {}", path.display()), expected);
    check_refused(
        &[],
        &format!("--config {}", path.display()),
        "model.toml, line 3: the model is",
    );
}

#[test]
fn a_bad_value_is_refused_with_the_place_where_it_stands() {
    check_refused(&[], "--queue x", "--queue x: it must be a whole number");
    check_refused(
        &["MILLICORE_QUEUE=x"],
        "",
        "MILLICORE_QUEUE=x in the environment: it must be",
    );
    let path = file("value.toml", "# a comment\nqueue = \"x\"\n");
    let file_argument = format!("--config {}", path.display());
    check_refused(
        &[],
        &file_argument,
        "value.toml, line 2: it must be a whole number",
    );
    let variable = format!("MILLICORE_CONFIG={}", path.display());
    check_refused(
        &[&variable],
        "",
        "value.toml, line 2: it must be a whole number",
    );
    check_refused(&[], "--bind 8000", "give HOST:PORT such as 127.0.0.1:8000");
    check_refused(&[], "--queue 1 --queue 2", "cannot be used multiple times");
    check_refused(
        &["WEB_CONCURRENCY=x"],
        "--model prefork",
        "WEB_CONCURRENCY=x in the environment",
    );
    check_refused(
        &[],
        "--timeout 30",
        "--request-timeout is how long a request may take",
    );
    check_refused(&[], "--check-config --print-config", "cannot be used with");
}

#[test]
fn a_bad_file_is_refused() {
    let check_file = |content: &str, expected: &str| {
        let path = file("bad.toml", content);
        check_refused(
            &[],
            &format!("--check-config --config {}", path.display()),
            expected,
        );
    };
    check_file(
        "worker = 3\n",
        "bad.toml, line 1: \"worker\" is no option; did you mean \"workers\"?",
    );
    check_file("queue = \n", "bad.toml, line 1: ");
    check_file(
        "queue = [1, 2]\n",
        "bad.toml, line 1: queue: it has one value, not a list",
    );
    let missing = "--check-config --config nonexistent.toml";
    check_fails(
        &[],
        missing,
        1,
        "nonexistent.toml: No such file or directory",
    );
}

#[test]
fn the_command_line_goes_before_the_environment_and_that_before_the_file() {
    let path = file(
        "layers.toml",
        "queue = 1\nbacklog = 1\nmax-headers = 1\nbind = [\"a:1\"]\n",
    );
    let arguments = format!("--config {} --queue 3 -b c:1 -b c:2", path.display());
    let variables = [
        "MILLICORE_QUEUE=2",
        "MILLICORE_BACKLOG=2",
        "MILLICORE_BIND=b:1",
    ];
    check_printed(&variables, &arguments, "queue = 3  # --queue");
    check_printed(&variables, &arguments, "backlog = 2  # MILLICORE_BACKLOG");
    let from_file = format!("max-headers = 1  # {}, line 3", path.display());
    check_printed(&variables, &arguments, &from_file);
    check_printed(
        &variables,
        &arguments,
        "bind = [\"c:1\", \"c:2\"]  # --bind",
    );
    check_printed(&variables, &arguments, "policy = \"fair\"");
}

#[test]
fn a_platform_can_say_how_many_workers_there_are() {
    let platform = &["WEB_CONCURRENCY=3"];
    check_printed(
        platform,
        "--model prefork",
        "workers = 3  # WEB_CONCURRENCY",
    );
    check_printed(
        platform,
        "--model prefork --workers 4",
        "workers = 4  # --workers",
    );
    let own = &["WEB_CONCURRENCY=3", "MILLICORE_WORKERS=5"];
    check_printed(own, "--model prefork", "workers = 5  # MILLICORE_WORKERS");
    check_printed(platform, "--model sync", "model = \"sync\"  # --model");
}

#[test]
fn what_is_printed_can_be_read_again() {
    let arguments = "--policy srpt/one --tenant a=1 --tenant b=2:400m --no-keep-alive --bind a:0 \
                     --cpu 1.5 --access-log - --max-body 8MiB --idle-timeout 1.5";
    let first = succeed(&[], &format!("{arguments} --print-config"));
    let path = file("printed.toml", text(&first.stdout));
    let second = succeed(&[], &format!("--config {} --print-config", path.display()));
    let settings = |output: &Output| -> Vec<String> {
        let lines = text(&output.stdout).lines();
        lines
            .map(|line| line.split("  # ").next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(settings(&first), settings(&second));
    assert!(settings(&first).contains(&"keep-alive = false".to_owned()));
}

#[test]
fn a_valid_configuration_is_called_so() {
    let output = succeed(&[], "--check-config --model forks --max-children 3");
    let errors = text(&output.stderr);
    let expected = "the settings are valid: model forks, at most 3 processes; CPU limit ";
    assert!(errors.starts_with(expected), "{errors}");
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn a_misspelt_variable_is_warned_about() {
    let variables = ["MILLICORE_POLCY=fifo", "MILLICORE_PORT=tcp://10.0.0.1:80"];
    let output = succeed(&variables, "--check-config");
    let warnings: Vec<&str> = text(&output.stderr)
        .lines()
        .filter(|line| line.starts_with("warning"))
        .collect();
    let expected = "warning: MILLICORE_POLCY in the environment is no option; MILLICORE_POLICY is";
    assert_eq!(warnings, [expected]);
}

#[test]
fn sockets_of_a_service_manager_are_listened_on_where_nothing_else_is_said() {
    let binds = |arguments: &str| {
        // The variable names the process that the shell becomes.
        let script = format!("LISTEN_PID=$$ exec \"$0\" serve --print-config {arguments}");
        let mut command = Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_millicore")]);
        let output = command.env("LISTEN_FDS", "2").output().unwrap();
        let lines = text(&output.stdout).lines();
        let mut binds = lines.filter(|line| line.starts_with("bind"));
        binds.next().map(str::to_owned)
    };
    assert_eq!(
        binds("").unwrap(),
        "bind = [\"fd://3\", \"fd://4\"]  # LISTEN_FDS"
    );
    assert_eq!(binds("--bind a:1").unwrap(), "bind = [\"a:1\"]  # --bind");
    let other = ["LISTEN_FDS=2", "LISTEN_PID=1"];
    check_printed(&other, "", "bind = [\"127.0.0.1:8000\"]");
    check_refused(
        &["LISTEN_PID=me"],
        "",
        "LISTEN_PID=\"me\" in the environment",
    );
}
