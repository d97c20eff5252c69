//! Lives of a scheduler that a fuzzer thinks up, held against the slow model of its tests.
//!
//! ```console
//! $ cargo +nightly fuzz run events
//! ```
//!
//! The same decoder and driver run on random bytes in the tests of `millicore-policy`.
#![no_main]

#[path = "../../crates/millicore-policy/tests/properties/account.rs"]
mod account;
#[path = "../../crates/millicore-policy/tests/properties/driver.rs"]
mod driver;
#[path = "../../crates/millicore-policy/tests/properties/model.rs"]
mod model;
#[path = "../../crates/millicore-policy/tests/properties/script.rs"]
mod script;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| driver::run(&script::Script::decode(bytes)));
