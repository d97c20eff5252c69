//! Threads that use all the CPU time that they get, and tell what they got.
//!
//! Each looks at the clock all the time: what its own CPU clock advances by is what it got, and the
//! longest time between two looks is how long it stood still. With requests of a fixed size it
//! also tells how long each took.
//!
//! ```
//! use millicore_lab::burn::{Plan, Team, Wishes};
//! use millicore_lab::stop::Stop;
//!
//! let wishes = Wishes { time: Some("1ms".to_owned()), ..Wishes::default() };
//! let burnt = Team::gather(&Plan::new(&wishes)?, &Stop::default())?.burn(None);
//! println!("{}", burnt.to_text());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The modules, in reading order:
//!
//! - `plan`: what was asked for, checked. Start here.
//! - `team`: the threads, which wait until all are there and begin at one moment.
//! - `worker`: what each of them does.
//! - `alignment`: the moment at which a quota is renewed.
//! - `burnt`: what came of it, as text and JSON.
//! - `control`: begun by another process, over a connection.
//! - `clock`: the monotonic clock, which all processes of a machine share.

mod plan;

mod alignment;
mod team;
mod worker;

mod burnt;
mod clock;
mod control;

pub use burnt::{Burnt, Requests, ThreadUse};
pub use control::{Control, ControlError};
pub use plan::{Plan, PlanError, Wishes};
pub use team::Team;

pub use clock::monotonic_ns;
pub use control::start_line;
