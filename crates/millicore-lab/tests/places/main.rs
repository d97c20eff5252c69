//! One suite for every place in which programs run under a CPU limit.
//!
//! Programs are this test's own executable, so that nothing else is needed of the machine.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test fails by panicking, and its programs print"
)]

mod cgroup;
mod docker;
mod limits;
mod lives;
mod program;

use millicore_lab::place::DockerPlace;
use millicore_quota::{CgroupPlace, Place, PlaceError, ProcessPlace};

/// Every feature, in one place.
fn check(place: &dyn Place) {
    lives::check(place);
    limits::check(place);
}

/// The place, or nothing where it cannot be used, which on a build machine is a failure.
fn usable<P>(place: Result<P, PlaceError>) -> Option<P> {
    match place {
        Ok(place) => Some(place),
        Err(error) => {
            eprintln!("not tested: {error}");
            let is_build_machine = std::env::var_os("CI").is_some_and(|ci| ci == "true");
            assert!(!is_build_machine, "CI must be able to");
            None
        }
    }
}

#[test]
fn the_place_process_behaves() {
    check(&ProcessPlace::new());
}

#[test]
fn the_place_cgroup_behaves() {
    if let Some(place) = usable(CgroupPlace::find()) {
        check(&place);
    }
}

#[test]
fn the_place_docker_behaves() {
    if let Some(place) = usable(DockerPlace::connect()) {
        check(&place);
    }
}

/// The programs that the tests start are tests that do nothing unless they are told.
#[test]
fn program_of_the_tests() {
    program::run();
}
