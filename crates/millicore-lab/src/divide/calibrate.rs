//! How much work takes the size asked for, on this machine, with all its cores busy.

use crate::divide::plan::Plan;
use crate::divide::round::{Round, RoundPlan};
use crate::divide::run::RunError;
use crate::divide::work::{Work, Workload};
use crate::stop::Stop;
use millicore::Policy;
use millicore_workload::mandelbrot::View;
use millicore_workload::primes::MAX_LIMIT;
use millicore_workload::spin::Calibration;
use std::time::Duration;

impl Work {
    /// Finds the amount of work that takes the size of the plan; nothing if it was stopped.
    ///
    /// All the cores of the plan work at once meanwhile, as they will later: virtual cores can share
    /// a physical one, and a busy chip runs slower.
    ///
    /// # Errors
    ///
    /// Says what could not be run.
    pub fn calibrate(plan: &Plan, stop: &Stop) -> Result<Option<Self>, RunError> {
        match plan.workload {
            Workload::Spin => {
                let calibration = Calibration::measure_with_busy_cores(plan.cores)?;
                let iterations = calibration.iterations(Duration::from_nanos(plan.size_ns));
                if plan.is_held_back() && !stop.is_asked_for() {
                    return Ok(held_back(plan, stop, iterations)?
                        .map(|iterations| Self::Spin { iterations }));
                }
                Ok((!stop.is_asked_for()).then_some(Self::Spin { iterations }))
            }
            Workload::Primes => {
                // About two numbers a nanosecond.
                let least = plan.size_ns / CAUTION * 2;
                search(plan, stop, least, MAX_LIMIT, |limit| Self::Primes { limit })
            }
            Workload::Mandelbrot => {
                let pixels_wide = mandelbrot_width(plan.size_ns);
                let picture = |iterations: u64| {
                    let iterations = u32::try_from(iterations).unwrap_or(u32::MAX);
                    let view = View::whole_set(pixels_wide, iterations);
                    Self::Mandelbrot { view }
                };
                search(plan, stop, 1000 / CAUTION, u32::MAX.into(), picture)
            }
        }
    }
}

/// How many iterations take the size under a limit: a core that pauses again and again runs slower
/// than one that never does, by some per cent. A part of a request is run under that limit, for about
/// half a second.
fn held_back(plan: &Plan, stop: &Stop, iterations: u64) -> Result<Option<u64>, RunError> {
    const HALF_A_SECOND_OF_A_MILLICORE_NS: u64 = 500_000;
    let half_a_second_ns = u64::from(plan.capacity.get()) * HALF_A_SECOND_OF_A_MILLICORE_NS;
    let part_ns = plan.size_ns.min(half_a_second_ns);
    let part = in_proportion(iterations, plan.size_ns, part_ns).max(1);
    let cost_ns = probe(plan, stop, &Work::Spin { iterations: part })?;
    Ok(cost_ns.map(|cost_ns| in_proportion(part, cost_ns, plan.size_ns).max(1)))
}

/// The search begins with so small a part of a guess: a machine slower than expected must not take
/// minutes for a size of seconds.
const CAUTION: u64 = 8;

/// So wide that about a thousand iterations a pixel make up the size.
fn mandelbrot_width(size_ns: u64) -> u16 {
    const NS_PER_PIXEL: u64 = 300;
    let width = (size_ns / NS_PER_PIXEL).isqrt();
    u16::try_from(width).unwrap_or(u16::MAX).max(16)
}

/// Runs ever better guesses until one takes the size to within half a per cent. Cost grows with the
/// amount, nearly in proportion, so that three or four are enough; a machine too restless for that
/// gets the last guess.
fn search(
    plan: &Plan,
    stop: &Stop,
    first: u64,
    most: u64,
    work: impl Fn(u64) -> Work,
) -> Result<Option<Work>, RunError> {
    const GUESSES: usize = 6;
    let mut amount = first.clamp(1, most);
    for _ in 0..GUESSES {
        let Some(cost_ns) = probe(plan, stop, &work(amount))? else {
            return Ok(None);
        };
        let next = better_guess(amount, cost_ns, plan.size_ns).clamp(1, most);
        let is_near = cost_ns.abs_diff(plan.size_ns) <= plan.size_ns / 200;
        if is_near || next == amount {
            break;
        }
        amount = next;
    }
    Ok(Some(work(amount)))
}

/// In proportion, but never more than sixteen times as much at once.
fn better_guess(amount: u64, cost_ns: u64, size_ns: u64) -> u64 {
    in_proportion(amount, cost_ns, size_ns).min(amount.saturating_mul(16))
}

fn in_proportion(amount: u64, cost_ns: u64, size_ns: u64) -> u64 {
    let proportional = u128::from(amount) * u128::from(size_ns) / u128::from(cost_ns.max(1));
    u64::try_from(proportional).unwrap_or(u64::MAX)
}

/// The median CPU time of requests that do this work, one on each core at a time.
fn probe(plan: &Plan, stop: &Stop, work: &Work) -> Result<Option<u64>, RunError> {
    /// A single short request is at the mercy of one interrupt.
    const LONG_ENOUGH_NS: u64 = 50_000_000;
    let in_a_row = (LONG_ENOUGH_NS / plan.size_ns).max(1);
    let round = RoundPlan {
        policy: Policy::fifo(),
        cores: plan.cores,
        cpu_limit: plan.cpu_limit,
        requests: plan.cores.get() * usize::try_from(in_a_row).unwrap_or(1),
        size_ns: plan.size_ns,
    };
    let round = round.run(work, stop, &mut || ())?;
    Ok(round.map(|round| median_cpu_ns(&round)))
}

fn median_cpu_ns(round: &Round) -> u64 {
    let mut cpu_ns = round.cpu_ns.clone();
    cpu_ns.sort_unstable();
    cpu_ns.get(cpu_ns.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{better_guess, mandelbrot_width};

    #[test]
    fn guesses_grow_in_proportion() {
        let check = |amount, cost_ns, size_ns, expected| {
            assert_eq!(better_guess(amount, cost_ns, size_ns), expected);
        };
        check(100, 50, 100, 200);
        check(100, 100, 50, 50);
        check(100, 1, 1_000_000, 1600);
        check(100, 0, 100, 1600);
        check(u64::MAX, 1, 2, u64::MAX);
        check(1, 1000, 1, 0);
    }

    #[test]
    fn pictures_grow_with_the_size() {
        assert_eq!(mandelbrot_width(1_000_000), 57);
        assert_eq!(mandelbrot_width(1_000_000_000), 1825);
        assert_eq!(mandelbrot_width(600_000_000_000), 44_721);
        assert_eq!(mandelbrot_width(u64::MAX), u16::MAX);
        assert_eq!(mandelbrot_width(0), 16);
    }
}
