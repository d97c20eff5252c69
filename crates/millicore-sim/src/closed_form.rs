//! Closed forms: what queueing theory says a mean response time is, without simulating.
//!
//! [`batch`] for requests that are all there at the start, [`queue`] for Poisson arrivals. They
//! hold for chunks of no length, no overhead and linear speedup. Lengths of time are in one unit
//! throughout, whichever it is.

pub mod batch;
pub mod queue;

pub use batch::batch_mean;
