//! Strict quotes: the reader beneath takes an unclosed one for the rest of the file.

use super::CsvError;

/// What may come next in a field.
#[derive(Clone, Copy)]
enum State {
    Start,
    Plain,
    Quoted,
    /// A quote in quotes: the end of the field, or half of a doubled quote.
    MaybeClosed,
}

const INSIDE: &str = "a quote inside a field: quotes stand around a whole field";
const UNCLOSED: &str = "the quote that begins this field is not closed in the same line";
const AFTER: &str = "a closing quote is followed by something other than a comma";

/// Whether every quote stands around a whole field of one line.
///
/// # Errors
///
/// Names the first field whose quotes do not.
pub(super) fn check(bytes: &[u8]) -> Result<(), CsvError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let (mut line, mut number, mut state) = (1, 1, State::Start);
    // The end of the file ends its last line.
    for &byte in bytes.iter().chain(b"\n") {
        let refused = |reason| CsvError::Quote {
            line,
            number,
            reason,
        };
        state = match (state, byte) {
            (State::Quoted, b'\n' | b'\r') => return Err(refused(UNCLOSED)),
            (State::Quoted, b'"') => State::MaybeClosed,
            (State::Quoted, _) | (State::Start | State::MaybeClosed, b'"') => State::Quoted,
            (State::Plain, b'"') => return Err(refused(INSIDE)),
            (_, b',' | b'\n' | b'\r') => State::Start,
            (State::MaybeClosed, _) => return Err(refused(AFTER)),
            (State::Start | State::Plain, _) => State::Plain,
        };
        if matches!(state, State::Start) {
            number = if byte == b',' { number + 1 } else { 1 };
            line += u64::from(byte == b'\n');
        }
    }
    Ok(())
}
