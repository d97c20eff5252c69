//! What if there are more CPU limits than CPU? Groups that all use what they get, measured at once.
//!
//! Every group has a limit and runs a burner, which takes all the CPU time that it is given. All of
//! them begin at one moment and end at one moment, so that what each received can be compared: with
//! its limit, with the fair share, and with the others. Beside it stands how long a group stood
//! still, and how long a request of fixed size took in it.
//!
//! The modules, in reading order:
//!
//! - `plan`, `case`: what was asked for, checked, and the cases to run. Start here.
//! - `run`: one case after the other, from the making of its groups to their removal.
//! - `occupant`: what runs in a group; `group`: the group with it, in a place.
//! - `client`: who asks a server; `window`: the time over which all of them are measured.
//! - `staircase`: requests at once, to pools of one worker and of several, under one limit.
//! - `fairness`: the fair share, and how far from it the groups were.
//! - `report`: all of it as a table, a picture, JSON and CSV.

mod case;
mod plan;

mod client;
mod group;
mod occupant;
mod run;
mod staircase;
mod window;

mod fairness;

mod report;

pub use case::{Case, Workload};
pub use fairness::{fair_shares, jain_index};
pub use plan::{Plan, PlanError, Wishes, run_time_ns};
pub use report::Report;
pub use run::{CaseResult, GroupResult, Outcome, Progress, RunError, run};
pub use staircase::{Staircase, Step};
