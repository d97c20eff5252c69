//! What holds for containers alone: inside of a group, and gone with who made them.

use crate::limits::{labelled, limited};
use crate::lives::{FOR_EVER, end, open, spec};
use crate::program::{Told, program, start_owner};
use crate::usable;
use millicore_lab::place::DockerPlace;
use millicore_quota::{CgroupPlace, Place, PlaceError, Spec};
use std::time::Duration;

#[test]
fn a_container_inside_of_a_group_is_held_to_its_limit() {
    let (Some(groups), Some(containers)) =
        (usable(CgroupPlace::find()), usable(DockerPlace::connect()))
    else {
        return;
    };
    let outer = open(&groups, &labelled("outer", limited("200m")));
    let inner = |limit| Spec {
        inside: Some(outer.name().to_owned()),
        ..labelled("inner", limited(limit))
    };
    let refused = containers.open(&inner("300m")).unwrap_err();
    let PlaceError::AboveParent {
        limit, outer_limit, ..
    } = &refused
    else {
        panic!("{refused}");
    };
    assert_eq!((limit.get(), outer_limit.get()), (300, 200));

    let mut inner = open(&containers, &inner("200m"));
    let burn = Told::Burn {
        threads: 2,
        cpu: Duration::from_millis(300),
    };
    let mut running = inner.start(&program(burn)).unwrap();
    inner.set_limits(&limited("201m")).unwrap_err();
    assert_eq!(inner.limits().unwrap().bandwidth, limited("200m").bandwidth);
    assert!(end(&mut *running).success());
    let (of_inner, of_outer) = (inner.counters(), outer.counters());
    let (of_inner, of_outer) = (of_inner.unwrap().unwrap(), of_outer.unwrap().unwrap());
    assert!(of_outer.cpu >= of_inner.cpu, "{of_outer:?} {of_inner:?}");
    inner.remove().unwrap();
    outer.remove().unwrap();
}

#[test]
fn a_limit_too_small_to_start_under_is_set_once_it_runs() {
    let Some(place) = usable(DockerPlace::connect()) else {
        return;
    };
    let mut container = open(&place, &labelled("small", limited("1m")));
    let burn = Told::Burn {
        threads: 1,
        cpu: FOR_EVER,
    };
    let running = container.start(&program(burn)).unwrap();
    assert_eq!(
        container.limits().unwrap().bandwidth,
        limited("1m").bandwidth
    );
    drop(running);
    container.remove().unwrap();
}

#[test]
fn a_container_has_its_own_address_and_one_program() {
    let Some(place) = usable(DockerPlace::connect()) else {
        return;
    };
    let mut container = open(&place, &spec("one"));
    let mut running = container.start(&program(Told::LeaveDaemon)).unwrap();
    assert!(!running.address().is_unspecified());
    let error = container.start(&program(Told::LeaveDaemon)).unwrap_err();
    assert!(error.to_string().contains("has had its"), "{error}");
    assert!(end(&mut *running).success());
    container.remove().unwrap();
}

#[test]
fn what_a_killed_owner_left_is_removed_and_nothing_else() {
    let Some(place) = usable(DockerPlace::connect()) else {
        return;
    };
    let mut other = open(&place, &spec("other"));
    let burn = Told::Burn {
        threads: 1,
        cpu: FOR_EVER,
    };
    let mut running = other.start(&program(burn)).unwrap();
    let (mut owner, name) = start_owner(Told::OwnContainer);
    let left = format!("container {name}");
    assert!(!place.remove_leftovers().unwrap().contains(&left));
    owner.kill().unwrap();
    owner.wait().unwrap();

    assert!(place.remove_leftovers().unwrap().contains(&left));
    assert!(!place.remove_leftovers().unwrap().contains(&left));
    assert!(running.wait(Duration::ZERO).unwrap().is_none());
    other.remove().unwrap();
}
