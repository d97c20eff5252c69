//! Ctrl-C: the first asks what runs to stop and report, the second ends the command.

use crate::failure::Failure;
use millicore_lab::stop::Stop;

/// What a shell reports for a command that was interrupted.
pub(crate) const INTERRUPTED: i32 = 130;

pub(crate) fn listen(stop: Stop) -> Result<(), Failure> {
    let on_signal = move || {
        let is_first = stop.ask();
        if !is_first {
            std::process::exit(INTERRUPTED);
        }
    };
    ctrlc::set_handler(on_signal).map_err(|error| Failure::at("cannot listen for Ctrl-C", error))
}
