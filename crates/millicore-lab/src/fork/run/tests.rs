//! Short runs with threads, and what is made of events that are not all there.

use super::{RunError, check, run};
use crate::fork::event::{Event, What};
use crate::fork::{Plan, Wishes, With};
use millicore_quota::ProcessLimit;
use std::collections::BTreeSet;

fn plan(with: &str) -> Plan {
    let wishes = Wishes {
        number: "300".to_owned(),
        rounds: "2".to_owned(),
        with: with.to_owned(),
        ..Wishes::default()
    };
    Plan::new(&wishes, &ProcessLimit::read()).unwrap()
}

#[test]
fn threads_double() {
    let mut watched = Vec::new();
    let outcome = run(&plan("threads"), &mut |event| watched.push(event.clone())).unwrap();
    assert_eq!(watched.len(), outcome.events.len());
    let named = |name: &'static str| outcome.events.iter().filter(move |it| it.name() == name);
    let ids: BTreeSet<i32> = named("started").map(|event| event.id).collect();
    assert_eq!((ids.len(), named("computed").count()), (4, 7));
    let children: BTreeSet<i32> = named("forked")
        .filter_map(|event| match event.what {
            What::Forked { child, .. } => child,
            _ => None,
        })
        .collect();
    assert_eq!(children.len(), 3, "{:?}", outcome.events);
    assert!(children.is_subset(&ids));
}

#[test]
fn a_process_with_threads_is_not_forked() {
    // Whoever runs tests has a thread for each.
    assert_eq!(plan("forks").with, With::Forks);
    let error = run(&plan("forks"), &mut |_| ()).unwrap_err();
    assert!(
        matches!(error, RunError::Fork(_)) && error.to_string().contains("threads"),
        "{error}"
    );
}

/// Seven results, changed, with this end of the first process.
fn checked(change: impl FnOnce(&mut Vec<Event>), end: Option<&str>) -> String {
    let computed = |_| Event {
        at_ns: 0,
        round: 0,
        id: 7,
        parent: 1,
        what: What::Computed {
            cpu_ns: 1,
            fnv1a: 5,
        },
    };
    let mut events: Vec<Event> = (0..7).map(computed).collect();
    change(&mut events);
    match check(&plan("forks"), &events, end.map(str::to_owned)) {
        Ok(()) => "fine".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_missing_is_noticed() {
    assert_eq!(checked(|_| (), None), "fine");
    assert_eq!(
        checked(
            |events| events.truncate(2),
            Some("process 7 was killed by signal 9")
        ),
        "process 7 was killed by signal 9; 2 of 7 factorials computed"
    );
    let failed = |events: &mut Vec<Event>| {
        let reason = "no more processes".to_owned();
        events[3].what = What::Failed { reason };
    };
    assert_eq!(
        checked(failed, None),
        "no more processes; 6 of 7 factorials computed"
    );
    assert_eq!(
        checked(|events| events.truncate(6), None),
        "6 of 7 factorials computed, and nobody says why; please report it"
    );
    let wrong = |events: &mut Vec<Event>| {
        events[3].what = What::Computed {
            cpu_ns: 1,
            fnv1a: 6,
        };
    };
    assert_eq!(
        checked(wrong, None),
        "the same factorial has two values; please report it"
    );
}
