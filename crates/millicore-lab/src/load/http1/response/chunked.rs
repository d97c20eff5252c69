//! A body in chunks: RFC 9112, section 7.1. Extensions and trailers are skipped.

use crate::load::http1::response::MalformedResponse;

/// All extensions, or all trailers, together.
pub(super) const LONGEST_LINES: usize = 64 * 1024;

/// Where in the chunks the reader stands.
#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
    /// How long the lines were that carry no data.
    skipped: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the digits of a length.
    Length {
        value: u64,
        has_digits: bool,
    },
    /// After them, up to the end of the line.
    Extension {
        length: u64,
    },
    /// After the carriage return of that line.
    LengthEnd {
        length: u64,
    },
    Data {
        left: u64,
    },
    DataReturn,
    DataEnd,
    /// At the beginning of a line of trailers.
    TrailerStart,
    Trailer,
    /// After the carriage return of the empty line that ends everything.
    LastEnd,
    Done,
}

const NO_LENGTH: State = State::Length {
    value: 0,
    has_digits: false,
};

impl Default for Chunked {
    fn default() -> Self {
        Self {
            state: NO_LENGTH,
            skipped: 0,
        }
    }
}

impl Chunked {
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes at least one byte of `bytes`, which are not empty: how many, and the data among them.
    pub(super) fn step<'a>(
        &mut self,
        bytes: &'a [u8],
    ) -> Result<(usize, &'a [u8]), MalformedResponse> {
        if let State::Data { left } = self.state {
            let length = usize::try_from(left).map_or(bytes.len(), |it| it.min(bytes.len()));
            let left = left - length as u64;
            self.state = match left {
                0 => State::DataReturn,
                left => State::Data { left },
            };
            return Ok((length, &bytes[..length]));
        }
        let mut consumed = 0;
        for &byte in bytes {
            self.state = self.after(byte)?;
            consumed += 1;
            if matches!(self.state, State::Data { .. } | State::Done) {
                break;
            }
        }
        Ok((consumed, &[]))
    }

    fn after(&mut self, byte: u8) -> Result<State, MalformedResponse> {
        Ok(match (self.state, byte) {
            (State::Length { value, has_digits }, _) => length(value, has_digits, byte)?,
            (State::Extension { length }, b'\r') => State::LengthEnd { length },
            (State::Extension { .. }, b'\n') => return Err(MalformedResponse::ChunkLength),
            (State::Extension { .. } | State::Trailer, _) if byte != b'\n' => self.skip()?,
            (State::LengthEnd { length: 0 }, b'\n') => State::TrailerStart,
            (State::LengthEnd { length }, b'\n') => State::Data { left: length },
            (State::LengthEnd { .. }, _) => return Err(MalformedResponse::ChunkLength),
            (State::DataReturn, b'\r') => State::DataEnd,
            (State::DataEnd, b'\n') => NO_LENGTH,
            (State::TrailerStart, b'\r') => State::LastEnd,
            (State::TrailerStart, b'\n') | (State::LastEnd, b'\n') => State::Done,
            (State::TrailerStart, _) => {
                self.state = State::Trailer;
                self.skip()?
            }
            (State::Trailer, _) => State::TrailerStart,
            _ => return Err(MalformedResponse::ChunkEnd),
        })
    }

    fn skip(&mut self) -> Result<State, MalformedResponse> {
        self.skipped += 1;
        if self.skipped > LONGEST_LINES {
            return Err(MalformedResponse::LongLines);
        }
        Ok(self.state)
    }
}

fn length(value: u64, has_digits: bool, byte: u8) -> Result<State, MalformedResponse> {
    let digit = char::from(byte).to_digit(16);
    match (digit, byte) {
        (Some(digit), _) => {
            let shifted = value
                .checked_mul(16)
                .and_then(|it| it.checked_add(digit.into()));
            let value = shifted.ok_or(MalformedResponse::ChunkLength)?;
            Ok(State::Length {
                value,
                has_digits: true,
            })
        }
        (None, b'\r') if has_digits => Ok(State::LengthEnd { length: value }),
        (None, b';' | b' ' | b'\t') if has_digits => Ok(State::Extension { length: value }),
        _ => Err(MalformedResponse::ChunkLength),
    }
}
