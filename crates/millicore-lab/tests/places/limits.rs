//! Limits: taken, read back, kept, changed while something runs, and refused.

use crate::lives::{end, open, spec};
use crate::program::{Told, program};
use millicore_quota::{Bandwidth, Counters, Limits, Place, PlaceError, Spec};
use std::time::Duration;

pub(crate) fn check(place: &dyn Place) {
    let capabilities = place.capabilities();
    let Some(floor) = capabilities.floor else {
        return nobody_keeps_a_limit(place);
    };
    limits_are_read_back(place, &Bandwidth::of(floor).limit().to_string());
    for limit in ["100m", "500m", "1500m"] {
        limits_are_read_back(place, limit);
        for threads in [1, 8] {
            a_limit_is_kept(place, limit, threads);
        }
    }
    if capabilities.has_burst {
        a_burst_is_read_back(place);
    }
    if capabilities.has_live_update {
        a_limit_is_lifted_while_something_runs(place);
    }
    // Containers are not made inside of containers.
    if capabilities.place == "cgroup" {
        an_inner_limit_above_the_outer_is_refused(place);
    }
}

pub(crate) fn limited(limit: &str) -> Limits {
    Limits {
        bandwidth: Some(Bandwidth::of(limit.parse().unwrap())),
        weight: None,
    }
}

pub(crate) fn labelled(label: &str, limits: Limits) -> Spec {
    Spec {
        limits,
        ..spec(label)
    }
}

fn nobody_keeps_a_limit(place: &dyn Place) {
    let refused = place.open(&labelled("limit", limited("500m"))).unwrap_err();
    assert!(matches!(refused, PlaceError::Unusable { .. }), "{refused}");
    let mut enclosure = open(place, &spec("none"));
    assert!(enclosure.set_limits(&limited("500m")).is_err());
    assert_eq!(enclosure.limits().unwrap(), Limits::default());
}

fn limits_are_read_back(place: &dyn Place, limit: &str) {
    for weight in [1, 50, 100, 10_000] {
        let limits = Limits {
            weight: Some(weight),
            ..limited(limit)
        };
        let mut enclosure = open(place, &labelled("back", limits));
        assert_eq!(enclosure.limits().unwrap(), limits);
        enclosure.set_limits(&Limits::default()).unwrap();
        let usual = Limits {
            bandwidth: None,
            weight: Some(100),
        };
        assert_eq!(enclosure.limits().unwrap(), usual);
        enclosure.set_limits(&limits).unwrap();
        assert_eq!(enclosure.limits().unwrap(), limits);
        enclosure.remove().unwrap();
    }
}

fn a_burst_is_read_back(place: &dyn Place) {
    let bursting = |quota_ms: u64, burst_ms: u64| {
        let limit = format!("{}m", quota_ms * 10).parse().unwrap();
        let bandwidth = Bandwidth::of(limit).with_burst(Duration::from_millis(burst_ms));
        Limits {
            bandwidth: Some(bandwidth.unwrap()),
            weight: Some(100),
        }
    };
    let mut enclosure = open(place, &labelled("burst", bursting(50, 50)));
    // Smaller than the burst of before, then larger again.
    for limits in [
        bursting(50, 50),
        bursting(20, 10),
        bursting(20, 20),
        bursting(80, 80),
    ] {
        enclosure.set_limits(&limits).unwrap();
        assert_eq!(enclosure.limits().unwrap(), limits);
    }
    enclosure.remove().unwrap();
}

/// By what the kernel counted, so that a busy machine changes nothing: no period has more than its
/// quota, and one that counts as throttled has used it.
fn a_limit_is_kept(place: &dyn Place, limit: &str, threads: usize) {
    const PERIODS: u32 = 20;
    let limits = limited(limit);
    let bandwidth = limits.bandwidth.unwrap();
    let cpu = bandwidth.quota() * PERIODS;
    let mut enclosure = open(place, &labelled("kept", limits));
    let told = Told::Burn { threads, cpu };
    let mut running = enclosure.start(&program(told)).unwrap();
    assert!(end(&mut *running).success());
    let counted = enclosure.counters().unwrap().unwrap();
    enclosure.remove().unwrap();
    assert!(counted.cpu >= cpu, "{counted:?}");
    within_quota(&counted, bandwidth, &format!("{limit}, {threads} threads"));
}

/// The first period begins before it is counted; threads on several cores overrun a period by up to
/// a tick each, which the next ones pay for.
fn within_quota(counted: &Counters, bandwidth: Bandwidth, case: &str) {
    let quota_s = bandwidth.quota().as_secs_f64();
    let cpu_s = counted.cpu.as_secs_f64();
    let most_s = quota_s * (counted.periods + 1) as f64 * 1.05;
    assert!(cpu_s <= most_s, "{case}: {counted:?}");
    let least_s = quota_s * counted.throttled_periods as f64 * 0.90;
    assert!(cpu_s >= least_s, "{case}: {counted:?}");
}

fn a_limit_is_lifted_while_something_runs(place: &dyn Place) {
    // An hour of quota is needed where only a second of CPU is.
    let tight = place.capabilities().floor.unwrap().to_string();
    let mut enclosure = open(place, &labelled("live", limited("1000m")));
    let told = Told::Burn {
        threads: 2,
        cpu: Duration::from_secs(4),
    };
    let mut running = enclosure.start(&program(told)).unwrap();
    enclosure.set_limits(&limited(&tight)).unwrap();
    assert_eq!(
        enclosure.limits().unwrap().bandwidth,
        limited(&tight).bandwidth
    );
    assert!(running.wait(Duration::ZERO).unwrap().is_none());
    enclosure.set_limits(&Limits::default()).unwrap();
    assert!(end(&mut *running).success());
    enclosure.remove().unwrap();
}

fn an_inner_limit_above_the_outer_is_refused(place: &dyn Place) {
    let mut outer = open(place, &labelled("outer", limited("500m")));
    let inner = |limit| Spec {
        inside: Some(outer.name().to_owned()),
        ..labelled("inner", limited(limit))
    };
    let refused = place.open(&inner("600m")).unwrap_err();
    let PlaceError::AboveParent {
        limit, outer_limit, ..
    } = &refused
    else {
        panic!("{refused}");
    };
    assert_eq!((limit.get(), outer_limit.get()), (600, 500));
    let mut fits = open(place, &inner("500m"));
    fits.set_limits(&limited("501m")).unwrap_err();
    assert_eq!(fits.limits().unwrap().bandwidth, limited("500m").bandwidth);
    outer.set_limits(&limited("400m")).unwrap_err();
    assert_eq!(outer.limits().unwrap().bandwidth, limited("500m").bandwidth);
    // Other periods, and the same ratio: no order of two writes passes the group below.
    let half = |period_ms| {
        let period = Duration::from_millis(period_ms);
        Limits {
            bandwidth: Bandwidth::in_period("500m".parse().unwrap(), period).ok(),
            weight: None,
        }
    };
    for period_ms in [1000, 10, 100] {
        outer.set_limits(&half(period_ms)).unwrap();
        assert_eq!(outer.limits().unwrap().bandwidth, half(period_ms).bandwidth);
    }
    fits.remove().unwrap();
    outer.remove().unwrap();
}
