//! Decides which request a core works on next: no clock, no thread, no I/O.
//!
//! A policy is an order (whose turn it is) and a width (how many cores one request may hold). The
//! [`scheduler`] applies it to events and answers with decisions; a driver (the executor on real
//! threads, the simulator on a simulated machine) does the rest. Everything is in whole
//! numbers, so that every driver gets the same schedule.
//!
//! The modules, in reading order:
//!
//! - [`scheduler`]: events in, decisions out. Start here.
//! - [`policy`]: a policy as a user names it.
//! - [`policies`]: the list of policies, one file each.
//! - [`order`], [`work`]: what a policy is made of, and what it may look at.
//! - `queue`, `tenant`: who stands in line, inside a tenant and among tenants.
//! - [`virtual_time`], [`limit`], [`admission`]: fair shares, CPU limits, who may wait.
//! - `request`, `heap`: where requests are kept, and in which order.
//! - [`journal`]: calls and answers as data, for replay.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod scheduler;

pub mod policy;

pub mod policies;

pub mod order;
pub mod work;

mod queue;
mod tenant;

pub mod admission;
pub mod limit;
pub mod virtual_time;

mod heap;
mod request;

pub mod journal;

pub use policy::{Policy, PolicyError, Width};
pub use request::RequestKey;
pub use scheduler::Scheduler;
pub use tenant::{TenantId, TenantSpec};
