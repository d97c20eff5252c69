//! What machine, compiler and day a figure belongs to, and how much others disturbed it.

use std::fmt;
use std::fs::read_to_string;
use std::process::Command;
use std::time::{Duration, Instant};

/// Processor, kernel, compiler and date in one line.
pub(crate) fn description() -> String {
    let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{}; Linux {}; {}; {}",
        processor(),
        kernel.trim(),
        told_by("rustc", "--version"),
        told_by("date", "+%F %H:%M")
    )
}

fn processor() -> String {
    let description = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name| {
        let mut lines = description.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.split_once(':'));
        value.map_or("unknown", |(_, value)| value.trim())
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (model, family) = (field("model name"), field("cpu family"));
    format!("{model} (family {family}), {cores} cores")
}

fn told_by(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output().ok();
    output
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(
            || format!("{program} unknown"),
            |text| text.trim().to_owned(),
        )
}

/// What the kernel has counted up to now; two of them say how busy the time between was.
#[derive(Debug)]
pub(crate) struct Moment {
    when: Instant,
    /// Time in which some thread waited for a core: /proc/pressure/cpu of proc(5).
    pressure: Duration,
    /// CPU time that the host gave to others, of all cores.
    stolen: Duration,
    /// CPU time of all processes.
    used: Duration,
    /// CPU time of this process.
    used_by_us: Duration,
}

impl Moment {
    pub(crate) fn now() -> Self {
        let ticks = machine_ticks();
        let tick = |position: usize| ticks.get(position).copied().unwrap_or(0);
        // user, nice, system, then idle and iowait, then irq, softirq and steal: /proc/stat.
        let used = tick(0) + tick(1) + tick(2) + tick(5) + tick(6);
        Self {
            when: Instant::now(),
            pressure: pressure(),
            stolen: from_ticks(tick(7)),
            used: from_ticks(used),
            used_by_us: used_by_us(),
        }
    }

    /// How busy the machine was since this moment.
    pub(crate) fn until_now(&self) -> Busyness {
        let now = Self::now();
        let elapsed = now.when.duration_since(self.when);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let percent = |part: Duration, whole: Duration| {
            100.0 * part.as_secs_f64() / whole.as_secs_f64().max(f64::MIN_POSITIVE)
        };
        let machine_time = elapsed.mul_f64(cores as f64);
        let ours = now.used_by_us.saturating_sub(self.used_by_us);
        let everybodys = now.used.saturating_sub(self.used);
        let loads = read_to_string("/proc/loadavg").unwrap_or_default();
        Busyness {
            elapsed,
            load: loads.split(' ').next().unwrap_or("unknown").to_owned(),
            others_percent: percent(everybodys.saturating_sub(ours), machine_time),
            pressure_percent: percent(now.pressure.saturating_sub(self.pressure), elapsed),
            steal_percent: percent(now.stolen.saturating_sub(self.stolen), machine_time),
        }
    }
}

/// How busy the machine was for a while, the benchmark itself included.
#[derive(Debug)]
pub(crate) struct Busyness {
    elapsed: Duration,
    load: String,
    /// CPU time of other processes, of what the machine has.
    others_percent: f64,
    pressure_percent: f64,
    /// CPU time the host withheld, of what the machine has.
    steal_percent: f64,
}

impl fmt::Display for Busyness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "in {:.0} s: load {}, other processes {:.1} % of the cores, pressure {:.1} % (the \
             benchmark's own included), steal {:.1} %",
            self.elapsed.as_secs_f64(),
            self.load,
            self.others_percent,
            self.pressure_percent,
            self.steal_percent
        )
    }
}

fn machine_ticks() -> Vec<u64> {
    let counters = read_to_string("/proc/stat").unwrap_or_default();
    let first = counters.lines().next().unwrap_or_default();
    let fields = first.split_whitespace().skip(1);
    fields.filter_map(|field| field.parse().ok()).collect()
}

fn from_ticks(ticks: u64) -> Duration {
    let ticks_per_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_nanos(ticks.saturating_mul(1_000_000_000 / ticks_per_second))
}

fn pressure() -> Duration {
    let counters = read_to_string("/proc/pressure/cpu").unwrap_or_default();
    let some = counters.lines().next().unwrap_or_default();
    let total_us = some.rsplit("total=").next().and_then(|us| us.parse().ok());
    Duration::from_micros(total_us.unwrap_or(0))
}

fn used_by_us() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
