//! HTTP over real sockets: what every model must do alike, and what only `scheduled` does.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod application;
mod client;
mod gate;
mod log;
mod server;

mod behaviour;
mod malformed;

mod alike;

mod http2;

mod crowd;
mod leaving;
mod stopping;
mod timing;
