//! A recorded run, as table, JSON and CSV.

use crate::concurrency::answer::Response;
use crate::concurrency::contender::{Contender, Part, PartKind};
use crate::concurrency::plan::{Plan, Wishes};
use crate::concurrency::report::Report;
use crate::concurrency::run::{Outcome, Round};
use crate::machine::{MachineState, Watched};
use millicore_quota::{Millicores, ProcessLimit};
use millicore_server::model::ConcurrencyModel;
use serde_json::Value;
use std::num::NonZeroUsize;
use std::time::Duration;

const MS: u64 = 1_000_000;

/// Four requests, on two cores.
fn plan(requests: &str) -> Plan {
    let process = ProcessLimit {
        group: None,
        affinity_cores: NonZeroUsize::new(2).unwrap(),
        warnings: Vec::new(),
    };
    let wishes = Wishes {
        requests: requests.to_owned(),
        ..Wishes::default()
    };
    Plan::new(&wishes, &process).unwrap()
}

fn machine() -> MachineState {
    MachineState {
        kernel_release: None,
        cpu_model: Some("Model 1".to_owned()),
        cores_online: Some(2),
        cores_in_affinity_mask: 2,
        limit_millicores: 2000,
        limit_source: "the mask".to_owned(),
        limit_warnings: Vec::new(),
        load: None,
        cpu_pressure: None,
        use_since_boot: None,
    }
}

/// A round that went a hundredth slower than theory: slot after slot in a row, on the cores in
/// equal shares.
fn round(plan: &Plan, part: Part, contender: Contender) -> Round {
    let slots = contender.slots(plan.requests) as u64;
    let length_ns = part.length_ns() * 101 / 100;
    let response = |index: u64| {
        let shares = match part.kind {
            PartKind::Sleep => 2,
            PartKind::Spin => slots.max(2),
        };
        let took_ns = length_ns * shares / 2;
        let started_ns = index / slots * took_ns;
        let is_forked = contender.model == ConcurrencyModel::Forks;
        let pid = if is_forked { 100 + index } else { 100 };
        let thread = match contender.model {
            ConcurrencyModel::Threads => 101 + index,
            _ => pid,
        };
        Response {
            request: index + 1,
            pid: u32::try_from(pid).unwrap(),
            parent_pid: 99,
            thread_id: u32::try_from(thread).unwrap(),
            sent_ns: 1000,
            started_ns,
            elapsed_ns: took_ns,
            response_ns: started_ns + took_ns,
            cpu_ns: (part.kind == PartKind::Spin).then_some(length_ns),
            queue_ns: None,
        }
    };
    Round {
        part,
        contender,
        repeat: 1,
        responses: (0..plan.requests as u64).map(response).collect(),
        spread_ns: 123_400,
        sender_waited_ns: Some(0),
        place: None,
    }
}

fn report(requests: &str) -> Report {
    let plan = plan(requests);
    let rounds = plan.parts.iter().flat_map(|&part| {
        let contenders = plan.contenders(part.kind);
        let rounds = contenders.into_iter();
        rounds
            .map(|contender| round(&plan, part, contender))
            .collect::<Vec<_>>()
    });
    let outcome = Outcome {
        rounds: rounds.collect(),
        watched: Watched {
            wall: Duration::from_secs(5),
            cpu_use: None,
            load_after: None,
        },
        was_stopped: false,
    };
    Report::new(&plan, machine(), outcome).unwrap()
}

/// The table without the ends of its lines.
fn flowing(table: &str) -> String {
    table.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check_says(table: &str, expected: &str) {
    assert!(
        flowing(table).contains(expected),
        "`{expected}` is not in:\n{table}"
    );
}

#[test]
fn the_table_says_who_is_synchronous() {
    let table = report("4").to_table();
    check_says(
        &table,
        "4 requests at once for 1s of waiting, then for 1s of CPU time, on 2 cores",
    );
    check_says(&table, "sync 1 1 1.010 2.525 2.500 4.040 4.000 +1.0 %");
    check_says(&table, "threads 1 4 1.010 1.010 1.000 1.010 1.000 +1.0 %");
    check_says(&table, "forks 4 4 1.010 1.010 1.000 1.010 1.000 +1.0 %");
    check_says(&table, "prefork 2 1 1 1.010 1.515 1.500 2.020 2.000 +1.0 %");
    check_says(
        &table,
        "Synchronous, one request after the other: sync, whose last response came after 4.040 s. \
         Not synchronous: threads, forks, prefork 4 and scheduled; all 4 were back after 1.010 s, \
         of requests that wait 1s. Between the two: prefork 2 takes some at a time: after 2.020 s.",
    );
}

#[test]
fn the_table_says_that_the_cores_are_the_end_and_that_the_policy_decides() {
    let table = report("4").to_table();
    check_says(&table, "sync 1.010 4.040 2.525 2.500 2.500 +1.0 %");
    check_says(
        &table,
        "Once the time is CPU time, threads, forks and prefork 4 cannot help beyond the 2 cores: \
         the last response came after 2.020 s, and the mean is 2.020 s where 2 workers have it at \
         1.515 s. Whose turn it is decides: the mean is 2.020 s under fifo, 2.020 s under fair \
         and 2.020 s under focus. One repeat does not show the noise",
    );
    check_says(
        &table,
        "All requests of a burst left within 124us of each other.",
    );
}

#[test]
fn every_response_has_a_line_and_a_lane() {
    let table = report("4").to_table();
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
    let lanes = table.lines().filter(|line| line.ends_with('|'));
    assert_eq!(lanes.count(), 4 * (6 + 8), "{table}");
    // The last in a row: it waits three quarters of the time.
    check_says(
        &table,
        "4 100 100 3.030 4.040 4.040 |------------------------########|",
    );
}

#[test]
fn many_requests_have_no_lines_of_their_own() {
    let table = report("21").to_table();
    assert!(!table.lines().any(|line| line.ends_with('|')), "{table}");
    let csv = report("21").to_csv();
    assert_eq!(csv.lines().count(), 1 + 21 * (6 + 8));
}

#[test]
fn csv_has_a_row_for_each_response() {
    let csv = report("4").to_csv();
    let row = |part: &str| {
        csv.lines()
            .find(|row| row.starts_with(part))
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        row("sleep,prefork,2,,1,3,"),
        "sleep,prefork,2,,1,3,100,99,100,0.000001,1.010000,2.020000,1.010000,2.020000,,"
    );
    assert_eq!(
        row("spin,scheduled,,focus,1,1,"),
        "spin,scheduled,,focus,1,1,100,99,100,0.000001,0.000000,2.020000,2.020000,2.020000,\
         1.010000,"
    );
}

#[test]
fn json_has_the_figures_beside_theory() {
    let json: Value = serde_json::from_str(&report("4").to_json().unwrap()).unwrap();
    assert_eq!(
        (&json["schema"], &json["stopped"]),
        (&1.into(), &false.into())
    );
    let sync = &json["parts"][0]["servers"][0];
    assert_eq!(
        (&sync["model"], &sync["policy"]),
        (&"sync".into(), &Value::Null)
    );
    let figures = [
        "mean_s",
        "closed_form_mean_s",
        "last_s",
        "closed_form_last_s",
    ];
    assert_eq!(
        figures.map(|name| sync[name].as_f64().unwrap()),
        [2.525, 2.5, 4.04, 4.0]
    );
    let focus = &json["parts"][1]["servers"][7];
    assert_eq!(focus["policy"], "focus");
    assert_eq!(focus["predicted_mean_s"], 1.25);
    assert_eq!(focus["responses"].as_array().unwrap().len(), 4);
}

#[test]
fn what_spoils_the_figures_is_said() {
    let says = |change: fn(&mut Report), expected: &str| {
        let mut report = report("4");
        change(&mut report);
        let notes = report.notes().join(" ");
        assert!(notes.contains(expected), "{notes}");
    };
    assert_eq!(report("4").notes().len(), 1, "that all left at once");
    says(
        |report| report.rounds[3].spread_ns = 11 * MS,
        "left within 11ms of each other, which is not at once",
    );
    says(
        |report| report.rounds[0].sender_waited_ns = Some(404 * MS),
        "waited for one for up to 10 % of a burst",
    );
    says(
        |report| report.parts[1].measurements[1].cpu_ns = Some(0.9e9),
        "up to -10.0 % (threads)",
    );
    says(
        |report| report.plan.capacity = Millicores::MIN,
        "The CPU limit holds the cores back",
    );
    says(|report| report.was_stopped = true, "stopped before its end");
}
