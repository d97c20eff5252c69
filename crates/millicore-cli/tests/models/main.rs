//! Every concurrency model through `millicore serve`: connections, faults and the end of a server, as
//! clients and the system see them.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

/// A test for each model, so that a failure names it, of a function of the same name.
macro_rules! for_every_model {
    ($($name:ident)*) => { $(
        mod $name {
            #[test]
            fn sync() {
                super::$name("sync");
            }
            #[test]
            fn threads() {
                super::$name("threads");
            }
            #[test]
            fn forks() {
                super::$name("forks");
            }
            #[test]
            fn prefork() {
                super::$name("prefork");
            }
            #[test]
            fn scheduled() {
                super::$name("scheduled");
            }
        }
    )* };
}

mod client;
mod processes;
mod server;

mod connections;
mod departures;
mod ends;
mod faults;
mod limits;
mod listeners;
mod shortages;
mod workers;
