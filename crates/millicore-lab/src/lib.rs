//! Experiments: plan, run, measure, report.
//!
//! Each is a chain of functions over plain data: what was typed becomes a plan, a plan is run, what
//! was measured becomes a report.
//!
//! - [`divide`]: does it help to divide requests? Start here.
//! - [`load`]: requests to a server, as many and as fast as asked, and how long each waited.
//! - [`fork`]: what happens when processes double, beyond the cores?
//! - [`concurrency`]: is a server synchronous? The same requests to every concurrency model.
//! - [`saturate`]: more CPU limits than CPU: who gets what, and who stands still?
//! - [`place`]: where an experiment's server runs, and under which CPU limit.
//! - [`burn`]: threads that use all the CPU time that they get, and tell what they got.
//! - [`machine`]: what machine a report comes from, and how busy it was.
//! - [`flags`], [`stop`]: what was typed, and how a run is asked to stop.
//! - `affinity`: which cores a thread may use.
//! - `median`: the middle of what was measured.
//! - `text`, `timeline`: plain text and a picture for a terminal.
#![forbid(unsafe_code)]

pub mod divide;

pub mod burn;
pub mod concurrency;
pub mod fork;
pub mod load;
pub mod saturate;

pub mod place;

pub mod machine;

pub mod flags;
pub mod stop;

mod affinity;
mod median;
mod text;
mod timeline;
