//! Which limits a container can have, and how an engine writes them.

use super::NAME;
use bollard::models::ContainerUpdateBody;
use millicore_quota::{Bandwidth, GroupQuota, Limits, Millicores, PlaceError, Roots, Spec};
use std::time::Duration;

/// Below this limit a container starts without one and gets it then: its start, which takes CPU time
/// as well, would last from seconds to half a minute.
const STARTS_WIDE_BELOW_M: u32 = 50;

/// What a container has unless it is said.
pub(super) const USUAL_WEIGHT: u32 = 100;

/// Whether a container can have the limits of this spec.
pub(super) fn check(spec: &Spec, processors: Option<u32>) -> Result<(), PlaceError> {
    check_alone(&spec.limits, processors)?;
    let outer = spec.inside.as_deref();
    let outer = outer.and_then(|name| GroupQuota::named(name, &Roots::default()));
    match (spec.limits.bandwidth, outer) {
        (Some(bandwidth), Some(outer)) if bandwidth.limit() > outer.limit => {
            Err(PlaceError::AboveParent {
                limit: bandwidth.limit(),
                outer: outer.directory.display().to_string(),
                outer_limit: outer.limit,
            })
        }
        _ => Ok(()),
    }
}

fn check_alone(limits: &Limits, processors: Option<u32>) -> Result<(), PlaceError> {
    let refused = |why: String, remedy: &str| PlaceError::Unusable {
        place: NAME,
        why,
        remedy: remedy.to_owned(),
    };
    if let Some(weight) = limits.weight.filter(|it| !(1..=10_000).contains(it)) {
        let why = format!("it has no weight of {weight}");
        return Err(refused(why, "give one from 1 to 10000"));
    }
    let Some(bandwidth) = limits.bandwidth else {
        return Ok(());
    };
    if !bandwidth.burst().is_zero() {
        let remedy = "leave the burst out, or take the place cgroup";
        return Err(refused("an engine has no bursts".to_owned(), remedy));
    }
    let most =
        processors.and_then(|count| Millicores::from_cores(usize::try_from(count).ok()?).ok());
    match most {
        Some(most) if bandwidth.limit() > most => Err(refused(
            format!("{} is more than its machine has", bandwidth.limit()),
            &format!("ask for up to {most}"),
        )),
        _ => Ok(()),
    }
}

pub(super) fn starts_wide(limits: &Limits) -> bool {
    let bandwidth = limits.bandwidth;
    bandwidth.is_some_and(|it| it.limit().get() < STARTS_WIDE_BELOW_M)
}

/// The limits for a container that runs.
///
/// Not as `NanoCpus`, which an engine turns into a quota in 100 ms: nothing below 10m could be had.
pub(super) fn update(limits: &Limits) -> ContainerUpdateBody {
    // The engine takes -1 for no quota, and 0 for a weight that stays.
    let bandwidth = limits.bandwidth;
    let period = bandwidth.map_or(Bandwidth::USUAL_PERIOD, Bandwidth::period);
    ContainerUpdateBody {
        cpu_quota: Some(bandwidth.map_or(-1, |it| micros(it.quota()))),
        cpu_period: Some(micros(period)),
        cpu_shares: Some(shares(limits.weight.unwrap_or(USUAL_WEIGHT))),
        ..ContainerUpdateBody::default()
    }
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// The usual weight of 100 is 1024 shares; two are the fewest.
pub(super) fn shares(weight: u32) -> i64 {
    ((i64::from(weight) * 1024 + 50) / 100).max(2)
}

#[cfg(test)]
mod tests {
    use super::{check_alone, shares, starts_wide};
    use millicore_quota::{Bandwidth, Limits};
    use std::time::Duration;

    fn limited(limit: &str, burst_ms: u64) -> Limits {
        let bandwidth = Bandwidth::of(limit.parse().unwrap());
        let bandwidth = bandwidth.with_burst(Duration::from_millis(burst_ms));
        Limits {
            bandwidth: Some(bandwidth.unwrap()),
            weight: None,
        }
    }

    #[test]
    fn limits_are_those_that_an_engine_takes() {
        let check = |limits: Limits, expected: Option<&str>| {
            let refusal = check_alone(&limits, Some(2)).map_err(|error| error.to_string());
            let expected = expected.map(|it| format!("the place docker cannot be used: {it}"));
            assert_eq!(refusal.err(), expected);
        };
        check(Limits::default(), None);
        check(limited("1m", 0), None);
        check(limited("2", 0), None);
        check(
            limited("2001m", 0),
            Some("2001m is more than its machine has; ask for up to 2"),
        );
        check(
            limited("500m", 1),
            Some("an engine has no bursts; leave the burst out, or take the place cgroup"),
        );
        for weight in [0, 10_001] {
            let limits = Limits {
                weight: Some(weight),
                bandwidth: None,
            };
            let expected = format!("it has no weight of {weight}; give one from 1 to 10000");
            check(limits, Some(&expected));
        }
    }

    #[test]
    fn weights_become_shares() {
        assert_eq!([1, 100, 10_000].map(shares), [10, 1024, 102_400]);
    }

    #[test]
    fn only_small_containers_start_wide() {
        assert!(starts_wide(&limited("1m", 0)));
        assert!(!starts_wide(&limited("50m", 0)));
        assert!(!starts_wide(&Limits::default()));
    }
}
