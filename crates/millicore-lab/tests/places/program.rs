//! What runs in the places: this executable again, told by its environment what to do.

use crate::lives::FOR_EVER;
use millicore_lab::place::DockerPlace;
use millicore_quota::{CgroupPlace, Place, Program, Spec};
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

const TOLD: &str = "MILLICORE_TEST_PLACES";

/// What a program is to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Told {
    /// Burn so much CPU time with so many threads, and tell where.
    Burn { threads: usize, cpu: Duration },
    /// Let a child do so, and wait for it.
    ThroughChild { threads: usize, cpu: Duration },
    /// Let a child burn without end, and leave it.
    LeaveDaemon,
    /// Make a group with such a daemon in it, and wait to be killed.
    OwnGroup,
    /// The same with a container.
    OwnContainer,
}

impl Told {
    fn text(self) -> String {
        match self {
            Self::Burn { threads, cpu } => format!("burn {threads} {}", cpu.as_micros()),
            Self::ThroughChild { threads, cpu } => format!("child {threads} {}", cpu.as_micros()),
            Self::LeaveDaemon => "daemon 1 0".to_owned(),
            Self::OwnGroup => "own 1 0".to_owned(),
            Self::OwnContainer => "contain 1 0".to_owned(),
        }
    }
}

pub(crate) fn program(told: Told) -> Program {
    Program {
        executable: env::current_exe().unwrap(),
        arguments: ["--exact", "program_of_the_tests", "--nocapture"]
            .map(Into::into)
            .to_vec(),
        environment: vec![(TOLD.into(), told.text().into())],
    }
}

pub(crate) fn command(told: Told) -> Command {
    let program = program(told);
    let mut command = Command::new(program.executable);
    command.args(program.arguments).envs(program.environment);
    command
}

/// What a program says about itself: a line that begins with this, then its CPU time in µs, then the
/// groups that it was in when it began.
pub(crate) const BURNED: &str = "burned ";

/// The CPU time that a program has told, and its groups.
pub(crate) fn burned(output: &str) -> (Duration, String) {
    let line = output.lines().find_map(|line| line.split(BURNED).nth(1));
    let line = line.unwrap_or_else(|| panic!("no {BURNED:?} in {output:?}"));
    let (cpu_us, groups) = line.split_once(' ').unwrap();
    (
        Duration::from_micros(cpu_us.parse().unwrap()),
        groups.to_owned(),
    )
}

pub(crate) fn run() {
    let Ok(told) = env::var(TOLD) else {
        return;
    };
    let words: Vec<&str> = told.split(' ').collect();
    let (threads, cpu) = (
        words[1].parse().unwrap(),
        Duration::from_micros(words[2].parse().unwrap()),
    );
    match words[0] {
        "burn" => burn(threads, cpu),
        "child" => {
            let status = command(Told::Burn { threads, cpu }).status().unwrap();
            assert!(status.success());
        }
        "daemon" => leave_daemon(),
        "own" => own(),
        "contain" => contain(),
        other => panic!("{other}"),
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap(),
        time.tv_nsec.try_into().unwrap(),
    )
}

fn burn(threads: usize, cpu: Duration) {
    // What was used between the fork and the group belongs to nobody here.
    let began = cpu_time();
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while cpu_time() - began < cpu {
                    (0..10_000_u64).for_each(|number| {
                        black_box(number);
                    });
                }
            });
        }
    });
    let groups = groups.trim_end().replace('\n', " ");
    println!("\n{BURNED}{} {groups}", (cpu_time() - began).as_micros());
}

fn leave_daemon() {
    let told = Told::Burn {
        threads: 1,
        cpu: FOR_EVER,
    };
    #[expect(clippy::zombie_processes, reason = "it is to be left behind")]
    command(told).spawn().unwrap();
}

fn own() {
    let place = CgroupPlace::find().unwrap();
    let outer = place
        .open(&Spec {
            label: "outer".to_owned(),
            ..Spec::default()
        })
        .unwrap();
    let inside = Some(outer.name().to_owned());
    let spec = Spec {
        label: "inner".to_owned(),
        inside,
        ..Spec::default()
    };
    let mut inner = place.create(&spec).unwrap();
    let status = inner
        .spawn(&mut command(Told::LeaveDaemon))
        .unwrap()
        .wait()
        .unwrap();
    assert!(status.success());
    own_until_killed(&inner.directory().display().to_string());
}

fn contain() {
    let place = DockerPlace::connect().unwrap();
    let mut container = place.open(&Spec::default()).unwrap();
    let endless = Told::Burn {
        threads: 1,
        cpu: FOR_EVER,
    };
    let _running = container.start(&program(endless)).unwrap();
    own_until_killed(container.name());
}

fn own_until_killed(name: &str) {
    println!("\nowns {name}");
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().read(&mut [0]);
}

/// Starts one that owns something, and answers with it and with what it owns.
pub(crate) fn start_owner(told: Told) -> (Child, String) {
    let mut owner = command(told)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let name = lines.find_map(|line| line.unwrap().strip_prefix("owns ").map(str::to_owned));
    (owner, name.unwrap())
}
