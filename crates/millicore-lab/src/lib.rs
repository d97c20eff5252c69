//! Experiments: plan, run, measure, report.
//!
//! Each is a chain of functions over plain data: what was typed becomes a plan, a plan is run, what
//! was measured becomes a report.
//!
//! - [`divide`]: does it help to divide requests? Start here.
//! - [`machine`]: what machine a report comes from, and how busy it was.
//! - `text`: plain text for a terminal.
#![forbid(unsafe_code)]

pub mod divide;

pub mod machine;

mod text;
