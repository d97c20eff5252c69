//! The report as CSV: a row for each group of each case.

use crate::saturate::report::Report;
use std::fmt::Write;

impl Report {
    /// One row for each case and group; a mean of no request is empty.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut csv = "count,limit_m,parent_m,group,received_m,fair_m,throttled_ratio,\
                       longest_stall_s,requests,mean_response_s,p99_response_s\n"
            .to_owned();
        let seconds = |it: Option<f64>| it.map_or(String::new(), |it| format!("{it:.6}"));
        for report in &self.cases {
            let case = report.case();
            let parent = case.parent.map_or(String::new(), |it| it.get().to_string());
            let (means_s, p99s_s) = (report.mean_responses_s(), report.p99_responses_s());
            let requests = report.requests_done();
            for group in 0..report.received_m.len() {
                // Writing to a string does not fail.
                let _ = writeln!(
                    csv,
                    "{},{},{parent},{},{:.3},{:.3},{:.4},{:.6},{},{},{}",
                    case.count,
                    case.limit.get(),
                    group + 1,
                    report.received_m[group],
                    report.fair_m[group],
                    report.throttled_ratio[group],
                    report.longest_stall_s[group],
                    requests[group],
                    seconds(means_s[group]),
                    seconds(p99s_s[group]),
                );
            }
        }
        csv
    }
}
