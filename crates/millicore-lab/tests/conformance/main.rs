//! One suite for two machines: the simulator and the executor make the same schedule.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod chance;
mod journal;
mod machines;
mod random;
mod table;
