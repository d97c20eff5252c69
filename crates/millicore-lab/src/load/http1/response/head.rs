//! The head of a response, and how its body is framed.

use crate::load::http1::response::MalformedResponse;
use httparse::{EMPTY_HEADER, Header, Status};

/// More fields are refused.
const MOST_FIELDS: usize = 100;

pub(super) struct Head {
    /// How many bytes it is, its empty line included.
    pub(super) length: usize,
    pub(super) status: u16,
    pub(super) keeps_alive: bool,
    pub(super) framing: Framing,
}

/// How the end of the body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// It was not the response yet: another head follows.
    Interim,
    /// There is no body.
    Nothing,
    Length(u64),
    Chunked,
    UntilClose,
}

/// `None` if the head is not whole.
pub(super) fn parse(
    bytes: &[u8],
    is_answer_to_head: bool,
) -> Result<Option<Head>, MalformedResponse> {
    let mut fields = [EMPTY_HEADER; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let length = match response.parse(bytes).map_err(MalformedResponse::Head)? {
        Status::Complete(length) => length,
        Status::Partial => return Ok(None),
    };
    let status = response.code.unwrap_or(0);
    let is_old = response.version == Some(0);
    let said = Said::read(response.headers)?;
    Ok(Some(Head {
        length,
        status,
        framing: framing(status, is_old, is_answer_to_head, &said)?,
        keeps_alive: !said.closes && (!is_old || said.keeps_alive),
    }))
}

/// RFC 9112, section 6.3.
fn framing(
    status: u16,
    is_old: bool,
    is_answer_to_head: bool,
    said: &Said,
) -> Result<Framing, MalformedResponse> {
    match status {
        101 => Err(MalformedResponse::SwitchesProtocols),
        100..200 => Ok(Framing::Interim),
        204 | 304 => Ok(Framing::Nothing),
        200..600 if is_answer_to_head => Ok(Framing::Nothing),
        200..600 => match (said.encoding, said.length) {
            (Some(_), _) if is_old => Err(MalformedResponse::EncodingInOldVersion),
            (Some(Encoding::ChunkedLast), _) => Ok(Framing::Chunked),
            (Some(Encoding::Other), _) | (None, None) => Ok(Framing::UntilClose),
            (None, Some(length)) => Ok(Framing::Length(length)),
        },
        _ => Err(MalformedResponse::Status),
    }
}

/// What the fields say that matters here.
#[derive(Default)]
struct Said {
    length: Option<u64>,
    encoding: Option<Encoding>,
    closes: bool,
    keeps_alive: bool,
}

#[derive(Clone, Copy)]
enum Encoding {
    ChunkedLast,
    Other,
}

impl Said {
    fn read(fields: &[Header<'_>]) -> Result<Self, MalformedResponse> {
        let mut said = Self::default();
        for field in fields {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            match field.name.len() {
                10 if is("connection") => said.hear_connection(field.value),
                14 if is("content-length") => said.hear_length(field.value)?,
                17 if is("transfer-encoding") => {
                    let last = field.value.rsplit(|&byte| byte == b',').next();
                    let last = last.unwrap_or_default().trim_ascii();
                    said.encoding = Some(match last.eq_ignore_ascii_case(b"chunked") {
                        true => Encoding::ChunkedLast,
                        false => Encoding::Other,
                    });
                }
                _ => {}
            }
        }
        Ok(said)
    }

    fn hear_connection(&mut self, value: &[u8]) {
        for option in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            self.closes |= option.eq_ignore_ascii_case(b"close");
            self.keeps_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// The same number can be said again, in a list or in a field of its own.
    fn hear_length(&mut self, value: &[u8]) -> Result<(), MalformedResponse> {
        for text in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
            let text = std::str::from_utf8(text).ok().filter(|_| is_number);
            let length: Option<u64> = text.and_then(|text| text.parse().ok());
            let length = length.ok_or(MalformedResponse::Length)?;
            if self.length.is_some_and(|other| other != length) {
                return Err(MalformedResponse::Length);
            }
            self.length = Some(length);
        }
        Ok(())
    }
}

/// Where in `bytes`, which follow `before`, the first empty line ends; lines may end without a
/// carriage return, as `httparse` has it.
pub(super) fn end_in(before: &[u8], bytes: &[u8]) -> Option<usize> {
    // An empty line is a line feed, perhaps a carriage return, and a line feed.
    let tail = &before[before.len().saturating_sub(2)..];
    let (mut last, mut before_last) = match *tail {
        [first, second] => (second, first),
        [only] => (only, 0),
        _ => (0, 0),
    };
    for (index, &byte) in bytes.iter().enumerate() {
        if byte == b'\n' && (last == b'\n' || (last == b'\r' && before_last == b'\n')) {
            return Some(index + 1);
        }
        (last, before_last) = (byte, last);
    }
    None
}
