//! For how long the processors of the machine had nothing to do, or were not there.

use crate::files::at;
use crate::limit::Roots;
use rustix::param::clock_ticks_per_second;
use std::fs;
use std::io;
use std::time::Duration;

/// Since the machine was started, summed over its processors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MachineTime {
    /// Nothing to do.
    pub idle: Duration,
    /// Given to others by the host of this machine.
    pub steal: Duration,
}

impl MachineTime {
    /// Reads it; a container sees that of the whole machine.
    ///
    /// # Errors
    ///
    /// Says that the file is not as documented, or not there.
    pub fn read(roots: &Roots) -> io::Result<Self> {
        let path = roots.proc.join("stat");
        let text = fs::read_to_string(&path).map_err(|error| at(&path, &error))?;
        let odd = || io::Error::new(io::ErrorKind::InvalidData, "no line `cpu` as documented");
        parse(&text, clock_ticks_per_second()).ok_or_else(|| at(&path, &odd()))
    }
}

/// Format: proc(5), `/proc/stat`: user, nice, system, idle, waiting for I/O, two kinds of interrupts,
/// steal, in clock ticks.
fn parse(text: &str, ticks_a_second: u64) -> Option<MachineTime> {
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = line
        .split_whitespace()
        .map_while(|field| field.parse().ok())
        .collect();
    let time = |ticks: u64| {
        let nanos = u128::from(ticks) * 1_000_000_000 / u128::from(ticks_a_second.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    };
    Some(MachineTime {
        idle: time(ticks.get(3)?.checked_add(*ticks.get(4)?)?),
        steal: time(*ticks.get(7)?),
    })
}

#[cfg(test)]
mod tests {
    use super::{MachineTime, parse};
    use std::time::Duration;

    #[test]
    fn idle_and_stolen_time_are_read() {
        let text = "cpu  100 1 20 5000 7 1 2 300 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        let expected = MachineTime {
            idle: Duration::from_millis(50_070),
            steal: Duration::from_secs(3),
        };
        assert_eq!(parse(text, 100), Some(expected));
        for odd in [
            "",
            "cpu",
            "cpu  1 2 3",
            "cpu  a b c d e f g h",
            "cpu0 1 1 1 1 1 1 1 1",
        ] {
            assert_eq!(parse(odd, 100), None, "{odd}");
        }
    }
}
