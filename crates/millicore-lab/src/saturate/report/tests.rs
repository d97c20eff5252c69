//! Reports of fixed data.

use super::Report;
use crate::burn::{Burnt, Requests, ThreadUse};
use crate::machine::{CpuUse, MachineState, Watched};
use crate::saturate::staircase::{Staircase, Step};
use crate::saturate::window::Meanwhile;
use crate::saturate::{CaseResult, GroupResult, Outcome, Plan, Wishes, Workload};
use millicore_quota::{Bandwidth, Counters};
use serde_json::Value;
use std::time::Duration;

fn machine() -> MachineState {
    MachineState {
        kernel_release: Some("6.1.0".to_owned()),
        cpu_model: Some("Example CPU".to_owned()),
        cores_online: Some(2),
        cores_in_affinity_mask: 2,
        limit_millicores: 2000,
        limit_source: "2 cores in the CPU affinity mask".to_owned(),
        limit_warnings: Vec::new(),
        load: None,
        cpu_pressure: None,
        use_since_boot: None,
    }
}

fn counters(cpu_ms: u64, throttled_periods: u64) -> Counters {
    Counters {
        cpu: Duration::from_millis(cpu_ms),
        periods: 50,
        throttled_periods,
        throttled: Duration::from_millis(100 * throttled_periods),
    }
}

/// A group that received so much CPU time in five seconds.
fn group(cpu_ms: u64, throttled_periods: u64, responses: usize) -> GroupResult {
    let cpu_s = cpu_ms as f64 / 1e3;
    let mean_s = (responses > 0).then_some(0.1);
    let burnt = Burnt {
        schema: 1,
        wall_s: 5.0,
        cpu_s,
        received_m: cpu_s * 200.0,
        longest_stall_s: 0.05 + cpu_s / 100.0,
        threads: vec![ThreadUse {
            cpu_s,
            longest_stall_s: 0.05 + cpu_s / 100.0,
            waited: 5,
            pushed_out: 45,
        }],
        requests: Some(Requests {
            size_s: 0.02,
            count: responses,
            mean_s,
            p50_s: mean_s,
            p99_s: mean_s.map(|it| 2.0 * it),
            max_s: mean_s,
            responses_s: None,
        }),
        quota_spread_s: None,
    };
    GroupResult {
        burnt,
        counters: counters(cpu_ms, throttled_periods),
    }
}

fn staircase() -> Staircase {
    let step = |workers, mean_s, predicted_mean_s| Step {
        workers,
        mean_s,
        max_s: 1.98,
        longest_stall_s: 0.05,
        predicted_mean_s,
        predicted_max_s: 1.95,
        counters: counters(3000, 45),
    };
    Staircase {
        bandwidth: Bandwidth::of("500m".parse().unwrap()),
        requests: 10,
        size_ns: 100_000_000,
        repeats: 3,
        tick_s: 0.004,
        steps: vec![step(1, 1.071, 1.05), step(10, 1.925, 1.925)],
    }
}

/// Two groups of one limit, alone and inside of another.
fn report(is_stopped: bool) -> Report {
    let wishes = |parent: Option<&str>| Wishes {
        count: Some("2".to_owned()),
        cpu: Some("100m".to_owned()),
        parent: parent.map(str::to_owned),
        ..Wishes::default()
    };
    let mut plan = Plan::new(&wishes(None)).unwrap();
    plan.cases
        .extend(Plan::new(&wishes(Some("150m"))).unwrap().cases);
    let result = |index: usize, groups, parent| CaseResult {
        case: plan.cases[index],
        groups,
        parent,
        meanwhile: Meanwhile {
            cpu_use: Some(CpuUse {
                busy_percent: 10.0,
                steal_percent: 0.5,
            }),
            switches: Some(1000),
        },
        started_in: Duration::from_millis(250),
        removed_in: Duration::from_millis(50),
    };
    let alone = result(0, vec![group(500, 49, 25), group(510, 48, 25)], None);
    let nested = result(
        1,
        vec![group(250, 1, 12), group(500, 0, 0)],
        Some(counters(750, 40)),
    );
    let cases = if is_stopped {
        vec![alone]
    } else {
        vec![alone, nested]
    };
    let outcome = Outcome {
        kept_by: "cgroup version 1 in /sys/fs/cgroup/cpu".to_owned(),
        cases,
        staircase: (!is_stopped).then(staircase),
        watched: Watched {
            wall: Duration::from_secs(12),
            cpu_use: None,
            load_after: None,
        },
        was_stopped: is_stopped,
    };
    Report::new(&plan, machine(), outcome)
}

#[track_caller]
fn check_table(report: &Report, expected: &str) {
    let table = report.to_table();
    assert_eq!(table, expected, "\n{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn the_table_tells_the_story() {
    let expected = "\
machine   Example CPU, kernel 6.1.0
cores     2 online, 2 in the affinity mask
limit     2000m, from 2 cores in the CPU affinity mask
load      unknown before, unknown after (1 min)
pressure  unknown
run       12.0 s
place     cgroup, by cgroup version 1 in /sys/fs/cgroup/cpu

millicores         fair  least  median   most    all  counted     used   Jain
2 x 100m          100.0  100.0   101.0  102.0  202.0    202.0  101.0 %  1.000
2 x 100m in 150m  75.00  50.00   75.00  100.0  150.0    150.0  100.0 %  0.900
counted: by the kernel, in all groups; used: of what the machine and the limits
leave for all of them together

waiting           throttled  stall s  request  mean s  p99 s  switches/s  stolen
2 x 100m               97 %    0.055     20ms   0.100  0.200          20   0.5 %
2 x 100m in 150m        1 %    0.055     20ms   0.100  0.200          20   0.5 %
throttled and mean: of the median group; stall and p99: of the worst

received, of the limit: # by every group, = by some; | the fair share
2 x 100m          [#################################################|] 100m
2 x 100m in 150m  [#########################============|============] 100m

10 requests of 100ms at once under 500m, medians of 3; the tick is 4ms
workers  mean s  predicted  differs  last s  predicted  stall s  throttled
1         1.071      1.050   +2.0 %   1.980      1.950    0.050       90 %
10        1.925      1.925   +0.0 %   1.980      1.950    0.050       90 %

What the burners received by their own clocks differs from what the kernel
counted in their groups by 0.0 %, at the most. A limit around groups freezes
them without a trace in their own counters: in 2 x 100m in 150m it was used up
in 80 % of its periods, their own limits in 2 % at the most. Nothing is left
behind; 2 x 100m in 150m took 0.2 s to start and 0.1 s to remove.
";
    check_table(&report(false), expected);
}

#[test]
fn what_was_done_before_a_stop_is_told() {
    let table = report(true).to_table();
    let first = "The run was stopped before its end; these are the cases that were done.";
    assert!(table.contains(first), "{table}");
    assert!(!table.contains("workers"), "{table}");
}

#[test]
fn a_quota_below_a_tick_is_told_where_it_is_seen() {
    let check = |limit: &str, longest_stall_s, expected| {
        let mut report = report(true);
        report.cases[0].result.case.limit = limit.parse().unwrap();
        report.cases[0].longest_stall_s = vec![0.11, longest_stall_s];
        let notes = report.notes().join(" ");
        assert_eq!(notes.contains("once a tick, so under 10m"), expected);
    };
    check("10m", 0.396, true);
    check("10m", 0.12, false);
    check("100m", 0.396, false);
}

#[test]
fn a_prediction_that_is_off_is_told() {
    let mut report = report(false);
    let is_told = |report: &Report| {
        let notes = report.notes().join(" ");
        notes.contains("more than 5 % off for 10 workers")
    };
    assert!(!is_told(&report));
    if let Some(staircase) = &mut report.staircase {
        staircase.steps[1].max_s = 2.06;
    }
    assert!(is_told(&report));
}

#[test]
fn servers_are_told_by_other_words() {
    let mut report = report(true);
    report.cases[0].result.case.workload = Workload::Serve;
    let notes = report.notes().join(" ");
    assert!(notes.contains("What a server received is what the kernel counted"));
    assert!(!notes.contains("by their own clocks"), "{notes}");
    let json: Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    let case = &json["cases"][0];
    assert_eq!(
        (&case["workload"], &case["switches"]),
        (&"serve".into(), &Value::Null)
    );
}

#[test]
fn json_has_the_documented_shape() {
    let json: Value = serde_json::from_str(&report(false).to_json().unwrap()).unwrap();
    assert_eq!(json["schema"], 1);
    let [alone, nested] = &json["cases"].as_array().unwrap()[..] else {
        panic!("{json}");
    };
    let check = |case: &Value, key: &str, expected: Value| assert_eq!(case[key], expected, "{key}");
    check(alone, "count", 2.into());
    check(alone, "limit_m", 100.into());
    check(alone, "parent_m", Value::Null);
    check(alone, "received_m", vec![100.0, 102.0].into());
    check(alone, "throttled_ratio", vec![0.98, 0.96].into());
    check(alone, "total_m", 202.0.into());
    check(nested, "parent_m", 150.into());
    check(nested, "fair_m", vec![75.0, 75.0].into());
    check(nested, "jain", 0.9.into());
    check(nested, "mean_response_s", vec![Some(0.1), None].into());
    assert_eq!(nested["parent_counters"]["throttled_periods"], 40);
    assert_eq!(json["staircase"]["workers"][0]["predicted_mean_s"], 1.05);
}

#[test]
fn csv_has_a_row_for_each_group() {
    let expected = "\
count,limit_m,parent_m,group,received_m,fair_m,throttled_ratio,longest_stall_s,requests,\
mean_response_s,p99_response_s
2,100,,1,100.000,100.000,0.9800,0.055000,25,0.100000,0.200000
2,100,,2,102.000,100.000,0.9600,0.055100,25,0.100000,0.200000
2,100,150,1,50.000,75.000,0.0200,0.052500,12,0.100000,0.200000
2,100,150,2,100.000,75.000,0.0000,0.055000,0,,
";
    let csv = report(false).to_csv();
    assert_eq!(csv, expected, "\n{csv}");
}
