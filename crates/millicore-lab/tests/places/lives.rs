//! What runs in a place: it starts inside, it stays inside, and it ends.

use crate::program::{Told, burned, program};
use millicore_quota::{Enclosure, Place, Running, Spec};
use std::io::Read;
use std::process::ExitStatus;
use std::time::Duration;

/// Longer than anything here takes on the slowest machine, so that nothing hangs for ever.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(600);

pub(crate) fn check(place: &dyn Place) {
    a_program_is_inside_before_it_burns(place);
    what_a_program_starts_is_inside_as_well(place);
    a_program_is_asked_to_stop(place);
    a_program_that_is_not_there_is_refused(place);
    if place.capabilities().floor.is_some() {
        what_a_program_leaves_is_killed(place);
    }
}

fn is_docker(place: &dyn Place) -> bool {
    place.capabilities().place == "docker"
}

pub(crate) fn open(place: &dyn Place, spec: &Spec) -> Box<dyn Enclosure> {
    place.open(spec).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn spec(label: &str) -> Spec {
    Spec {
        label: label.to_owned(),
        ..Spec::default()
    }
}

pub(crate) fn output(running: &mut dyn Running) -> String {
    let mut text = String::new();
    running
        .take_stdout()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    text
}

pub(crate) fn end(running: &mut dyn Running) -> ExitStatus {
    running.wait(FOR_EVER).unwrap().unwrap()
}

const SOME: Duration = Duration::from_millis(100);

fn a_program_is_inside_before_it_burns(place: &dyn Place) {
    let told = Told::Burn {
        threads: 2,
        cpu: SOME,
    };
    runs_inside(place, told);
}

fn what_a_program_starts_is_inside_as_well(place: &dyn Place) {
    let told = Told::ThroughChild {
        threads: 1,
        cpu: SOME,
    };
    runs_inside(place, told);
}

/// What it says that it has used is what the group has counted.
fn runs_inside(place: &dyn Place, told: Told) {
    let mut enclosure = open(place, &spec("inside"));
    let mut running = enclosure.start(&program(told)).unwrap();
    let (cpu, groups) = burned(&output(&mut *running));
    assert!(end(&mut *running).success());
    assert!(cpu >= SOME, "{cpu:?}");
    if let Some(counters) = enclosure.counters().unwrap() {
        // A container has its identity there, or with a namespace of its own nothing.
        assert!(
            groups.contains(enclosure.name()) || is_docker(place),
            "{groups} has no {}",
            enclosure.name()
        );
        assert!(counters.cpu >= cpu, "{counters:?} of {cpu:?}");
    }
    enclosure.remove().unwrap();
}

fn a_program_is_asked_to_stop(place: &dyn Place) {
    let mut enclosure = open(place, &spec("stop"));
    let told = Told::Burn {
        threads: 1,
        cpu: FOR_EVER,
    };
    let mut running = enclosure.start(&program(told)).unwrap();
    assert!(running.wait(Duration::ZERO).unwrap().is_none());
    running.ask_to_stop().unwrap();
    if is_docker(place) {
        // The first process of a container has only the signals that it has a handler for.
        assert!(running.wait(Duration::ZERO).unwrap().is_none());
        enclosure.kill().unwrap();
    }
    assert!(!end(&mut *running).success());
    // Again is nothing.
    running.ask_to_stop().unwrap();
    enclosure.remove().unwrap();
}

fn a_program_that_is_not_there_is_refused(place: &dyn Place) {
    let mut enclosure = open(place, &spec("absent"));
    let mut absent = program(Told::LeaveDaemon);
    absent.executable = "/there/is/no/such/program".into();
    let error = enclosure.start(&absent).unwrap_err().to_string();
    assert!(error.contains("/there/is/no/such/program"), "{error}");
    enclosure.remove().unwrap();
}

fn what_a_program_leaves_is_killed(place: &dyn Place) {
    let mut enclosure = open(place, &spec("daemon"));
    let mut running = enclosure.start(&program(Told::LeaveDaemon)).unwrap();
    let mut pipe = running.take_stdout().unwrap();
    assert!(end(&mut *running).success());
    enclosure.kill().unwrap();
    // The daemon has the other end of the pipe: it ends only if the daemon has ended.
    pipe.read_to_end(&mut Vec::new()).unwrap();
    enclosure.remove().unwrap();
}
