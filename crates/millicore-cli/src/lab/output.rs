//! How an experiment is printed: the formats, and standard output.

use crate::failure::Failure;
use clap::ValueEnum;
use std::io::{self, Write};

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Format {
    /// Text and a picture for people
    Table,
    /// One object for programs
    Json,
    /// Rows for a spreadsheet
    Csv,
}

pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(|error| Failure::output(&error))
}
