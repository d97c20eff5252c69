//! Nothing is left of a run that was killed or interrupted: the next start removes it, or its own end.

use crate::{MILLICORE, alone, millicore, places};
use millicore_lab::place::{DockerPlace, Listed, clean_up, find};
use millicore_quota::{Program, Spec};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, id};
use std::sync::mpsc::channel;
use std::thread;

/// Every experiment that runs in a place, for longer than it takes to kill it.
const EXPERIMENTS: [&str; 3] = [
    "lab divide --size 10s --cpu 500m",
    "lab concurrency --only spin --models threads --size 10s --cpu 500m",
    "lab saturate --count 2 --cpu 20m --for 600s",
];

/// Starts it and waits until something runs in what it has made.
fn start(place: &str, arguments: &str) -> Child {
    let mut child = millicore(arguments).spawn().unwrap();
    let errors = BufReader::new(child.stderr.take().unwrap());
    let said = thread::spawn(move || errors.lines().map_while(Result::ok).collect::<Vec<_>>());
    while !made_by(place, child.id()).iter().any(|it| it.is_running) {
        if let Some(status) = child.try_wait().unwrap() {
            panic!("{arguments}: {status}: {:?}", said.join().unwrap());
        }
        thread::yield_now();
    }
    child
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// What this process has made, and whether something runs in it.
fn made_by(place: &str, pid: u32) -> Vec<Listed> {
    let is_its = |it: &Listed| is_made_by(&it.name, pid);
    let groups = groups(Path::new("/sys/fs/cgroup"), 4);
    let mut made: Vec<Listed> = groups.into_iter().filter(is_its).collect();
    if place == "docker" {
        let containers = DockerPlace::connect().unwrap().containers().unwrap();
        made.extend(containers.into_iter().filter(is_its));
    }
    made
}

fn is_made_by(name: &str, pid: u32) -> bool {
    let mut fields = name.split('-').skip(2);
    name.starts_with("millicore-") && fields.next() == Some(&pid.to_string())
}

/// Groups down to a depth, of every hierarchy.
fn groups(directory: &Path, depth: usize) -> Vec<Listed> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut all = Vec::new();
    for path in directories.map(|entry| entry.path()) {
        let members = fs::read_to_string(path.join("cgroup.procs"));
        all.push(Listed {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            is_running: members.is_ok_and(|members| !members.is_empty()),
        });
        if depth > 0 {
            all.extend(groups(&path, depth - 1));
        }
    }
    all
}

/// Kills it in the middle, again and again, and starts the next.
#[track_caller]
fn check_killed(place: &str, arguments: &str) {
    for _ in 0..3 {
        let mut child = start(place, arguments);
        signal(&child, Signal::KILL);
        child.wait().unwrap();
        assert_ne!(made_by(place, child.id()), [], "{arguments}");
        // As the next start does, of whatever experiment.
        clean_up(place.parse().unwrap()).unwrap();
        assert_eq!(made_by(place, child.id()), [], "{arguments}");
    }
}

#[test]
fn nothing_is_left_of_an_experiment_that_was_killed() {
    let _alone = alone();
    for place in places() {
        for experiment in EXPERIMENTS {
            check_killed(place, &format!("{experiment} --in {place}"));
        }
    }
}

#[test]
fn nothing_is_left_of_a_command_under_a_limit_that_was_killed() {
    let _alone = alone();
    if !places().contains(&"cgroup") {
        return;
    }
    // What the command has started does not end with it, but with the next start.
    let daemon = "quota run --cpu 500m -- setsid --fork --wait sleep 600";
    check_killed("cgroup", "quota run --cpu 500m -- sleep 600");
    check_killed("cgroup", daemon);
    let mut child = start("cgroup", daemon);
    signal(&child, Signal::KILL);
    child.wait().unwrap();
    let next = millicore("quota run --cpu 1 -- true").output().unwrap();
    assert_eq!(next.status.code(), Some(0));
    assert_eq!(made_by("cgroup", child.id()), []);
}

#[test]
fn nothing_is_left_of_an_experiment_that_was_interrupted() {
    let _alone = alone();
    for place in places() {
        for experiment in EXPERIMENTS {
            let mut child = start(place, &format!("{experiment} --in {place}"));
            signal(&child, Signal::INT);
            let mut output = String::new();
            let mut stdout = child.stdout.take().unwrap();
            stdout.read_to_string(&mut output).unwrap();
            let status = child.wait().unwrap();
            assert_eq!(status.code(), Some(130), "{experiment}: {output}");
            assert_eq!(made_by(place, child.id()), [], "{experiment} in {place}");
        }
    }
}

#[test]
fn nothing_is_left_of_a_panic() {
    for place in places() {
        let found = find(place.parse().unwrap()).unwrap();
        let (tell, told) = channel();
        let panicked = thread::spawn(move || {
            let mut enclosure = found.open(&Spec::default()).unwrap();
            let burner = Program {
                executable: MILLICORE.into(),
                arguments: ["burn", "--for", "600s"].map(Into::into).into(),
                environment: Vec::new(),
            };
            let _running = enclosure.start(&burner).unwrap();
            tell.send(enclosure.name().to_owned()).unwrap();
            panic!("as a lab with a mistake in it does");
        });
        panicked.join().unwrap_err();
        let name = told.recv().unwrap();
        let name = name.trim_start_matches('/').rsplit('/').next().unwrap();
        assert!(made_by(place, id()).iter().all(|it| it.name != name));
    }
}
