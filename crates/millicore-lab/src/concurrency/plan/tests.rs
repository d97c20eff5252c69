//! What can be planned, what is refused, and who is asked.

use super::{Plan, Wishes};
use crate::concurrency::contender::PartKind::{self, Sleep, Spin};
use millicore_quota::ProcessLimit;
use std::num::NonZeroUsize;

/// A machine with two cores and no limit.
fn two_cores() -> ProcessLimit {
    ProcessLimit {
        group: None,
        affinity_cores: NonZeroUsize::new(2).unwrap(),
        warnings: Vec::new(),
    }
}

fn plan(flag: &str, value: &str) -> Result<Plan, String> {
    let value = value.to_owned();
    let mut wishes = Wishes::default();
    match flag {
        "--requests" => wishes.requests = value,
        "--time" => wishes.time = value,
        "--size" => wishes.size = value,
        "--models" => wishes.models = value,
        "--policy" => wishes.policy = value,
        "--cores" => wishes.cores = Some(value),
        "--workers" => wishes.workers = Some(value),
        "--repeat" => wishes.repeat = value,
        "--only" => wishes.only = Some(value),
        "--order" => wishes.order = value,
        _ => panic!("no flag is called {flag}"),
    }
    Plan::new(&wishes, &two_cores()).map_err(|error| error.to_string())
}

/// The default plan with one flag changed is refused with this message.
#[track_caller]
fn check_refused(flag: &str, value: &str, expected: &str) {
    assert_eq!(plan(flag, value), Err(format!("{flag}{expected}")));
}

/// Of the default plan with one flag changed, these are asked.
#[track_caller]
fn check(flag: &str, value: &str, kind: PartKind, expected: &[&str]) {
    let plan = plan(flag, value).unwrap();
    let contenders = plan.contenders(kind);
    let names: Vec<String> = contenders.iter().map(ToString::to_string).collect();
    assert_eq!(names, expected);
}

#[test]
fn by_default_prefork_has_as_many_workers_as_cores_and_as_requests() {
    let models = ["sync", "threads", "forks", "prefork 2", "prefork 10"];
    let sleeping = [&models[..], &["scheduled"]].concat();
    check("--requests", "10", Sleep, &sleeping);
    let policies = ["scheduled fifo", "scheduled fair", "scheduled focus"];
    check("--requests", "10", Spin, &[&models[..], &policies].concat());
    assert_eq!(plan("--requests", "10").unwrap().rounds(), 6 + 8);
    check(
        "--requests",
        "2",
        Sleep,
        &["sync", "threads", "forks", "prefork 2", "scheduled"],
    );
}

#[test]
fn models_policies_and_workers_are_lists() {
    check("--models", "scheduled, sync", Sleep, &["scheduled", "sync"]);
    let workers = ["sync", "threads", "forks", "prefork 3", "scheduled"];
    check("--workers", "3", Sleep, &workers);
    assert_eq!(
        plan("--policy", "srpt/one").unwrap().contenders(Spin).len(),
        6
    );
}

#[test]
fn parts_are_waiting_and_computing() {
    let parts = |only| {
        let plan = plan("--only", only).unwrap();
        plan.parts.iter().map(|part| part.kind).collect::<Vec<_>>()
    };
    assert_eq!((parts("sleep"), parts("spin")), (vec![Sleep], vec![Spin]));
    let says = plan("--repeat", "3").unwrap().to_string();
    let expected = "10 requests at once for 1s of waiting, then for 1s of CPU time, on 2 cores, \
                    3 repeats";
    assert_eq!(says, expected);
}

#[test]
fn what_cannot_be_is_refused() {
    check_refused("--requests", "0", " 0: give a whole number from 1 to 1000");
    check_refused("--workers", "2,0", " 0: give a whole number from 1 to 1000");
    check_refused("--repeat", "101", " 101: give a whole number from 1 to 100");
    check_refused("--time", "61s", " 61s: give 1ms to 60s");
    check_refused("--time", "1500us", " 1500us: give whole milliseconds");
    check_refused("--size", "0", " 0: give 1ms to 60s");
    check_refused("--only", "nap", " nap: the known ones are sleep, spin");
    check_refused("--order", "x", " x: the known ones are sent, completed");
    let twice = "names sync twice: once is enough, --repeat says how often it runs";
    check_refused("--models", "sync,sync", &format!(" {twice}"));
    check_refused(
        "--models",
        "async",
        ": unknown concurrency model \"async\": the known ones are sync, threads, forks, \
         prefork, scheduled",
    );
    check_refused(
        "--cores",
        "3",
        " 3: give a whole number from 1 to 2, the cores in the affinity mask of this process",
    );
    assert!(
        plan("--policy", "lifo")
            .unwrap_err()
            .starts_with("--policy lifo: ")
    );
}
