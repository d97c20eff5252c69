//! Reports of fixed data.

use super::Report;
use crate::fork::event::{Event, What};
use crate::fork::{Outcome, Plan, Wishes};
use crate::machine::{MachineState, Watched};
use millicore_quota::ProcessLimit;
use std::num::NonZeroUsize;
use std::time::Duration;

const MS: u64 = 1_000_000;

fn machine() -> MachineState {
    MachineState {
        kernel_release: Some("6.1.0".to_owned()),
        cpu_model: Some("Example CPU".to_owned()),
        cores_online: Some(3),
        cores_in_affinity_mask: 3,
        limit_millicores: 3000,
        limit_source: "3 cores in the CPU affinity mask".to_owned(),
        limit_warnings: Vec::new(),
        load: None,
        cpu_pressure: None,
        use_since_boot: None,
    }
}

/// A computation of one process, in milliseconds.
fn computation(id: i32, parent: i32, round: u32, start_ms: u64, end_ms: u64) -> [Event; 2] {
    let event = |at_ms, what| Event {
        at_ns: at_ms * MS,
        round,
        id,
        parent,
        what,
    };
    let cpu_ns = 1000 * MS;
    [
        event(start_ms, What::Started),
        event(end_ms, What::Computed { cpu_ns, fnv1a: 5 }),
    ]
}

fn fork(id: i32, parent: i32, round: u32, asked_ms: u64, child: i32) -> Event {
    Event {
        at_ns: (asked_ms + 1) * MS,
        round,
        id,
        parent,
        what: What::Forked {
            asked_ns: asked_ms * MS,
            child: Some(child),
        },
    }
}

/// On three cores, one second each: alone, two, and four that share.
fn report(with: &str) -> Report {
    let wishes = Wishes {
        rounds: "2".to_owned(),
        cores: Some("3".to_owned()),
        with: with.to_owned(),
        ..Wishes::default()
    };
    let process = ProcessLimit {
        group: None,
        affinity_cores: NonZeroUsize::new(3).unwrap(),
        warnings: Vec::new(),
    };
    let plan = Plan::new(&wishes, &process).unwrap();
    let computations = [
        computation(85, 81, 0, 0, 1000),
        computation(85, 81, 1, 1002, 2010),
        computation(86, 85, 1, 1003, 2012),
        computation(85, 81, 2, 2012, 3500),
        computation(86, 85, 2, 2013, 3510),
        computation(87, 85, 2, 2014, 3520),
        computation(88, 86, 2, 2015, 3512),
    ];
    let forks = [
        fork(85, 81, 0, 1000, 86),
        fork(85, 81, 1, 2010, 87),
        fork(86, 85, 1, 2012, 88),
    ];
    let mut events: Vec<Event> = computations.concat();
    events.extend(forks);
    events.sort_by_key(|event| (event.at_ns, event.id));
    let outcome = Outcome {
        events,
        watched: Watched {
            wall: Duration::from_millis(3521),
            cpu_use: None,
            load_after: None,
        },
    };
    Report::new(&plan, machine(), outcome).unwrap()
}

#[test]
fn the_table_tells_the_story() {
    let table = report("forks").to_table();
    let expected = "\
200000! by the naive product, 2 rounds of doubling processes on 3 cores

machine   Example CPU, kernel 6.1.0
cores     3 online, 3 in the affinity mask
limit     3000m, from 3 cores in the CPU affinity mask
load      unknown before, unknown after (1 min)
pressure  unknown
run       3.5 s
work      200000! by the naive product

round  processes  took s  x one  perfect  whole     between   fair    CPU
    0          1   1.000   1.00    1.000  1.000           -  1.000  1.000
    1          2   1.010   1.01    1.000  1.000  1.0 % over  1.000  1.000
    2          4   1.508   1.51    1.333  2.000   at 26.2 %  1.336  1.000
  all          4   3.520   3.52    3.333  4.000   at 28.0 %  3.336      -

perfect: 3 cores shared perfectly, never less than one process alone; whole: in
whole rounds, each to its end; between: from the one (0 %) to the other (100 %);
fair: simulated with slices of 4ms and no overhead; CPU: of one computation.

A fork took 2000 us (most 2000) until the parent computed again and 3000 us
(most 4000) until what it forked did: in the log they begin 2000 us (most 2000)
apart. Other work took 7 % of the time of the cores; on a quiet machine all are
done earlier.

which round each process was in, by its id (. not yet or no more)
85 |0000000000000000000001111111111111111111112222222222222222222222222222222|
86 |.....................1111111111111111111112222222222222222222222222222222|
87 |..........................................2222222222222222222222222222222|
88 |..........................................2222222222222222222222222222222|
    +---------+---------+----------+---------+---------+----------+---------+
    0 s       0.5       1.0        1.5       2.0       2.5        3.0       3.5
";
    assert_eq!(table, expected, "\n{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn threads_are_called_threads() {
    let table = report("threads").to_table();
    assert!(table.contains("round  threads") && table.contains("less than one thread alone"));
    assert!(!table.contains("process"), "\n{table}");
}

#[test]
fn what_spoils_the_numbers_is_noted() {
    let mut report = report("forks");
    report.core_share = 0.75;
    report.rounds[0].time.cpu_ns = 0.9e9;
    report.plan.is_held_back = true;
    let table = report.to_table().replace('\n', " ");
    for expected in [
        "Other work took 25 % of the time of the cores; on a quiet machine",
        "Other work took 10 % from the one process alone",
        "The CPU limit holds the cores back",
    ] {
        assert!(table.contains(expected), "{expected} is not in:\n{table}");
    }
}

#[test]
fn csv_is_the_log() {
    let csv = report("forks").to_csv();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + 2 * 7 + 3);
    assert_eq!(
        lines[..5],
        [
            "seconds,round,pid,parent_pid,event,child_pid",
            "0.000000,0,85,81,started,",
            "1.000000,0,85,81,computed,",
            "1.001000,0,85,81,forked,86",
            "1.002000,1,85,81,started,",
        ]
    );
}

#[test]
fn json_has_the_documented_keys() {
    let json = report("forks").to_json().unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["schema"], &json["simulated"]),
        (&1.into(), &false.into())
    );
    assert_eq!(json["machine"]["cores_in_affinity_mask"], 3);
    assert_eq!(
        (&json["with"], &json["number"]),
        (&"forks".into(), &200_000.into())
    );
    assert_eq!(json["one_s"], 1.0);
    let last = &json["rounds"][2];
    assert_eq!((&last["round"], &last["processes"]), (&2.into(), &4.into()));
    assert_eq!(
        (&last["start_s"], &last["duration_s"]),
        (&2.012.into(), &1.508.into())
    );
    assert_eq!(last["whole_rounds_s"], 2.0);
    assert!(
        last["position_percent"].is_f64() && last["outside_percent"].is_null(),
        "{last}"
    );
    let second = &json["rounds"][1];
    assert!(second["position_percent"].is_null() && second["outside_percent"].is_f64());
    assert_eq!(json["all"]["duration_s"], 3.52);
    let fork = serde_json::json!({
        "round": 0, "parent_pid": 85, "child_pid": 86, "parent_s": 0.002, "child_s": 0.003,
    });
    assert_eq!(json["forks"][0], fork);
    let event = serde_json::json!({
        "seconds": 1.0, "round": 0, "pid": 85, "parent_pid": 81, "event": "computed", "cpu_s": 1.0,
    });
    assert_eq!(json["events"][1], event);
}
