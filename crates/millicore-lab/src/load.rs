//! Load on a server: how many requests it answers, and how long each waits.
//!
//! A closed loop (`Arrivals::Closed`) asks as fast as the server answers, a burst
//! (`Arrivals::AtOnce`) asks everything at the same moment, an open loop asks at a rate whatever
//! becomes of the answers. Latency counts from the moment at which a request should have started,
//! so that a server that stalls cannot hide it by not being asked.
//!
//! ```no_run
//! use millicore_lab::stop::Stop;
//! use millicore_lab::load::{Plan, run};
//!
//! let plan = Plan::at_once("http://localhost:8080/", 10)?;
//! let outcome = run(&plan, &Stop::default(), &mut |_| ())?;
//! for row in &outcome.rows {
//!     println!("{}: {} ms, {:?}", row.index, row.latency_ns() / 1_000_000, row.body);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The modules, in reading order:
//!
//! - `plan`: what was asked for, checked. Start here.
//! - `target`, `schedule`: where requests go, and when each should start.
//! - `run`: what every run does, whatever it speaks.
//! - `http1`: connections, an event loop, and a parser of responses.
//! - `http2`: the same by way of a library.
//! - `alarm`: waking up in time.
//! - `recorder`, `latency`, `failure`: what became of each request, added up.
//! - `generator`: whether the generator itself was the limit.
//! - `expectation`: whether it was as it should be.
//! - `report`: all of it as a table, JSON and CSV.

mod plan;

mod schedule;
mod target;

mod run;

mod alarm;
mod http1;
mod http2;

mod failure;
mod latency;
mod recorder;

mod generator;

mod expectation;

mod report;

pub use expectation::{Expectation, ExpectationError, Judgement};
pub use failure::{Failure, Malformed};
pub use generator::GeneratorUse;
pub use http1::response::{Fed, MalformedResponse, Response};
pub use latency::{Figure, Latencies};
pub use plan::{Arrivals, Extent, MOST_ROWS, Order, Plan, PlanError, Protocol, Wishes};
pub use recorder::Row;
pub use report::Report;
pub use run::{Outcome, Progress, RunError, run};
pub use target::{LookupError, Target, TargetError};
