//! How a command fails: what it prints, and its exit status.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// The exit status of a command that was interrupted: 128 and the number of SIGINT, as a shell
/// reports it.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why a command ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was asked for something that makes no sense: exit status 2.
    Usage(String),
    /// It could not be done: exit status 1.
    Run(String),
    /// It was done, and the report says that an expectation was missed: exit status 3.
    Missed,
    /// It was interrupted, and has reported what it had until then: exit status 130.
    Interrupted,
    /// Another command was run, and ended with this exit status.
    Passed(u8),
    /// It could not be done, and the exit status says what could not.
    Other {
        /// The exit status.
        status: u8,
        /// What is printed.
        message: String,
    },
    /// Whoever read the output has read enough: exit status 0.
    OutputClosed,
}

impl Failure {
    /// A flag that does not go with the others.
    pub(crate) fn usage(error: impl Display) -> Self {
        Self::Usage(error.to_string())
    }

    /// Something that failed at a place: a file, a line of it.
    pub(crate) fn at(place: impl Display, error: impl Display) -> Self {
        Self::Run(format!("{place}: {error}"))
    }

    /// Standard output does not take what is written.
    pub(crate) fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else {
            Self::at("standard output", error)
        }
    }
}

/// Prints what is to be said about the outcome, and answers with the exit status.
pub(crate) fn exit_code(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) | Err(Failure::OutputClosed) => ExitCode::SUCCESS,
        Err(Failure::Missed) => ExitCode::from(3),
        Err(Failure::Interrupted) => ExitCode::from(INTERRUPTED),
        Err(Failure::Passed(status)) => ExitCode::from(status),
        Err(Failure::Other { status, message }) => {
            note(format_args!("error: {message}"));
            ExitCode::from(status)
        }
        Err(Failure::Run(message)) => {
            note(format_args!("error: {message}"));
            ExitCode::from(1)
        }
        Err(Failure::Usage(message)) => {
            note(format_args!(
                "error: {message}\n\nFor more information, try '--help'."
            ));
            ExitCode::from(2)
        }
    }
}

/// A line on standard error. Where nobody takes it there is nobody left to tell.
pub(crate) fn note(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
