//! Experiments: plan, run, measure, report.
