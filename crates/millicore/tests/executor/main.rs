//! The features of the executor, each through one `check`, on real threads and in virtual time.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and prints its seed"
)]

mod deadline;
mod seeded;

mod accounts;
mod admission;
mod control;
mod endings;
mod handles;
mod here;
mod limits;
mod loops;
mod order;
mod panics;
mod stress;
mod threads;
mod wakes;
