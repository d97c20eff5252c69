//! The report as CSV: a row for each request.

use crate::load::recorder::Row;
use crate::load::report::Report;
use std::borrow::Cow;

const HEADER: &str =
    "index,url,intended_s,sent_s,latency_s,latency_from_send_s,status,failure,bytes\n";

impl Report {
    /// A header and a row for each request, in the order of the plan. Times are in seconds, and
    /// what does not exist is empty.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = HEADER.to_owned();
        for row in &self.outcome.rows {
            text.push_str(&self.csv_row(row));
        }
        text
    }

    fn csv_row(&self, row: &Row) -> String {
        let optional = |ns: Option<u64>| ns.map(seconds).unwrap_or_default();
        let from_send_ns = row
            .sent_ns
            .map(|sent_ns| row.ended_ns.saturating_sub(sent_ns));
        let status = row.answer.map(|status| status.to_string());
        let failure = row.failure().map(|failure| failure.to_string());
        format!(
            "{},{},{},{},{},{},{},{},{}\n",
            row.index,
            quoted(self.url(row.target)),
            seconds(row.intended_ns),
            optional(row.sent_ns),
            seconds(row.latency_ns()),
            optional(from_send_ns),
            status.unwrap_or_default(),
            failure.unwrap_or_default(),
            row.body_bytes,
        )
    }
}

/// To the nanosecond, without a detour over a float.
fn seconds(ns: u64) -> String {
    const SECOND_NS: u64 = 1_000_000_000;
    format!("{}.{:09}", ns / SECOND_NS, ns % SECOND_NS)
}

/// RFC 4180, section 2.
fn quoted(text: &str) -> Cow<'_, str> {
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\"")).into();
    }
    text.into()
}
