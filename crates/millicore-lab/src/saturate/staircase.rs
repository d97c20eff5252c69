//! Requests at once to pools of one worker and of several, under one limit: all are done at the same
//! time, but with one worker most are done much sooner.

mod theory;

use crate::burn::monotonic_ns;
use crate::median::median;
use crate::place::PlaceKind;
use crate::saturate::group::{Group, GroupError};
use crate::saturate::occupant::Occupant;
use crate::saturate::run::Progress;
use crate::stop::Stop;
use millicore_quota::{Bandwidth, Counters, Millicores, Place, ProcessLimit};
use std::path::Path;
use std::time::Duration;

/// What was measured, beside what should have been.
#[derive(Clone, Debug, PartialEq)]
pub struct Staircase {
    /// The limit of the pool.
    pub bandwidth: Bandwidth,
    /// How many requests there were at the start.
    pub requests: usize,
    /// The CPU time of each, in nanoseconds.
    pub size_ns: u64,
    /// How often each pool was asked.
    pub repeats: usize,
    /// Each pool.
    pub steps: Vec<Step>,
}

/// A pool, and how long its requests took; times in seconds are medians over the repeats.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// How many workers.
    pub workers: usize,
    /// The mean response.
    pub mean_s: f64,
    /// The last response.
    pub max_s: f64,
    /// The longest time that a worker stood still.
    pub longest_stall_s: f64,
    /// What the mean should be under a quota that is whole at the start.
    pub predicted_mean_s: f64,
    /// What the last should be.
    pub predicted_max_s: f64,
    /// What the kernel counted, all repeats together.
    pub counters: Counters,
}

const LIMIT_M: u64 = 500;
const REQUESTS: usize = 10;
const SIZE_NS: u64 = 100_000_000;
const WORKERS: [usize; 4] = [1, 2, 4, 10];
const REPEATS: usize = 3;

/// A repeat: finding the phase of the period, a rest, and two seconds of requests.
pub(super) const RUN_TIME_NS: u64 = 4_000_000_000 * (WORKERS.len() * REPEATS) as u64;
/// Longer than any repeat takes on a machine of which anything can be learnt.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures all pools in turns, so that whatever changes on the machine changes for all of them;
/// nothing if there was to be a stop before the end.
pub(super) fn measure(
    kind: PlaceKind,
    place: &dyn Place,
    program: &Path,
    (stop, watch): (&Stop, &mut dyn FnMut(Progress)),
) -> Result<Option<Staircase>, GroupError> {
    let limit = Millicores::new(LIMIT_M).unwrap_or(Millicores::MIN);
    let bandwidth = Bandwidth::of(limit);
    let mut seen: Vec<Seen> = WORKERS.iter().map(|_| Seen::default()).collect();
    for repeat in 1..=REPEATS {
        for (&workers, seen) in WORKERS.iter().zip(&mut seen) {
            watch(Progress::Staircase { workers, repeat });
            let burner = Occupant::burner(program, kind, &arguments(workers, bandwidth));
            let Some(once) = once(place, &burner, bandwidth, stop)? else {
                return Ok(None);
            };
            seen.add(&once);
        }
    }
    let cores = ProcessLimit::read().affinity_cores.get();
    let steps = WORKERS.iter().zip(&seen);
    let steps = steps.map(|(&workers, seen)| seen.step(workers, cores, bandwidth));
    Ok(Some(Staircase {
        bandwidth,
        requests: REQUESTS,
        size_ns: SIZE_NS,
        repeats: REPEATS,
        steps: steps.collect(),
    }))
}

fn arguments(workers: usize, bandwidth: Bandwidth) -> [String; 8] {
    [
        "--threads".to_owned(),
        workers.to_string(),
        "--request".to_owned(),
        format!("{SIZE_NS}ns"),
        "--at-once".to_owned(),
        REQUESTS.to_string(),
        "--align".to_owned(),
        format!("{}us", bandwidth.period().as_micros()),
    ]
}

/// What came of one pool, once.
#[derive(Clone, Copy, Debug)]
struct Once {
    mean_s: f64,
    max_s: f64,
    longest_stall_s: f64,
    counters: Counters,
}

fn once(
    place: &dyn Place,
    burner: &Occupant,
    bandwidth: Bandwidth,
    stop: &Stop,
) -> Result<Option<Once>, GroupError> {
    let mut group = Group::start(place, None, burner)?;
    if !group.become_ready(stop)? {
        return Ok(None);
    }
    group.limit_to(Some(bandwidth))?;
    let before = group.counters()?;
    group.begin_at(monotonic_ns())?;
    let burnt = group.answer(PATIENCE, stop)?;
    let counters = group.counters()?.since(before);
    group.remove()?;
    Ok(burnt.and_then(|burnt| {
        let requests = burnt.requests?;
        Some(Once {
            mean_s: requests.mean_s?,
            max_s: requests.max_s?,
            longest_stall_s: burnt.longest_stall_s,
            counters,
        })
    }))
}

/// What came of one pool, every time.
#[derive(Clone, Debug, Default)]
struct Seen {
    means_s: Vec<f64>,
    maxima_s: Vec<f64>,
    stalls_s: Vec<f64>,
    counters: Counters,
}

impl Seen {
    fn add(&mut self, once: &Once) {
        self.means_s.push(once.mean_s);
        self.maxima_s.push(once.max_s);
        self.stalls_s.push(once.longest_stall_s);
        self.counters.cpu += once.counters.cpu;
        self.counters.periods += once.counters.periods;
        self.counters.throttled_periods += once.counters.throttled_periods;
        self.counters.throttled += once.counters.throttled;
    }

    fn step(&self, workers: usize, cores: usize, bandwidth: Bandwidth) -> Step {
        let responses_s = theory::responses_s(workers, cores, bandwidth, (REQUESTS, SIZE_NS));
        let middle = |values: &[f64]| median(values.iter().copied());
        Step {
            workers,
            mean_s: middle(&self.means_s),
            max_s: middle(&self.maxima_s),
            longest_stall_s: middle(&self.stalls_s),
            predicted_mean_s: responses_s.iter().sum::<f64>() / REQUESTS as f64,
            predicted_max_s: responses_s.iter().copied().fold(0.0, f64::max),
            counters: self.counters,
        }
    }
}
