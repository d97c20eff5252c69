//! Does it help to divide requests? The same requests under several policies, on real cores.
//!
//! Four requests of one CPU-second on two cores take 1.5 s on average under `fifo`, 2 s under
//! `fair` and 1.25 s under `focus`. Here they are executed, drawn core by core, and compared with
//! the simulator and with theory.
//!
//! ```no_run
//! use millicore_lab::divide::{Plan, Report, Wishes, Work, predict, run};
//! use millicore_lab::machine::MachineState;
//! use millicore_lab::stop::Stop;
//!
//! let plan = Plan::new(&Wishes::default(), &millicore_quota::ProcessLimit::read())?;
//! let predictions = predict(&plan)?;
//! let (machine, stop) = (MachineState::read(), Stop::default());
//! if let Some(work) = Work::calibrate(&plan, &stop)? {
//!     let outcome = run(&plan, &work, &stop, &mut |_| ())?;
//!     println!("{}", Report::new(&plan, &predictions, machine, outcome).to_table());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The modules, in reading order:
//!
//! - `plan`: what was asked for, checked. Start here.
//! - `work`, `calibrate`: what a request does, and how much of it takes the size asked for.
//! - `run`, `round`: all policies in turn, and one of them once.
//! - `inside`, `message`: the same in a place with a limit, and what is told of it from there.
//! - `recording`: what happened in a round, from the journal of the executor.
//! - `prediction`: what the simulator and theory say.
//! - `measurement`, `verdict`: medians over the repeats, and who won.
//! - `report`, `picture`: all of it as a table, a picture, JSON and CSV.

mod plan;

mod calibrate;
mod work;

mod round;
mod run;

mod inside;

mod message;

mod recording;

mod prediction;

mod measurement;
mod verdict;

mod picture;
mod report;

pub use inside::{InsideError, run_inside};
pub use measurement::Measurement;
pub use message::{Message, Results};
pub(crate) use plan::SLICE_NS;
pub use plan::{Plan, PlanError, Wishes};
pub use prediction::{Prediction, predict, run_time_ns};
pub use recording::Stay;
pub use report::Report;
pub use round::Round;
pub use run::{Outcome, Progress, RunError, run};
pub use verdict::Verdict;
pub use work::{Work, Workload};
