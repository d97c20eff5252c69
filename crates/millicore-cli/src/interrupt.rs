//! Ctrl-C: the first asks what runs to stop and report, the second ends the command.

use crate::failure::{Failure, INTERRUPTED};
use millicore_lab::stop::Stop;

pub(crate) fn listen(stop: Stop) -> Result<(), Failure> {
    set_handler(move || {
        let is_first = stop.ask();
        if !is_first {
            end();
        }
    })
}

/// For a command that has nothing to report until it is done: the first ends it.
pub(crate) fn listen_to_end() -> Result<(), Failure> {
    set_handler(end)
}

fn set_handler(on_signal: impl FnMut() + Send + 'static) -> Result<(), Failure> {
    ctrlc::set_handler(on_signal).map_err(|error| Failure::at("cannot listen for Ctrl-C", error))
}

/// On a thread of its own, so that nothing else can answer with the exit status.
fn end() {
    std::process::exit(INTERRUPTED.into());
}
