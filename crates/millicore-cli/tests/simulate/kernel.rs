//! A limit that the kernel keeps, not the policy: `--kernel cfs`.

use crate::{check_refused, run, text};
use serde_json::Value;

#[test]
fn a_kernel_keeps_the_limit_behind_the_policys_back() {
    // Two requests that are done at 150 ms and 350 ms where the policy keeps the limit: one may start
    // while anything is left. The kernel stops the first in the middle of its chunk.
    let half =
        "--generate batch:n=2 --sizes fixed:size=100ms --policy fifo --cores 1 --limit 500m/100ms";
    let completions = |arguments: &str| {
        let output = run(&format!("{half} {arguments} --format json"), "");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let requests = report["requests"].as_array().unwrap();
        let completion_ms = |it: &Value| it["completion_ns"].as_u64().unwrap() / 1_000_000;
        let times: Vec<u64> = requests.iter().map(completion_ms).collect();
        (times, report["kernel"].clone())
    };
    assert_eq!(completions(""), (vec![100, 300], Value::Null));
    let (times, counted) = completions("--kernel cfs --tick 1ms");
    assert_eq!(times, [150, 350]);
    assert_eq!(counted["cpu_ns"], 200_000_000);
    assert_eq!(counted["periods"], 3);
    assert_eq!(counted["throttled_periods"], 3);
    assert_eq!(counted["longest_stall_ns"], 50_000_000);
    // The period began earlier, and the ones before it were not used up.
    let (times, _) = completions("--kernel cfs --tick 1ms --phase 26ms --burst 50ms");
    assert_eq!(times, [100, 224]);
    let table = run(&format!("{half} --kernel cfs"), "");
    assert!(text(&table.stdout).contains("what the kernel counts\npolicy  CPU time  periods"));
}

#[test]
fn what_a_kernel_would_not_take_is_refused() {
    let refused = |rest: &str, expected: &str| {
        let arguments = format!("- --policy fifo --cores 1 {rest}");
        check_refused(&arguments, "", 2, expected);
    };
    let half = "--limit 500m/100ms";
    refused("--kernel cfs", "--limit <LIMIT>");
    refused(
        "--limit 400m+40ms --kernel cfs",
        "give --limit one, such as 500m/100ms",
    );
    refused(&format!("{half} --phase 1ms"), "--kernel <KERNEL>");
    refused(&format!("{half} --kernel eevdf"), "possible values: cfs");
    let smaller =
        "the kernel takes 1ms at least; for the same limit make the period of 100ms longer";
    refused("--limit 5m/100ms --kernel cfs", smaller);
    refused(
        "--limit 5m/2s --kernel cfs",
        "a period of 2s: the kernel takes 1ms to 1s",
    );
    refused(
        &format!("{half} --kernel cfs --burst 51ms"),
        "no more than the quota of 50ms",
    );
    refused(
        &format!("{half} --kernel cfs --phase 100ms"),
        "shorter than the period of 100ms",
    );
    refused(
        &format!("{half} --kernel cfs --tick 0"),
        "a tick is at least 1 ns",
    );
    refused(
        &format!("{half} --kernel cfs --processors 0"),
        "from 1 to 8192",
    );
}
