//! What machine a report comes from, and how busy it was: the first lines of every report.

mod text;
mod watch;

pub(crate) use text::describe;
pub(crate) use watch::MachineDocument;
pub use watch::{Watch, Watched};

use millicore_quota::ProcessLimit;
use serde::Serialize;
use std::fs;

/// The machine as this process sees it at one moment.
///
/// A field is `None` where the kernel does not tell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MachineState {
    /// Release of the kernel, such as `6.1.0-18-amd64`.
    pub kernel_release: Option<String>,
    /// Name of the CPU; many ARM kernels do not tell it.
    pub cpu_model: Option<String>,
    /// Cores of the machine that are switched on.
    pub cores_online: Option<usize>,
    /// Cores this process may run on.
    pub cores_in_affinity_mask: usize,
    /// CPU this process may use, in thousandths of a core.
    pub limit_millicores: u32,
    /// Which group or mask sets that limit, with the values read.
    pub limit_source: String,
    /// What could not be read of the limit: it may be tighter.
    pub limit_warnings: Vec<String>,
    /// Load averages.
    pub load: Option<LoadAverages>,
    /// CPU pressure of the whole machine; `None` where the kernel does not count it.
    pub cpu_pressure: Option<CpuPressure>,
    /// Busy and stolen time since the machine started. For a run, take [`CpuTimes`] at both ends.
    pub use_since_boot: Option<CpuUse>,
}

impl MachineState {
    /// Reads the state now.
    #[must_use]
    pub fn read() -> Self {
        let limit = ProcessLimit::read();
        let read = |path| fs::read_to_string(path).ok();
        Self {
            kernel_release: read("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()),
            cpu_model: read("/proc/cpuinfo").and_then(|text| parse_cpu_model(&text)),
            cores_online: read("/sys/devices/system/cpu/online")
                .and_then(|text| count_cpu_list(&text)),
            cores_in_affinity_mask: limit.affinity_cores.get(),
            limit_millicores: limit.capacity().get(),
            limit_source: limit.source().to_string(),
            limit_warnings: limit.warnings.iter().map(ToString::to_string).collect(),
            load: read("/proc/loadavg").and_then(|text| LoadAverages::parse(&text)),
            cpu_pressure: read("/proc/pressure/cpu").and_then(|text| CpuPressure::parse(&text)),
            use_since_boot: CpuTimes::read().and_then(|now| now.use_since(&CpuTimes::default())),
        }
    }
}

/// How many tasks ran, waited for a core or were in uninterruptible sleep, on average
/// (proc(5), `/proc/loadavg`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LoadAverages {
    /// Over the last minute.
    pub one_minute: f64,
    /// Over the last five minutes.
    pub five_minutes: f64,
    /// Over the last fifteen minutes.
    pub fifteen_minutes: f64,
}

impl LoadAverages {
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text
            .split_whitespace()
            .map_while(|field| field.parse().ok());
        Some(Self {
            one_minute: fields.next()?,
            five_minutes: fields.next()?,
            fifteen_minutes: fields.next()?,
        })
    }
}

/// The share of time in which some task waited for a core, in per cent (kernel documentation,
/// `accounting/psi`, the line `some`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CpuPressure {
    /// Over the last 10 s.
    pub avg10_percent: f64,
    /// Over the last 60 s.
    pub avg60_percent: f64,
}

impl CpuPressure {
    fn parse(text: &str) -> Option<Self> {
        let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
        let value = |name| {
            some.split(' ')
                .find_map(|field| field.strip_prefix(name)?.parse().ok())
        };
        Some(Self {
            avg10_percent: value("avg10=")?,
            avg60_percent: value("avg60=")?,
        })
    }
}

/// Time that all cores together have spent since the machine started, in clock ticks.
///
/// Read it at the start and at the end of a run; [`CpuTimes::use_since`] is the difference.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuTimes {
    busy: u64,
    idle: u64,
    steal: u64,
}

impl CpuTimes {
    /// Reads the counters; `None` where there is no `/proc/stat`.
    #[must_use]
    pub fn read() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/stat").ok()?)
    }

    /// Format: proc(5), `/proc/stat`, line `cpu`: user, nice, system, idle, iowait, irq, softirq,
    /// steal, and two for guests that are already in user and nice.
    fn parse(text: &str) -> Option<Self> {
        let all_cores = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let mut ticks = all_cores
            .split_whitespace()
            .map_while(|field| field.parse::<u64>().ok());
        let (user, nice, system) = (ticks.next()?, ticks.next()?, ticks.next()?);
        let (idle, io_wait) = (ticks.next()?, ticks.next()?);
        let (interrupts, soft_interrupts) = (ticks.next()?, ticks.next()?);
        let busy = [user, nice, system, interrupts, soft_interrupts];
        Some(Self {
            busy: busy.into_iter().fold(0, u64::saturating_add),
            idle: idle.saturating_add(io_wait),
            steal: ticks.next()?,
        })
    }

    /// What the cores did between `earlier` and `self`; `None` if no tick lies between them.
    ///
    /// A counter that went backwards, as the kernel's counter of waiting for I/O can, counts as
    /// zero.
    #[must_use]
    pub fn use_since(&self, earlier: &Self) -> Option<CpuUse> {
        let busy = self.busy.saturating_sub(earlier.busy);
        let idle = self.idle.saturating_sub(earlier.idle);
        let steal = self.steal.saturating_sub(earlier.steal);
        let total = busy as f64 + idle as f64 + steal as f64;
        let percent = |ticks| 100.0 * ticks as f64 / total;
        (total > 0.0).then(|| CpuUse {
            busy_percent: percent(busy),
            steal_percent: percent(steal),
        })
    }
}

/// How the time of all cores was used, in per cent of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CpuUse {
    /// Spent on any work of this machine, this process's included.
    pub busy_percent: f64,
    /// Wanted by this machine, but given to another one on the same host.
    pub steal_percent: f64,
}

fn parse_cpu_model(cpuinfo: &str) -> Option<String> {
    cpuinfo.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then(|| value.trim().to_owned())
    })
}

/// Counts a list of CPUs such as `0-3,8` (kernel documentation, `admin-guide/cputopology`).
fn count_cpu_list(list: &str) -> Option<usize> {
    list.trim()
        .split(',')
        .map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            last.checked_sub(first)?.checked_add(1)
        })
        .try_fold(0_usize, |count, range| count.checked_add(range?))
}

#[cfg(test)]
mod tests {
    use super::{CpuPressure, CpuTimes, CpuUse, LoadAverages, count_cpu_list, parse_cpu_model};
    use std::fmt::Debug;

    /// Parsing `text` gives `expected`.
    fn check<T: PartialEq + Debug>(
        parse: impl Fn(&str) -> Option<T>,
        text: &str,
        expected: Option<T>,
    ) {
        assert_eq!((text, parse(text)), (text, expected));
    }

    #[test]
    fn load_averages() {
        let load = LoadAverages {
            one_minute: 0.5,
            five_minutes: 1.25,
            fifteen_minutes: 20.0,
        };
        check(
            LoadAverages::parse,
            "0.50 1.25 20.00 3/85 3887\n",
            Some(load),
        );
        check(LoadAverages::parse, "0.50 1.25\n", None);
        check(LoadAverages::parse, "0.50 x 20.00 3/85 3887\n", None);
        check(LoadAverages::parse, "", None);
    }

    #[test]
    fn pressure() {
        let pressure = CpuPressure {
            avg10_percent: 1.5,
            avg60_percent: 0.25,
        };
        let full = "full avg10=9.00 avg60=9.00 avg300=9.00 total=0\n";
        let some = "some avg10=1.50 avg60=0.25 avg300=0.35 total=4568154\n";
        check(CpuPressure::parse, &format!("{some}{full}"), Some(pressure));
        check(CpuPressure::parse, &format!("{full}{some}"), Some(pressure));
        check(CpuPressure::parse, full, None);
        check(CpuPressure::parse, "some avg10=1.50\n", None);
        check(CpuPressure::parse, "", None);
    }

    #[test]
    fn cpu_times() {
        let times = CpuTimes {
            busy: 1 + 2 + 3 + 6 + 7,
            idle: 4 + 5,
            steal: 8,
        };
        check(
            CpuTimes::parse,
            "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 1 1 1 1 1 1 1 1 1\n",
            Some(times),
        );
        check(CpuTimes::parse, "cpu  1 2 3 4 5 6 7\n", None);
        check(CpuTimes::parse, "cpu0 1 2 3 4 5 6 7 8 9 10\n", None);
        let max = u64::MAX;
        let largest = CpuTimes {
            busy: max,
            idle: max,
            steal: max,
        };
        let line = format!("cpu {max} {max} {max} {max} {max} {max} {max} {max}");
        check(CpuTimes::parse, &line, Some(largest));
    }

    #[test]
    fn use_is_the_difference_of_two_readings() {
        let start = CpuTimes {
            busy: 1000,
            idle: 5000,
            steal: 10,
        };
        let end = CpuTimes {
            busy: 1060,
            idle: 5030,
            steal: 20,
        };
        let used = CpuUse {
            busy_percent: 60.0,
            steal_percent: 10.0,
        };
        assert_eq!(end.use_since(&start), Some(used));
        assert_eq!(end.use_since(&end), None);
        let idle_went_back = CpuTimes {
            busy: 1030,
            idle: 4990,
            steal: 10,
        };
        let used = CpuUse {
            busy_percent: 100.0,
            steal_percent: 0.0,
        };
        assert_eq!(idle_went_back.use_since(&start), Some(used));
    }

    #[test]
    fn cpu_model() {
        let cpuinfo = "processor\t: 0\nmodel\t\t: 2\nmodel name\t: AMD EPYC: 2\nstepping\t: 1\n";
        check(parse_cpu_model, cpuinfo, Some("AMD EPYC: 2".to_owned()));
        check(parse_cpu_model, "processor\t: 0\nBogoMIPS\t: 50.00\n", None);
    }

    #[test]
    fn cpu_list() {
        for (list, cores) in [
            ("0\n", Some(1)),
            ("0-1\n", Some(2)),
            ("0-3,8,10-11\n", Some(7)),
            ("", None),
            ("3-1", None),
            ("0-", None),
            ("0-18446744073709551615", None),
            ("all", None),
        ] {
            check(count_cpu_list, list, cores);
        }
    }
}
