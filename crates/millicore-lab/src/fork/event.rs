//! What a process tells: that it began, computed, forked or failed, as a line and as data.

use std::fmt;

/// Something that a process (or a thread) did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in nanoseconds since the run began.
    pub at_ns: u64,
    /// In which round: 0 is the one process alone.
    pub round: u32,
    /// The id of the process or thread.
    pub id: i32,
    /// The id of the one that it was forked or started by.
    pub parent: i32,
    /// What it did.
    pub what: What,
}

/// What a process did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It began to compute.
    Started,
    /// It has computed.
    Computed {
        /// The CPU time that it took, in nanoseconds.
        cpu_ns: u64,
        /// A hash of the result.
        fnv1a: u64,
    },
    /// It has doubled.
    Forked {
        /// When it asked for that, in nanoseconds since the run began.
        asked_ns: u64,
        /// The id of the new one. A thread learns it only later.
        child: Option<i32>,
    },
    /// It cannot go on, or one that it has started did not end well.
    Failed {
        /// Why.
        reason: String,
    },
}

/// The longest reason that is told, in bytes: with it, a line is written in one piece.
const LONGEST_REASON: usize = 1000;

impl Event {
    /// The name of what happened.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.what {
            What::Started => "started",
            What::Computed { .. } => "computed",
            What::Forked { .. } => "forked",
            What::Failed { .. } => "failed",
        }
    }

    /// The line that goes through a pipe; [`Event::parse`] reads it.
    pub(crate) fn to_line(&self) -> String {
        let Self {
            at_ns,
            round,
            id,
            parent,
            ..
        } = self;
        let rest = match &self.what {
            What::Started => String::new(),
            What::Computed { cpu_ns, fnv1a } => format!(" {cpu_ns} {fnv1a}"),
            What::Forked { asked_ns, child } => format!(" {asked_ns} {}", child.unwrap_or(0)),
            What::Failed { reason } => {
                let mut reason = reason.replace('\n', " ");
                reason.truncate(reason.floor_char_boundary(LONGEST_REASON));
                format!(" {reason}")
            }
        };
        format!("{at_ns} {round} {id} {parent} {}{rest}\n", self.name())
    }

    /// Reads a line without its end.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut fields = line.splitn(6, ' ');
        let mut next = || fields.next();
        let (at_ns, round) = (next()?.parse().ok()?, next()?.parse().ok()?);
        let (id, parent) = (next()?.parse().ok()?, next()?.parse().ok()?);
        let (name, rest) = (next()?, next().unwrap_or(""));
        let two = || rest.split_once(' ');
        let what = match name {
            "started" => What::Started,
            "computed" => What::Computed {
                cpu_ns: two()?.0.parse().ok()?,
                fnv1a: two()?.1.parse().ok()?,
            },
            "forked" => What::Forked {
                asked_ns: two()?.0.parse().ok()?,
                child: two()?.1.parse().ok().filter(|&child| child != 0),
            },
            "failed" => What::Failed {
                reason: rest.to_owned(),
            },
            _ => return None,
        };
        Some(Self {
            at_ns,
            round,
            id,
            parent,
            what,
        })
    }
}

/// A line of the log: seconds to the microsecond, round, process, its parent, what it did.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = seconds(self.at_ns);
        let Self {
            round, id, parent, ..
        } = self;
        let name = self.name();
        write!(f, "{seconds:>12}  {round:>5}  {id:>8}  {parent:>8}  {name}")?;
        match &self.what {
            What::Forked {
                child: Some(child), ..
            } => write!(f, " {child}"),
            What::Failed { reason } => write!(f, ": {reason}"),
            _ => Ok(()),
        }
    }
}

/// The line above a log.
pub const LOG_HEADER: &str = "     seconds  round        id    parent  event";

/// Seconds to the microsecond, rounded down.
pub(crate) fn seconds(ns: u64) -> String {
    format!("{}.{:06}", ns / 1_000_000_000, ns / 1_000 % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::{Event, LOG_HEADER, LONGEST_REASON, What};

    fn event(what: What) -> Event {
        Event {
            at_ns: 9_600_123_999,
            round: 2,
            id: 85,
            parent: 81,
            what,
        }
    }

    #[track_caller]
    fn check(what: What, line: &str, log: &str) {
        let event = event(what);
        assert_eq!(event.to_line(), format!("{line}\n"));
        assert_eq!(Event::parse(line).as_ref(), Some(&event));
        assert_eq!(event.to_string(), log);
    }

    #[test]
    fn events_go_through_a_pipe_and_into_a_log() {
        check(
            What::Started,
            "9600123999 2 85 81 started",
            "    9.600123      2        85        81  started",
        );
        check(
            What::Computed {
                cpu_ns: 7,
                fnv1a: u64::MAX,
            },
            "9600123999 2 85 81 computed 7 18446744073709551615",
            "    9.600123      2        85        81  computed",
        );
        check(
            What::Forked {
                asked_ns: 5,
                child: Some(86),
            },
            "9600123999 2 85 81 forked 5 86",
            "    9.600123      2        85        81  forked 86",
        );
        check(
            What::Forked {
                asked_ns: 5,
                child: None,
            },
            "9600123999 2 85 81 forked 5 0",
            "    9.600123      2        85        81  forked",
        );
        check(
            What::Failed {
                reason: "no more processes".to_owned(),
            },
            "9600123999 2 85 81 failed no more processes",
            "    9.600123      2        85        81  failed: no more processes",
        );
        assert_eq!(
            LOG_HEADER.find("event"),
            event(What::Started).to_string().find("started")
        );
    }

    #[test]
    fn a_reason_fits_one_write() {
        let reason = "no\nway\u{e9}".repeat(1000);
        let line = event(What::Failed { reason }).to_line();
        assert_eq!(line.lines().count(), 1);
        assert!(line.len() < LONGEST_REASON + 80, "{}", line.len());
    }

    #[test]
    fn what_is_no_event_is_none() {
        for line in [
            "",
            "1 2 3",
            "1 2 3 4 slept",
            "1 2 3 4 computed",
            "x 2 3 4 started",
        ] {
            assert_eq!(Event::parse(line), None, "{line}");
        }
    }
}
