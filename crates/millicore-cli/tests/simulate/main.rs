//! `millicore simulate` as a user runs it: the real command, its output and its exit status.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod kernel;

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::{env, fs};

const FOUR: &str = "id,arrival_ns,size_ns\n\
                    1,0,1000000000\n2,0,1000000000\n3,0,1000000000\n4,0,1000000000\n";

fn millicore(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millicore"));
    command.arg("simulate").args(arguments.split_whitespace());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(arguments: &str, input: &str) -> Output {
    let mut child = millicore(arguments).spawn().unwrap();
    // A command that refuses its arguments does not read its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[track_caller]
fn check(arguments: &str, input: &str, expected: &str) {
    let output = run(arguments, input);
    let errors = text(&output.stderr);
    assert_eq!(text(&output.stdout), expected, "{arguments}: {errors}");
    assert_eq!(output.status.code(), Some(0), "{arguments}: {errors}");
}

#[track_caller]
fn check_refused(arguments: &str, input: &str, status: i32, expected: &str) {
    let output = run(arguments, input);
    let errors = text(&output.stderr);
    assert!(
        errors.contains(expected),
        "{arguments}: `{expected}` is not in: {errors}"
    );
    assert_eq!(output.status.code(), Some(status), "{arguments}: {errors}");
    assert_eq!(text(&output.stdout), "", "{arguments}");
}

/// A path in the directory that cargo keeps for tests.
fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn a_table_shows_policies_side_by_side() {
    check(
        "- --policy fifo,fair,focus --cores 2 --chunk 10ms",
        FOUR,
        "\
policy    mean    p50  p90  p99  max  makespan  slowdown
fifo      1.5s     1s   2s   2s   2s        2s      1.50
fair    1.995s  1.99s   2s   2s   2s        2s      2.00
focus    1.25s     1s   2s   2s   2s        2s      1.25

response times
id  fifo   fair  focus
1     1s  1.99s  500ms
2     1s  1.99s     1s
3     2s     2s   1.5s
4     2s     2s     2s
",
    );
}

#[test]
fn every_policy_fits_a_terminal() {
    let output = run(
        "--generate poisson:rate=1,n=24 --sizes exp:mean=1s --policy all --cores 2",
        "",
    );
    assert_eq!(output.status.code(), Some(0));
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    assert_eq!(lines.len(), 9 + 2 + 25);
    let widest = lines.iter().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{widest:?}");
    assert_eq!(text(&output.stderr), "seed 1\n");
}

#[test]
fn json_for_one_policy_is_an_object() {
    check(
        "- --policy focus --cores 2 --format json",
        "size_ns,id,arrival_ns,cancel_ns\n400000000,7,0,\n1,3,5,5\n",
        "{\"schema\":1,\"policy\":\"focus\",\"cores\":2,\"requests\":[\
         {\"id\":7,\"completion_ns\":200000000,\"response_ns\":200000000},\
         {\"id\":3,\"completion_ns\":null,\"response_ns\":null}],\
         \"mean_response_ns\":200000000.0,\"sum_response_ns\":200000000,\
         \"makespan_ns\":200000000}\n",
    );
    check(
        "- --policy las --cores 1 --format json",
        "id,arrival_ns,size_ns\n",
        "{\"schema\":1,\"policy\":\"las\",\"cores\":1,\"requests\":[],\"mean_response_ns\":null,\
         \"sum_response_ns\":0,\"makespan_ns\":null}\n",
    );
}

#[test]
fn json_for_several_policies_is_an_array() {
    let output = run("- --policy fifo,srpt/one --cores 2 --format json", FOUR);
    let runs: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<&str> = runs
        .iter()
        .map(|run| run["policy"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["fifo", "srpt/one"]);
    assert_eq!(runs[0]["mean_response_ns"], 1.5e9);
}

#[test]
fn csv_has_a_row_for_each_request() {
    check(
        "- --policy fifo,focus --cores 1 --chunk 1s --overhead 5ns --format csv",
        "id,arrival_ns,size_ns,cancel_ns\n2,3,10,\n1,0,10,2\n",
        "policy,id,completion_ns,response_ns\n\
         fifo,2,30,27\nfifo,1,,\nfocus,2,30,27\nfocus,1,,\n",
    );
}

#[test]
fn tenants_limits_and_ageing_are_heard() {
    let tenants = "id,arrival_ns,size_ns,tenant\n1,0,30,b\n2,0,30,a\n";
    check(
        "- --policy fifo/all --cores 1 --chunk 10ns --tenant b=2 --format csv",
        tenants,
        "policy,id,completion_ns,response_ns\nfifo/all,1,50,50\nfifo/all,2,60,60\n",
    );
    check(
        "- --policy fifo --cores 1 --chunk 7ns --limit 400m/10ns --format csv",
        "id,arrival_ns,size_ns\n1,0,20\n",
        "policy,id,completion_ns,response_ns\nfifo,1,36,36\n",
    );
    check(
        "- --policy srpt --cores 1 --chunk 2ns --ageing 4ns --format csv",
        "id,arrival_ns,size_ns\n1,0,4\n2,0,2\n3,2,2\n4,4,2\n",
        "policy,id,completion_ns,response_ns\nsrpt,1,8,8\nsrpt,2,2,2\nsrpt,3,4,2\nsrpt,4,10,6\n",
    );
    let output = run("- --policy fair --cores 1 --tenant wbe=2", tenants);
    assert_eq!(
        text(&output.stderr),
        "warning: --tenant wbe: no request is of this tenant\n"
    );
}

#[test]
fn dispatches_are_written_in_order() {
    let file = path("dispatches.jsonl");
    let arguments = format!(
        "- --policy fair --cores 1 --chunk 6ns --dispatches {}",
        file.display()
    );
    let output = run(&arguments, "id,arrival_ns,size_ns\n5,0,10\n6,1,3\n");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        fs::read_to_string(file).unwrap(),
        "{\"now_ns\":0,\"core\":0,\"id\":5,\"cost_ns\":6}\n\
         {\"now_ns\":6,\"core\":0,\"id\":6,\"cost_ns\":3}\n\
         {\"now_ns\":9,\"core\":0,\"id\":5,\"cost_ns\":4}\n"
    );
}

#[test]
fn what_is_generated_can_be_saved_and_run_again() {
    let file = path("generated.csv");
    let file = file.display();
    let generate = "--generate bursts:size=3,every=2s,n=9 --sizes h2:mean=1s,c2=4 --seed 7";
    let run_as = "--policy srpt --cores 2 --format json";
    let first = run(&format!("{generate} {run_as} --save {file}"), "");
    assert_eq!(text(&first.stderr), "seed 7\n");
    let again = run(&format!("{file} {run_as}"), "");
    assert_eq!(text(&again.stdout), text(&first.stdout));
    let other = run(&format!("{generate}7 {run_as}"), "");
    assert_ne!(text(&other.stdout), text(&first.stdout));
}

#[test]
fn arrivals_and_sizes_come_from_files() {
    let (arrivals, sizes) = (path("arrivals.txt"), path("sizes.txt"));
    fs::write(&arrivals, "0\n5\n").unwrap();
    fs::write(&sizes, "3\n\n4\n").unwrap();
    let (arrivals, sizes) = (arrivals.display(), sizes.display());
    let arguments = format!(
        "--generate file:{arrivals} --sizes file:{sizes} --policy fifo --cores 1 --format csv"
    );
    check(
        &arguments,
        "",
        "policy,id,completion_ns,response_ns\nfifo,1,3,3\nfifo,2,9,4\n",
    );
}

#[test]
fn bad_usage_is_status_2_and_says_what_is_meant() {
    let refused = |arguments: &str, expected: &str| check_refused(arguments, FOUR, 2, expected);
    refused(
        "- --policy lifo --cores 2",
        "the known ones are fifo, fair, focus, sjf, srpt, las",
    );
    refused("- --policy focus/0 --cores 2", "a number of cores from 1");
    refused(
        "- --policy hesrpt:65 --cores 2",
        "a whole number from 1 to 64",
    );
    refused(
        "- --policy fair --cores 0",
        "'0' for '--cores <N>': a machine has a whole number",
    );
    refused("- --policy fair --cores 1000001", "from 1 to 1000000");
    refused(
        "- --policy fair --cores 1 --chunk 0",
        "'0' for '--chunk <TIME>': a chunk lasts",
    );
    refused(
        "- --policy fair --cores 1 --chunk 100",
        "such as 250us or 1.5s",
    );
    refused(
        "- --policy fair --cores 1 --overhead -1ms",
        "'-1ms' for '--overhead <TIME>'",
    );
    refused(
        "- --policy fair --cores 1 --ageing never",
        "'--ageing <TIME>': `off`, or a duration",
    );
    refused(
        "- --policy fair --cores 1 --limit 400m",
        "'--limit <LIMIT>': a limit is MILLICORES/",
    );
    refused(
        "- --policy fair --cores 1 --limit 0m/1s",
        "from 1m to 1000000",
    );
    refused(
        "- --policy fair --cores 1 --tenant a=0",
        "with a weight from 1 to 10000",
    );
    refused(
        "- --policy fair --cores 1 --tenant a=1 --tenant a=2",
        "tenant `a` is set up twice",
    );
    refused(
        "- --policy fair --cores 1 --format xml",
        "possible values: table, json, csv",
    );
    refused(
        "- --policy fair,fifo --cores 1 --dispatches x",
        "name one policy",
    );
    refused("--policy fair --cores 1", "<FILE>");
    refused("- --cores 1", "--policy <NAMES>");
    refused(
        "--generate batch:n=4 --policy fair --cores 1",
        "--sizes <SIZES>",
    );
    refused(
        "- --generate batch:n=4 --sizes exp:mean=1s --policy fair --cores 1",
        "cannot be used",
    );
    refused(
        "--generate batch --sizes exp:mean=1s --policy fair --cores 1",
        "`batch` needs n=",
    );
}

#[test]
fn policies_are_named_once_each() {
    let refused = |policies: &str, expected: &str| {
        check_refused(
            &format!("- --cores 2 --policy {policies}"),
            FOUR,
            2,
            expected,
        );
    };
    refused("fifo,fifo", "it names fifo twice: once is enough");
    refused("fair/2,fifo,fair/2", "it names fair/2 twice");
    refused("all,fifo", "`all` stands alone");
    refused("fifo,all", "`all` stands alone");
    for policies in ["fifo,", ",fifo", "fifo,,fair", ","] {
        refused(policies, "a policy is missing before or after a comma");
    }
}

#[test]
fn what_is_generated_takes_a_sensible_rule() {
    let run_as = "--policy fair --cores 1";
    for alone in ["--seed 7", "--sizes fixed:size=1s", "--seed 1"] {
        let arguments = format!("- {alone} {run_as}");
        check_refused(&arguments, FOUR, 2, "cannot be used with");
    }
    let generate = "--generate batch:n=100000001 --sizes fixed:size=1s";
    check_refused(
        &format!("{generate} {run_as}"),
        "",
        2,
        "n=100000001: it must be a whole number from 1 to 100000000",
    );
}

#[test]
fn an_output_replaces_neither_an_input_nor_another_output() {
    let directory = path("outputs");
    // What an earlier run has left.
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir(&directory).unwrap();
    let (input, link) = (directory.join("input.csv"), directory.join("link.csv"));
    fs::write(&input, FOUR).unwrap();
    std::os::unix::fs::symlink(&input, &link).unwrap();
    let refused = |arguments: &str, expected: &str| {
        let mut command = millicore(&format!("{arguments} --policy fair --cores 1"));
        let output = command.current_dir(&directory).output().unwrap();
        let errors = text(&output.stderr);
        assert!(errors.contains(expected), "{arguments}: {errors}");
        assert_eq!(output.status.code(), Some(2), "{arguments}: {errors}");
    };
    let of_file = "would replace the file of FILE: name another one";
    refused("input.csv --save input.csv", of_file);
    refused("input.csv --dispatches link.csv", of_file);
    refused("link.csv --save ../outputs/input.csv", of_file);
    let of_save = "--dispatches ./new.csv would replace the file of --save";
    refused("input.csv --save new.csv --dispatches ./new.csv", of_save);
    let lists = "--generate file:input.csv --sizes file:link.csv";
    refused(
        &format!("{lists} --save input.csv"),
        "would replace the file of --generate",
    );
    let list = "--generate batch:n=1 --sizes file:input.csv";
    refused(
        &format!("{list} --save link.csv"),
        "would replace the file of --sizes",
    );
    let reserved = "standard output is for the results; name a file";
    refused("input.csv --save -", &format!("--save -: {reserved}"));
    refused(
        "input.csv --dispatches -",
        &format!("--dispatches -: {reserved}"),
    );
    assert_eq!(fs::read_to_string(&input).unwrap(), FOUR);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 2);
}

#[test]
fn outputs_may_share_a_device() {
    let outputs = "--save /dev/null --dispatches /dev/null";
    let output = run(&format!("- --policy fair --cores 1 {outputs}"), FOUR);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn help_says_what_a_reader_would_ask() {
    let help = run("--help", "");
    let words: Vec<&str> = text(&help.stdout).split_whitespace().collect();
    let words = words.join(" ");
    for expected in [
        "slowdown is the mean slowdown: response time / size",
        "Arrivals from a file are sorted.",
        "Sizes from a file are used again from the start",
    ] {
        assert!(words.contains(expected), "`{expected}` is not in: {words}");
    }
}

#[test]
fn bad_data_is_status_1_and_says_where() {
    let refused = |input: &str, expected: &str| {
        check_refused("- --policy fair --cores 1", input, 1, expected);
    };
    refused("", "standard input: line 1: the file is empty");
    refused(
        "id,size_ns\n",
        "line 1: the header has no column `arrival_ns`",
    );
    refused(
        "id,arrival_ns,size_ns\n1,0,1\n1,0,2\n",
        "line 3, field 1 (id): 1 is the id of line 2",
    );
    refused(
        "id,arrival_ns,size_ns\n1,0,0\n",
        "line 2, field 3 (size_ns): `0` is not",
    );
    refused(
        "id,arrival_ns,size_ns,tenant\n1,0,1,\"a\n2,0,1,b\n",
        "line 2, field 4: the quote that begins this field is not closed",
    );
    refused(
        "id,arrival_ns,size_ns\n1,0,\"1\"0\n",
        "line 2, field 3: a closing quote is followed by",
    );
    refused(
        "id,arrival_ns,size_ns\n1,0,\u{1b}[2J\n",
        "line 2, field 3 (size_ns): `\\u{1b}[2J` is not",
    );
    refused(
        "id,arrival_ns,size_ns\n1,18446744073709551615,1\n",
        "request 1 would end after",
    );
    check_refused("none.csv --policy fair --cores 1", "", 1, "none.csv: ");
    let escape = "no\u{1b}[2Jne.csv --policy fair --cores 1";
    check_refused(escape, "", 1, "no\\u{1b}[2Jne.csv: ");
    let nowhere = "- --policy fair --cores 1 --dispatches /nowhere/file";
    check_refused(nowhere, FOUR, 1, "/nowhere/file: ");
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let generate = "--generate batch:n=200000 --sizes fixed:size=1s --policy fifo --cores 1";
    let mut child = millicore(&format!("{generate} --format csv"))
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "policy,id,completion_ns,response_ns\n");
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(0), "seed 1\n")
    );
}

#[test]
fn an_interrupt_ends_it_with_status_130() {
    let endless = "--generate batch:n=2 --sizes fixed:size=1000000s --chunk 1ns";
    let mut child = millicore(&format!("{endless} --policy fair --cores 1"))
        .spawn()
        .unwrap();
    // It listens for the interrupt before it says this.
    let errors = BufReader::new(child.stderr.take().unwrap()).lines();
    let errors: Vec<String> = errors.take(2).map(Result::unwrap).collect();
    let interrupt = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(
        errors,
        [
            "seed 1",
            "about 2.0e15 chunks for each policy: this may take hours; \
             a larger --chunk makes it shorter",
        ]
    );
}

#[test]
fn the_version_names_a_commit() {
    let output = Command::new(env!("CARGO_BIN_EXE_millicore"))
        .arg("--version")
        .output()
        .unwrap();
    let version = text(&output.stdout).trim_end();
    let commit = version.strip_prefix(concat!("millicore ", env!("CARGO_PKG_VERSION"), " ("));
    let commit = commit.and_then(|rest| rest.strip_suffix(')')).unwrap();
    let is_hash = commit.len() == 12 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(is_hash || commit == "unknown", "{version}");
}
