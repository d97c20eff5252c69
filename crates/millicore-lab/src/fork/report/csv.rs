//! The log as CSV: a row for each event.

use crate::fork::event::{What, seconds};
use crate::fork::report::Report;
use std::fmt::Write;

impl Report {
    /// One row for each event, by time. Threads have their ids where processes have theirs.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut csv = "seconds,round,pid,parent_pid,event,child_pid\n".to_owned();
        for event in &self.events {
            let child = match event.what {
                What::Forked {
                    child: Some(child), ..
                } => child.to_string(),
                _ => String::new(),
            };
            // Writing to a string does not fail.
            let _ = writeln!(
                csv,
                "{},{},{},{},{},{child}",
                seconds(event.at_ns),
                event.round,
                event.id,
                event.parent,
                event.name()
            );
        }
        csv
    }
}
