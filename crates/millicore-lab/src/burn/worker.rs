//! What a thread that burns does: it computes, looks at the clock, and keeps what it saw.

use crate::affinity;
use crate::burn::burnt::ThreadUse;
use crate::burn::clock::{monotonic_ns, wait_until};
use crate::burn::plan::Plan;
use crate::stop::Stop;
use millicore_workload::spin::{spin_iterations, thread_cpu_time};
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Between two looks at the clocks: about 20 us, of which the system call is a few per cent.
const ITERATIONS_PER_LOOK: u64 = 16 * 1024;

/// What one thread did.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) used: ThreadUse,
    /// How long each request took that this thread has ended, with its place in the line of all
    /// where there is one.
    pub(super) responses_ns: Vec<(usize, u64)>,
    pub(super) ended_ns: u64,
}

/// Burns from this moment on, as planned or until it is stopped, as the thread of this number.
/// `line` counts the requests that somebody has taken.
pub(super) fn burn(
    plan: &Plan,
    (number, start_ns): (usize, u64),
    line: &AtomicUsize,
    stop: &Stop,
) -> Work {
    let mut look = Look::from(plan, start_ns, stop);
    let mut responses_ns = Vec::new();
    // A pool begins spread over the cores: the kernel takes a second or more to move its threads
    // from where they happened to wait, and one that is alone on a core meanwhile gets far more
    // than the others. Afterwards it may move them as it likes.
    let spread = plan.at_once.and_then(|_| affinity::move_to(number).ok());
    wait_until(start_ns);
    if let Some(mask) = spread {
        // What cannot be given back was not taken either.
        let _ = affinity::restore(&mask);
    }
    let (cpu_before_ns, switches_before) = (cpu_ns(), Switches::read());
    match (plan.request_ns, plan.at_once) {
        (Some(size_ns), Some(requests)) => loop {
            let request = line.fetch_add(1, Ordering::Relaxed);
            if request >= requests || !look.spin_for(size_ns) {
                break;
            }
            responses_ns.push((request, look.last_ns - start_ns));
        },
        (Some(size_ns), None) => loop {
            let began_ns = look.last_ns;
            if !look.spin_for(size_ns) {
                break;
            }
            responses_ns.push((0, look.last_ns - began_ns));
        },
        (None, _) => {
            look.spin_for(u64::MAX);
        }
    }
    let switches = Switches::read();
    Work {
        used: ThreadUse {
            cpu_s: (look.cpu_ns.max(cpu_before_ns) - cpu_before_ns) as f64 / 1e9,
            longest_stall_s: look.longest_ns as f64 / 1e9,
            waited: switches.waited.saturating_sub(switches_before.waited),
            pushed_out: switches
                .pushed_out
                .saturating_sub(switches_before.pushed_out),
        },
        responses_ns,
        ended_ns: look.last_ns,
    }
}

/// What the last look at the clocks saw.
struct Look<'a> {
    stop: &'a Stop,
    end_ns: u64,
    last_ns: u64,
    cpu_ns: u64,
    longest_ns: u64,
}

impl<'a> Look<'a> {
    fn from(plan: &Plan, start_ns: u64, stop: &'a Stop) -> Self {
        let time_ns = plan.time_ns.unwrap_or(u64::MAX);
        Self {
            stop,
            end_ns: start_ns.saturating_add(time_ns),
            // Whoever begins late has stood still until then.
            last_ns: start_ns,
            cpu_ns: 0,
            longest_ns: 0,
        }
    }

    /// Uses so much CPU time; false if the time was over before.
    fn spin_for(&mut self, size_ns: u64) -> bool {
        let began_ns = cpu_ns();
        loop {
            if self.is_over() {
                return false;
            }
            if self.cpu_ns.saturating_sub(began_ns) >= size_ns {
                return true;
            }
            spin_iterations(ITERATIONS_PER_LOOK);
        }
    }

    /// Looks, and says whether the time is over. A stall that lasts longer than the time counts up
    /// to its end.
    fn is_over(&mut self) -> bool {
        let now_ns = monotonic_ns();
        let seen_ns = now_ns.min(self.end_ns);
        self.longest_ns = self.longest_ns.max(seen_ns.saturating_sub(self.last_ns));
        self.last_ns = self.last_ns.max(seen_ns);
        self.cpu_ns = cpu_ns();
        now_ns >= self.end_ns || self.stop.is_asked_for()
    }
}

fn cpu_ns() -> u64 {
    u64::try_from(thread_cpu_time().as_nanos()).unwrap_or(u64::MAX)
}

/// How often the calling thread left its core: proc(5), `/proc/PID/status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Switches {
    waited: u64,
    pushed_out: u64,
}

impl Switches {
    /// Zeros where the kernel does not tell.
    fn read() -> Self {
        let status = fs::read_to_string("/proc/thread-self/status");
        status.map_or_else(|_| Self::default(), |text| Self::parse(&text))
    }

    fn parse(status: &str) -> Self {
        let value = |name: &str| {
            let mut lines = status.lines();
            let value = lines.find_map(|line| line.strip_prefix(name));
            value.and_then(|it| it.trim().parse().ok()).unwrap_or(0)
        };
        Self {
            waited: value("voluntary_ctxt_switches:"),
            pushed_out: value("nonvoluntary_ctxt_switches:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Switches;

    #[test]
    fn switches_are_read_from_the_status() {
        let check = |status, waited, pushed_out| {
            let expected = Switches { waited, pushed_out };
            assert_eq!(Switches::parse(status), expected);
        };
        let status = "Name:\tx\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t345\n";
        check(status, 12, 345);
        check("", 0, 0);
    }
}
