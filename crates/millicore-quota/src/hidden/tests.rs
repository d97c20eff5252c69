//! Limits that are told, and busy machines that are not taken for one.

use super::{Delivery, HiddenLimit, Sample};
use crate::millicores::Millicores;
use std::time::Duration;

/// What two spinning threads are given on a machine of two processors in two seconds, by looks every
/// 10 ms: `on_ms` of every `period_ms`, with so much of each look idle or stolen.
fn samples(on_ms: u64, period_ms: u64, idle_ms: u64, steal_ms: u64) -> Vec<Sample> {
    const LOOK_MS: u64 = 10;
    let looks = 0..200_u64;
    looks
        .map(|look| {
            let at_ms = look * LOOK_MS % period_ms;
            let given_ms = if at_ms < on_ms { 2 * LOOK_MS } else { 0 };
            Sample {
                elapsed: Duration::from_millis(LOOK_MS),
                wanted: Duration::from_millis(2 * LOOK_MS),
                received: Duration::from_millis(given_ms),
                idle: Duration::from_millis(idle_ms),
                steal: Duration::from_millis(steal_ms),
            }
        })
        .collect()
}

fn visible(text: &str) -> Millicores {
    text.parse().unwrap()
}

#[track_caller]
fn check_hidden(samples: &[Sample], expected_m: u32) {
    let Some(HiddenLimit {
        limit,
        uncertainty_m,
    }) = HiddenLimit::estimate(samples, visible("2"))
    else {
        panic!("{:?}", Delivery::of(samples, visible("2")));
    };
    let off = limit.get().abs_diff(expected_m);
    assert!(off <= uncertainty_m, "{limit} +- {uncertainty_m}m");
    assert!(uncertainty_m < expected_m, "{limit} +- {uncertainty_m}m");
}

#[test]
fn a_quota_above_the_container_is_told() {
    check_hidden(&samples(20, 100, 16, 0), 400);
    check_hidden(&samples(50, 100, 10, 0), 1000);
    check_hidden(&samples(100, 500, 16, 0), 400);
}

#[test]
fn a_busy_machine_is_not_a_limit() {
    let unclear = |samples: &[Sample]| {
        assert_eq!(Delivery::of(samples, visible("2")), Delivery::Unclear);
    };
    // Nothing was idle, or the host took it.
    unclear(&samples(50, 100, 0, 0));
    unclear(&samples(50, 100, 10, 10));
    // Too short to tell.
    unclear(&samples(20, 100, 16, 0)[..10]);
    unclear(&[]);
}

#[test]
fn what_the_visible_limit_allows_is_not_a_hidden_one() {
    let as_visible = |samples: &[Sample], limit| {
        assert_eq!(Delivery::of(samples, visible(limit)), Delivery::AsVisible);
    };
    as_visible(&samples(100, 100, 0, 0), "2");
    as_visible(&samples(50, 100, 10, 0), "1");
    as_visible(&samples(20, 100, 16, 0), "400m");
    // More than it: a burst, or a window with one period more.
    as_visible(&samples(50, 100, 10, 0), "500m");
}

#[test]
fn who_wanted_nothing_was_not_held_back() {
    let idle = Sample {
        elapsed: Duration::from_secs(1),
        idle: Duration::from_secs(2),
        ..Sample::default()
    };
    assert_eq!(
        Delivery::of(&[idle, idle], visible("2")),
        Delivery::AsVisible
    );
}
