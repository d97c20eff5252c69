//! Pressure stall: how much of the time something waited for CPU.

use crate::files::at;
use crate::limit::Roots;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How much of the time at least one task that could run had to wait for CPU. A group that is
/// throttled waits as well.
///
/// Source: kernel documentation, `accounting/psi`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pressure {
    /// In percent of the last 10 s.
    pub percent_of_10s: f64,
    /// In percent of the last minute.
    pub percent_of_60s: f64,
    /// In percent of the last five minutes.
    pub percent_of_300s: f64,
    /// In all.
    pub waited: Duration,
}

impl Pressure {
    /// Of the whole machine.
    ///
    /// # Errors
    ///
    /// Says that the kernel does not tell.
    pub fn of_machine(roots: &Roots) -> io::Result<Self> {
        Self::read(&roots.proc.join("pressure/cpu"))
    }

    /// Of the group in this directory of version 2.
    pub(crate) fn of_group(directory: &Path) -> io::Result<Self> {
        Self::read(&directory.join("cpu.pressure"))
    }

    fn read(path: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(path).map_err(|error| at(path, &error))?;
        let odd = || io::Error::new(io::ErrorKind::InvalidData, "no line `some` as documented");
        Self::parse(&text).ok_or_else(|| at(path, &odd()))
    }

    /// `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, the total in microseconds.
    fn parse(text: &str) -> Option<Self> {
        let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
        let value = |name: &str| {
            let mut fields = line.split(' ').filter_map(|field| field.split_once('='));
            fields.find_map(|(field, value)| (field == name).then_some(value))
        };
        let percent = |name| {
            let percent: f64 = value(name)?.parse().ok()?;
            percent.is_finite().then_some(percent)
        };
        Some(Self {
            percent_of_10s: percent("avg10")?,
            percent_of_60s: percent("avg60")?,
            percent_of_300s: percent("avg300")?,
            waited: Duration::from_micros(value("total")?.parse().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Pressure;
    use std::time::Duration;

    #[test]
    fn the_kernel_s_line_is_read() {
        let text = "some avg10=15.02 avg60=3.40 avg300=0.75 total=1234567\n\
                    full avg10=14.00 avg60=0.00 avg300=0.00 total=1\n";
        let expected = Pressure {
            percent_of_10s: 15.02,
            percent_of_60s: 3.4,
            percent_of_300s: 0.75,
            waited: Duration::from_micros(1_234_567),
        };
        assert_eq!(Pressure::parse(text), Some(expected));
        for odd in [
            "",
            "some",
            "some avg10=1 avg60=1 avg300=1",
            "some avg10=NaN avg60=1 avg300=1 total=1",
        ] {
            assert_eq!(Pressure::parse(odd), None, "{odd}");
        }
    }
}
