//! The report as CSV: a row for each policy and request.

use crate::divide::report::Report;
use std::fmt::Write;

impl Report {
    /// One row for each policy and request, in seconds; a mean is repeated in every row of its
    /// policy, and one that nobody knows is empty.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut csv =
            "policy,request,response_s,mean_s,predicted_mean_s,closed_form_mean_s\n".to_owned();
        for measurement in &self.measurements {
            let prediction = measurement.prediction;
            let mean_s = measurement.mean_ns / 1e9;
            let predicted_s = prediction.mean_ns / 1e9;
            let closed_form_s = prediction
                .closed_form_mean_ns
                .map_or(String::new(), |mean_ns| format!("{:.9}", mean_ns / 1e9));
            for (request, response_ns) in (1..).zip(&measurement.responses_ns) {
                let response_s = response_ns / 1e9;
                // Writing to a string does not fail.
                let _ = writeln!(
                    csv,
                    "{},{request},{response_s:.9},{mean_s:.9},{predicted_s:.9},{closed_form_s}",
                    measurement.policy
                );
            }
        }
        csv
    }
}
