//! Reports of fixed data.

use super::Report;
use crate::divide::{Outcome, Plan, Prediction, Round, Stay, Wishes};
use crate::machine::{CpuPressure, CpuUse, LoadAverages, MachineState, Watched};
use crate::place::PlaceRecord;
use millicore_quota::ProcessLimit;
use std::num::NonZeroUsize;
use std::time::Duration;

const MS: u64 = 1_000_000;

fn machine() -> MachineState {
    let load = LoadAverages {
        one_minute: 0.5,
        five_minutes: 0.25,
        fifteen_minutes: 0.125,
    };
    MachineState {
        kernel_release: Some("6.1.0".to_owned()),
        cpu_model: Some("Example CPU".to_owned()),
        cores_online: Some(2),
        cores_in_affinity_mask: 2,
        limit_millicores: 2000,
        limit_source: "2 cores in the CPU affinity mask".to_owned(),
        limit_warnings: Vec::new(),
        load: Some(load),
        cpu_pressure: Some(CpuPressure {
            avg10_percent: 1.5,
            avg60_percent: 1.0,
        }),
        use_since_boot: None,
    }
}

fn stay(core: usize, request: usize, start_ms: u64, end_ms: u64) -> Stay {
    Stay {
        core,
        request,
        start_ns: start_ms * MS,
        end_ns: end_ms * MS,
    }
}

/// Two requests of one second on two cores: `fifo` gives each a core, `focus` both cores to one
/// after the other. Each repeat takes a little longer.
fn report(repeats: u64) -> Report {
    let wishes = Wishes {
        requests: "2".to_owned(),
        cores: Some("2".to_owned()),
        policy: "fifo,focus".to_owned(),
        ..Wishes::default()
    };
    let process = ProcessLimit {
        group: None,
        affinity_cores: NonZeroUsize::new(2).unwrap(),
        warnings: Vec::new(),
    };
    let plan = Plan::new(&wishes, &process).unwrap();
    let round = |responses_ms: [u64; 2], timeline: &[Stay]| Round {
        responses_ns: responses_ms.map(|ms| ms * MS).to_vec(),
        cpu_ns: vec![1000 * MS; 2],
        submission_spread_ns: 10_000,
        timeline: timeline.to_vec(),
    };
    let rounds = |late_ms: u64| {
        let fifo = [stay(0, 1, 0, 1000), stay(1, 2, 0, 1000)];
        let focus = [0, 1].map(|core| [stay(core, 1, 0, 500), stay(core, 2, 500, 1000)]);
        vec![
            round([1000 + late_ms, 1002 + late_ms], &fifo),
            round([500 + late_ms, 1000 + late_ms], &focus.concat()),
        ]
    };
    let outcome = Outcome {
        repeats: (0..repeats).map(rounds).collect(),
        was_stopped: repeats < 3,
        work: "1000 iterations of a fixed loop".to_owned(),
        watched: Watched {
            wall: Duration::from_secs(6),
            cpu_use: Some(CpuUse {
                busy_percent: 99.0,
                steal_percent: 0.5,
            }),
            load_after: None,
        },
        place: PlaceRecord::beside(plan.site),
    };
    let predictions = [(1000, 1000), (750, 750)].map(|(mean_ms, theory_ms)| Prediction {
        mean_ns: (mean_ms * MS) as f64,
        makespan_ns: 1000 * MS,
        closed_form_mean_ns: Some((theory_ms * MS) as f64),
    });
    Report::new(&plan, &predictions, machine(), outcome)
}

#[track_caller]
fn check_table(report: &Report, expected: &str) {
    let table = report.to_table();
    assert_eq!(table, expected, "\n{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn the_table_tells_the_story() {
    check_table(
        &report(3),
        "\
2 requests of 1s (spin) on 2 cores, 3 repeats

machine   Example CPU, kernel 6.1.0
cores     2 online, 2 in the affinity mask
limit     2000m, from 2 cores in the CPU affinity mask
load      0.50 before, unknown after (1 min)
pressure  for 2 % of the 10 s before, some task waited for a core
run       6.0 s, all cores 99 % busy, 0.5 % stolen
request   1000 iterations of a fixed loop

policy  whose turn        width  mean s  predicted  differs  theory  CPU each
fifo    earliest arrival  kept    1.002      1.000   +0.2 %   1.000     1.000
focus   earliest arrival  all     0.751      0.750   +0.1 %   0.750     1.000

response times in s
request      1      2
fifo     1.001  1.003
focus    0.501  1.001

which request each core worked on (. none)
fifo   core 0 |11111111111111111111111111111111111111111111111111111111111111|
       core 1 |22222222222222222222222222222222222222222222222222222222222222|
focus  core 0 |11111111111111111111111111111112222222222222222222222222222222|
       core 1 |11111111111111111111111111111112222222222222222222222222222222|
               +-----------+-----------+------------+-----------+-----------+
               0 s         0.2         0.4          0.6         0.8         1.0

focus won: the mean response time is 33.4 % longer under fifo; the noise is
0.3 %.
",
    );
}

#[test]
fn a_run_without_a_finished_repeat_reports_the_machine() {
    check_table(
        &report(0),
        "\
2 requests of 1s (spin) on 2 cores, 0 repeats of 3: stopped

machine   Example CPU, kernel 6.1.0
cores     2 online, 2 in the affinity mask
limit     2000m, from 2 cores in the CPU affinity mask
load      0.50 before, unknown after (1 min)
pressure  for 2 % of the 10 s before, some task waited for a core
run       6.0 s, all cores 99 % busy, 0.5 % stolen
request   1000 iterations of a fixed loop

No repeat was finished, so there is nothing to compare.
",
    );
}

/// The notes of a report after a change of its first measurement.
#[track_caller]
fn check_note(change: impl FnOnce(&mut Report), expected: &str) {
    let mut report = report(3);
    change(&mut report);
    let table = report.to_table().replace('\n', " ");
    assert!(table.contains(expected), "\n{table}");
}

#[test]
fn what_spoils_the_numbers_is_noted() {
    check_note(
        |report| report.measurements[0].cpu_ns *= 1.1,
        "A request used 10.0 % more CPU time than its size: the cores ran slower than when they \
         were calibrated",
    );
    check_note(
        |report| report.measurements[1].cpu_ns *= 0.9,
        "A request used 10.0 % less CPU time than its size: the cores ran faster",
    );
    check_note(
        |report| report.measurements[0].core_share = 0.75,
        "Other work took up to 25 % of the time of the cores",
    );
    check_note(
        |report| report.measurements[0].submission_spread_ns = 0.2e9,
        "The last request arrived 200ms after the first.",
    );
}

#[test]
fn many_requests_are_cut_short() {
    let mut report = report(1);
    report.plan.requests = 100;
    for measurement in &mut report.measurements {
        measurement.responses_ns = vec![1.5e9; 100];
    }
    let table = report.to_table();
    assert!(table.lines().all(|line| line.chars().count() <= 80));
    assert!(
        table.contains("and 60 more: --format csv has all")
            && table.contains("(. none, a is 10, # any after 61)"),
        "\n{table}"
    );
    assert_eq!(report.to_csv().lines().count(), 1 + 2 * 100);
}

#[test]
fn csv_has_a_row_for_each_policy_and_request() {
    let mut report = report(3);
    report.measurements[1].prediction.closed_form_mean_ns = None;
    let expected = "\
policy,request,response_s,mean_s,predicted_mean_s,closed_form_mean_s
fifo,1,1.001000000,1.002000000,1.000000000,1.000000000
fifo,2,1.003000000,1.002000000,1.000000000,1.000000000
focus,1,0.501000000,0.751000000,0.750000000,
focus,2,1.001000000,0.751000000,0.750000000,
";
    assert_eq!(report.to_csv(), expected);
}

#[test]
fn json_has_the_documented_keys() {
    let json: serde_json::Value = serde_json::from_str(&report(3).to_json().unwrap()).unwrap();
    assert_eq!(json["schema"], 1);
    assert_eq!(json["machine"]["cores_in_affinity_mask"], 2);
    assert_eq!(json["machine"]["use_during_run"]["steal_percent"], 0.5);
    assert_eq!(json["workload"], "spin");
    assert_eq!(
        (&json["size_s"], &json["repeats"]),
        (&1.0.into(), &3.into())
    );
    assert_eq!(json["verdict"]["best"], serde_json::json!(["focus"]));
    let focus = &json["policies"][1];
    assert_eq!(focus["policy"], "focus");
    assert_eq!(focus["order"], "earliest arrival");
    assert_eq!(focus["width"], "all");
    assert_eq!(focus["response_s"], serde_json::json!([0.501, 1.001]));
    assert_eq!(focus["mean_s"], 0.751);
    assert_eq!(focus["predicted_mean_s"], 0.75);
    assert_eq!(focus["closed_form_mean_s"], 0.75);
    let first = serde_json::json!({"core": 0, "request": 1, "start_s": 0.0, "end_s": 0.5});
    assert_eq!(focus["timeline"][0], first);
}
