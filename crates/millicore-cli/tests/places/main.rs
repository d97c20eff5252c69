//! The command in a group and in a container: the figures that come back, which limit is found there,
//! what is refused, and that nothing is left behind.
//!
//! It needs the right to make cgroups and a Docker engine. Where one is missing it says so.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test panics and prints"
)]

mod detected;
mod left_behind;
mod measured;
mod refused;

use millicore_lab::place::{PlaceKind, find};
use millicore_quota::PlaceError;
use serde_json::Value;
use std::env;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

const MILLICORE: &str = env!("CARGO_BIN_EXE_millicore");

/// The command, with arguments between spaces.
fn millicore(arguments: &str) -> Command {
    let mut command = Command::new(MILLICORE);
    command
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn json(arguments: &str) -> Value {
    let output = millicore(&format!("{arguments} --format json")).output();
    let output = output.unwrap();
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments}: {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// One test at a time: what is removed by the start of another has not been removed by its own.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What can be used here, or nothing, which on a build machine is a failure.
fn usable<P>(found: Result<P, PlaceError>) -> Option<P> {
    match found {
        Ok(found) => Some(found),
        Err(error) => {
            cannot_be_tested(&error.to_string());
            None
        }
    }
}

fn cannot_be_tested(why: &str) {
    eprintln!("not tested: {why}");
    let is_build_machine = env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!is_build_machine, "CI must be able to: {why}");
}

/// The places that can be used here, by name.
fn places() -> Vec<&'static str> {
    let kinds = [PlaceKind::Cgroup, PlaceKind::Docker].into_iter();
    let usable = kinds.filter(|&kind| usable(find(kind)).is_some());
    usable.map(PlaceKind::name).collect()
}
