//! What a command got under its limit, as a table or JSON.

use crate::quota::show::CountersDocument;
use crate::quota::{SCHEMA, in_lines};
use millicore_quota::{Bandwidth, Counters};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// A command that has ended.
#[derive(Debug)]
pub(super) struct Report {
    /// The limit, as the kernel had it.
    pub(super) bandwidth: Bandwidth,
    /// The group's directory.
    pub(super) group: PathBuf,
    /// For how long the limit held and the command ran.
    pub(super) elapsed: Duration,
    /// What the kernel counted meanwhile.
    pub(super) counters: Counters,
    /// How many processes it left running, which were ended.
    pub(super) left_running: usize,
    /// How it ended.
    pub(super) end: End,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, with this status.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

impl End {
    /// As a shell reports it.
    pub(super) fn exit_status(self) -> u8 {
        let status = match self {
            Self::Exit(code) => code,
            Self::Signal(signal) => 128 + signal,
        };
        u8::try_from(status).unwrap_or(u8::MAX)
    }
}

#[derive(Serialize)]
pub(super) struct Document {
    schema: u32,
    limit_m: u32,
    quota_us: u64,
    period_us: u64,
    burst_us: u64,
    group: String,
    elapsed_s: f64,
    received_m: f64,
    #[serde(flatten)]
    counters: CountersDocument,
    left_running: usize,
    exit_status: Option<i32>,
    signal: Option<i32>,
}

impl Report {
    pub(super) fn document(&self) -> Document {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let (exit_status, signal) = match self.end {
            End::Exit(code) => (Some(code), None),
            End::Signal(signal) => (None, Some(signal)),
        };
        Document {
            schema: SCHEMA,
            limit_m: self.bandwidth.limit().get(),
            quota_us: micros(self.bandwidth.quota()),
            period_us: micros(self.bandwidth.period()),
            burst_us: micros(self.bandwidth.burst()),
            group: self.group.display().to_string(),
            elapsed_s: self.elapsed.as_secs_f64(),
            received_m: self.counters.received_m(self.elapsed),
            counters: self.counters.into(),
            left_running: self.left_running,
            exit_status,
            signal,
        }
    }

    pub(super) fn table(&self) -> String {
        let counters = CountersDocument::from(self.counters);
        let row = |name: &str, value: String| (name.to_owned(), value);
        let mut rows = vec![
            row(
                "limit",
                format!("{}, {}", self.bandwidth.limit(), self.bandwidth),
            ),
            row(
                "received",
                format!(
                    "{:.1}m: {:.3} s of CPU in {:.3} s",
                    self.counters.received_m(self.elapsed),
                    counters.cpu_s,
                    self.elapsed.as_secs_f64()
                ),
            ),
            row("throttled", counters.throttled()),
        ];
        match self.left_running {
            0 => {}
            1 => rows.push(row("ended", "one process that it left running".to_owned())),
            count => rows.push(row(
                "ended",
                format!("{count} processes that it left running"),
            )),
        }
        if let End::Signal(signal) = self.end {
            rows.push(row("signal", format!("{signal} ended the command")));
        }
        in_lines(&rows)
    }
}

#[cfg(test)]
mod tests {
    use super::{End, Report};
    use millicore_quota::{Bandwidth, Counters};
    use std::time::Duration;

    fn report(left_running: usize, end: End) -> Report {
        Report {
            bandwidth: Bandwidth::of("500m".parse().unwrap()),
            group: "/sys/fs/cgroup/cpu/a".into(),
            elapsed: Duration::from_secs(2),
            counters: Counters {
                cpu: Duration::from_millis(990),
                periods: 20,
                throttled_periods: 19,
                throttled: Duration::from_millis(950),
            },
            left_running,
            end,
        }
    }

    #[track_caller]
    fn check(left_running: usize, end: End, more: &str) {
        let expected = "\
limit      500m, 50000 µs in every 100000 µs
received   495.0m: 0.990 s of CPU in 2.000 s
throttled  19 of 20 periods (95.0 %), 0.950 s
";
        assert_eq!(
            report(left_running, end).table(),
            format!("{expected}{more}")
        );
    }

    #[test]
    fn a_report_says_what_the_command_got() {
        check(0, End::Exit(0), "");
        check(0, End::Exit(7), "");
        check(
            1,
            End::Exit(0),
            "ended      one process that it left running\n",
        );
        check(
            3,
            End::Signal(9),
            "ended      3 processes that it left running\nsignal     9 ended the command\n",
        );
    }

    #[test]
    fn the_exit_status_is_that_of_a_shell() {
        let check = |end: End, expected| assert_eq!(end.exit_status(), expected);
        check(End::Exit(0), 0);
        check(End::Exit(255), 255);
        check(End::Signal(9), 137);
        check(End::Signal(15), 143);
    }
}
