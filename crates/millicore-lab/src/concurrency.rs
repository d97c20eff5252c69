//! Is a server synchronous? The same requests at once, to every concurrency model.
//!
//! Ten requests that each wait a second are back after ten seconds where one thread serves them in
//! a row, and after one second where each has a thread, a process or the executor. When the second
//! is one of CPU time, threads and processes end where the cores end, and whose turn it is decides
//! how long they wait on average: the policy.
//!
//! The servers are processes, started one after the other from the program that is handed in, with
//! the arguments of `millicore serve`. None of them outlives the run.
//!
//! ```no_run
//! use millicore_lab::concurrency::{Plan, Report, Wishes, run};
//! use millicore_lab::machine::MachineState;
//! use millicore_lab::stop::Stop;
//! use millicore_quota::ProcessLimit;
//!
//! let plan = Plan::new(&Wishes::default(), &ProcessLimit::read())?;
//! let machine = MachineState::read();
//! let program = "/usr/local/bin/millicore".as_ref();
//! let outcome = run(&plan, program, &Stop::default(), &mut |_| ())?;
//! println!("{}", Report::new(&plan, machine, outcome)?.to_table());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The modules, in reading order:
//!
//! - `plan`, `contender`: what was asked for, checked; who is asked. Start here.
//! - `theory`: what must come out of it, by arithmetic and by the simulator.
//! - `run`, `server`, `ground`: who is started, asked and stopped, and where.
//! - `answer`: what a server says of itself, and when that was.
//! - `measurement`: each contender's repeats, summed up.
//! - `verdict`: what was found, in words.
//! - `report`: all of it as a table, pictures, JSON and CSV.

mod contender;
mod plan;

mod theory;

mod run;
mod server;

mod ground;

mod answer;
mod measurement;

mod verdict;

mod report;

pub use answer::{AnswerError, Response};
pub use contender::{Contender, Part, PartKind};
pub use measurement::Measurement;
pub use plan::{Plan, PlanError, Wishes};
pub use report::{PartReport, Report};
pub use run::{BurstError, Outcome, Progress, Round, RunError, run};
pub use server::ServerError;
pub use theory::{Theory, run_time_ns};
