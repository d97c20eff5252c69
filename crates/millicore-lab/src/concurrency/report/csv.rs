//! The responses as CSV: a row for each, of every repeat.

use crate::concurrency::report::Report;
use std::fmt::Write;

impl Report {
    /// One row for each response; times are in seconds
    /// from the moment at which all requests should leave.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut csv = "part,model,workers,policy,repeat,request,pid,parent_pid,thread_id,sent_s,\
                       started_s,finished_s,elapsed_s,response_s,cpu_s,queue_s\n"
            .to_owned();
        let seconds = |ns: u64| format!("{:.6}", ns as f64 / 1e9);
        let optional = |ns: Option<u64>| ns.map_or_else(String::new, seconds);
        for round in &self.rounds {
            let contender = round.contender;
            let workers = contender
                .workers
                .map_or_else(String::new, |it| it.to_string());
            let policy = contender
                .policy
                .map_or_else(String::new, |it| it.to_string());
            for it in &round.responses {
                // Writing to a string does not fail.
                let _ = writeln!(
                    csv,
                    "{},{},{workers},{policy},{},{},{},{},{},{},{},{},{},{},{},{}",
                    round.part.kind.name(),
                    contender.model,
                    round.repeat,
                    it.request,
                    it.pid,
                    it.parent_pid,
                    it.thread_id,
                    seconds(it.sent_ns),
                    seconds(it.started_ns),
                    seconds(it.finished_ns()),
                    seconds(it.elapsed_ns),
                    seconds(it.response_ns),
                    optional(it.cpu_ns),
                    optional(it.queue_ns),
                );
            }
        }
        csv
    }
}
