//! Requests at once to pools of one worker and of several, under one limit: all are done at the same
//! time, but with one worker most are done much sooner.

mod prediction;

use crate::burn::monotonic_ns;
use crate::median::median;
use crate::place::PlaceKind;
use crate::saturate::group::{Group, GroupError};
use crate::saturate::occupant::Occupant;
use crate::saturate::run::Progress;
use crate::stop::Stop;
use millicore_quota::{Bandwidth, Counters, Millicores, Place, ProcessLimit};
use millicore_sim::SimulateError;
use millicore_sim::kernel::Kernel;
use prediction::Machine;
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
    /// How often the kernel looked at the quota, by what was seen of it; the prediction is for that.
    pub tick_s: f64,
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
    /// What the mean is on a simulated kernel, whose quota is whole at the start.
    pub predicted_mean_s: f64,
    /// What the last is there.
    pub predicted_max_s: f64,
    /// What the kernel counted, all repeats together.
    pub counters: Counters,
}

impl Step {
    /// By how much the mean and the last response are longer than predicted, in per cent.
    #[must_use]
    pub fn differences_percent(&self) -> (f64, f64) {
        let percent = |measured, predicted| 100.0 * (measured / predicted - 1.0);
        (
            percent(self.mean_s, self.predicted_mean_s),
            percent(self.max_s, self.predicted_max_s),
        )
    }
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
    let spreads_s = seen.iter().flat_map(|it| it.spreads_s.iter().copied());
    let machine = Machine {
        cores: ProcessLimit::read().affinity_cores.get(),
        tick_ns: tick_ns(spreads_s),
    };
    let steps = WORKERS.iter().zip(&seen);
    let steps = steps.map(|(&workers, seen)| seen.step(workers, machine, bandwidth));
    Ok(Some(Staircase {
        bandwidth,
        requests: REQUESTS,
        size_ns: SIZE_NS,
        repeats: REPEATS,
        tick_s: machine.tick_ns as f64 / 1e9,
        steps: steps.collect::<Result<_, _>>()?,
    }))
}

/// A tick that lets the CPU time in a period differ by so much: kernels have 1 to 10 ms.
fn tick_ns(spreads_s: impl Iterator<Item = f64>) -> u64 {
    const MILLISECOND_NS: u64 = 1_000_000;
    let spreads_s: Vec<f64> = spreads_s.collect();
    if spreads_s.is_empty() {
        return Kernel::new(1).tick_ns;
    }
    let spread = Duration::try_from_secs_f64(median(spreads_s.into_iter())).unwrap_or_default();
    let spread_ns = u64::try_from(spread.as_nanos()).unwrap_or(u64::MAX);
    let nearest = (spread_ns + MILLISECOND_NS / 2) / MILLISECOND_NS;
    nearest.clamp(1, 10) * MILLISECOND_NS
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
    spread_s: Option<f64>,
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
            spread_s: burnt.quota_spread_s,
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
    spreads_s: Vec<f64>,
    counters: Counters,
}

impl Seen {
    fn add(&mut self, once: &Once) {
        self.means_s.push(once.mean_s);
        self.maxima_s.push(once.max_s);
        self.stalls_s.push(once.longest_stall_s);
        self.spreads_s.extend(once.spread_s);
        self.counters.cpu += once.counters.cpu;
        self.counters.periods += once.counters.periods;
        self.counters.throttled_periods += once.counters.throttled_periods;
        self.counters.throttled += once.counters.throttled;
    }

    fn step(
        &self,
        workers: usize,
        machine: Machine,
        bandwidth: Bandwidth,
    ) -> Result<Step, SimulateError> {
        let (predicted_mean_s, predicted_max_s) =
            prediction::mean_and_last_s(workers, machine, bandwidth)?;
        let middle = |values: &[f64]| median(values.iter().copied());
        Ok(Step {
            workers,
            mean_s: middle(&self.means_s),
            max_s: middle(&self.maxima_s),
            longest_stall_s: middle(&self.stalls_s),
            predicted_mean_s,
            predicted_max_s,
            counters: self.counters,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::tick_ns;

    #[test]
    fn the_tick_is_a_whole_number_of_milliseconds() {
        let check = |spreads_s: &[f64], expected_ms: u64| {
            assert_eq!(tick_ns(spreads_s.iter().copied()), expected_ms * 1_000_000);
        };
        check(&[], 4);
        check(&[0.0001, 0.0002, 0.1], 1);
        check(&[0.0041, 0.0038, 0.004], 4);
        check(&[0.05], 10);
    }
}
