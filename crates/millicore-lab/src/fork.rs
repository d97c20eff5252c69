//! What happens when processes double, beyond the cores? Every process computes, then forks.
//!
//! One process computes the factorial of 200 000 by the naive product, and forks; then two do, and
//! fork; then four; then eight. Up to as many processes as there are cores, each round takes as
//! long as one process alone. Beyond, it takes at least as long as if all of them shared the cores
//! perfectly, and at most as long as if they took turns in whole rounds: eight computations of 9.6 s
//! on six cores lie between 12.8 s and 19.2 s.
//!
//! ```no_run
//! use millicore_lab::fork::{Plan, Report, Wishes, run};
//! use millicore_lab::machine::MachineState;
//! use millicore_quota::ProcessLimit;
//!
//! let plan = Plan::new(&Wishes::default(), &ProcessLimit::read())?;
//! let machine = MachineState::read();
//! // This process must have no other thread now.
//! let outcome = run(&plan, &mut |event| eprintln!("{event}"))?;
//! println!("{}", Report::new(&plan, machine, outcome)?.to_table());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The modules, in reading order:
//!
//! - `plan`: what was asked for, checked. Start here.
//! - `run`: starts the first process and listens to all of them.
//! - `member`, `processes`, `threads`: what each of them does, and how it doubles.
//! - `event`, `log`: what is told, and how it gets to who listens.
//! - `bounds`, `prediction`: what theory and the simulator say of a round.
//! - `measurement`: rounds and forks, from the events.
//! - `report`: all of it as a table, a picture, JSON and CSV.
//! - `simulation`: the same without measuring, beside what the article measured.

mod plan;

mod member;
mod processes;
mod run;
mod threads;

mod event;
mod log;

mod bounds;
mod prediction;

mod measurement;

mod report;
mod simulation;

pub use bounds::{Bounds, Position};
pub use event::{Event, LOG_HEADER, What};
pub use measurement::{Doubling, RoundTime};
pub use plan::{Plan, PlanError, Slicing, Wishes, With};
pub use prediction::Prediction;
pub use report::{Report, RoundReport, WholeRun};
pub use run::{Outcome, RunError, run};
pub use simulation::{Article, SimulatedRound, Simulation, SimulationPlan, SimulationWishes};
