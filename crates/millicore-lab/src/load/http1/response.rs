//! Reads a response of HTTP/1.1 from bytes as they come, by RFC 9112: what is parsed here by hand.
//!
//! The head is read by `httparse`; framing is decided here (section 6.3 of the RFC): no body, a
//! length, chunks, or everything until the connection closes. Interim responses (1xx) are skipped.

mod chunked;
mod head;

use chunked::Chunked;
use head::Framing;

/// A longer head is refused; no server that is measured sends one.
const LONGEST_HEAD: usize = 64 * 1024;

/// A response that is being read. Feed it until it is done.
#[derive(Debug)]
pub struct Response {
    /// Whether the request was `HEAD`, whose answer has no body.
    is_answer_to_head: bool,
    state: State,
    /// A head that has not come whole; empty in the usual case, where one read has all of it.
    partial_head: Vec<u8>,
    status: u16,
    keeps_alive: bool,
    body_bytes: u64,
    is_untouched: bool,
}

#[derive(Debug)]
enum State {
    Head,
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    Done,
}

/// What became of the bytes that were fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fed {
    /// How many of them belong to this response.
    pub consumed: usize,
    /// Whether it is complete.
    pub is_done: bool,
}

impl Response {
    /// Nothing has come yet.
    #[must_use]
    pub fn new(is_answer_to_head: bool) -> Self {
        Self {
            is_answer_to_head,
            state: State::Head,
            partial_head: Vec::new(),
            status: 0,
            keeps_alive: false,
            body_bytes: 0,
            is_untouched: true,
        }
    }

    /// Takes the next bytes of the connection; the pieces of the body go to `body`.
    ///
    /// Bytes after the end of the response are not consumed.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the response; it is not to be fed again then.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        body: &mut dyn FnMut(&[u8]),
    ) -> Result<Fed, MalformedResponse> {
        self.is_untouched &= bytes.is_empty();
        let mut consumed = 0;
        while consumed < bytes.len() && !matches!(self.state, State::Done) {
            consumed += self.step(&bytes[consumed..], body)?;
        }
        Ok(Fed {
            consumed,
            is_done: matches!(self.state, State::Done),
        })
    }

    /// The server has closed its side: true if that is how this response ends.
    pub fn close(&mut self) -> bool {
        if matches!(self.state, State::UntilClose) {
            self.state = State::Done;
        }
        matches!(self.state, State::Done)
    }

    /// The status; 0 before the head has come.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the connection can take another request once this response is done.
    #[must_use]
    pub fn keeps_alive(&self) -> bool {
        self.keeps_alive
    }

    /// How many bytes of body have come, without what frames them.
    #[must_use]
    pub fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Whether not a byte has come.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.is_untouched
    }

    /// Takes at least one byte, and at most up to the next change of state.
    fn step(
        &mut self,
        bytes: &[u8],
        body: &mut dyn FnMut(&[u8]),
    ) -> Result<usize, MalformedResponse> {
        match &mut self.state {
            State::Head => self.read_head(bytes),
            State::Length(left) => {
                let length = usize::try_from(*left).map_or(bytes.len(), |it| it.min(bytes.len()));
                *left -= length as u64;
                if *left == 0 {
                    self.state = State::Done;
                }
                self.pass_on(&bytes[..length], body);
                Ok(length)
            }
            State::Chunked(chunked) => {
                let (consumed, data) = chunked.step(bytes)?;
                if chunked.is_done() {
                    self.state = State::Done;
                }
                self.pass_on(data, body);
                Ok(consumed)
            }
            State::UntilClose => {
                self.pass_on(bytes, body);
                Ok(bytes.len())
            }
            State::Done => Ok(0),
        }
    }

    fn pass_on(&mut self, data: &[u8], body: &mut dyn FnMut(&[u8])) {
        self.body_bytes += data.len() as u64;
        if !data.is_empty() {
            body(data);
        }
    }

    fn read_head(&mut self, bytes: &[u8]) -> Result<usize, MalformedResponse> {
        if self.partial_head.is_empty() {
            return match head::parse(bytes, self.is_answer_to_head)? {
                Some(head) => Ok(self.begin_body(&head)),
                None => self.keep_partial(bytes),
            };
        }
        // A head that comes a byte at a time is parsed once, not once a byte.
        let end = head::end_in(&self.partial_head, bytes);
        let taken = self.keep_partial(&bytes[..end.unwrap_or(bytes.len())])?;
        if end.is_some() {
            let partial = std::mem::take(&mut self.partial_head);
            match head::parse(&partial, self.is_answer_to_head)? {
                Some(head) => _ = self.begin_body(&head),
                // The empty lines were before the head.
                None => self.partial_head = partial,
            }
        }
        Ok(taken)
    }

    fn keep_partial(&mut self, bytes: &[u8]) -> Result<usize, MalformedResponse> {
        if self.partial_head.len() + bytes.len() > LONGEST_HEAD {
            return Err(MalformedResponse::LongHead);
        }
        self.partial_head.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// The length of the head.
    fn begin_body(&mut self, head: &head::Head) -> usize {
        self.keeps_alive = head.keeps_alive && head.framing != Framing::UntilClose;
        self.state = match head.framing {
            Framing::Interim => State::Head,
            Framing::Nothing => State::Done,
            Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(Chunked::default()),
            Framing::UntilClose => State::UntilClose,
        };
        if !matches!(head.framing, Framing::Interim) {
            self.status = head.status;
        }
        head.length
    }
}

/// What is wrong with a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedResponse {
    /// Its head is not that of an HTTP/1 response.
    #[error("the head is not one of HTTP/1: {0}")]
    Head(httparse::Error),
    /// Its head does not end.
    #[error("the head is longer than {LONGEST_HEAD} bytes")]
    LongHead,
    /// `Content-Length` is not one number.
    #[error("Content-Length is not one number")]
    Length,
    /// `Transfer-Encoding` in HTTP/1.0, which does not know it.
    #[error("Transfer-Encoding in a response of HTTP/1.0")]
    EncodingInOldVersion,
    /// It switches to a protocol that nobody asked for.
    #[error("it switches protocols (status 101), which was not asked for")]
    SwitchesProtocols,
    /// A status outside 100 to 599 cannot be counted.
    #[error("the status is not between 100 and 599")]
    Status,
    /// A chunk without a length.
    #[error("the length of a chunk is not a hexadecimal number of at most 64 bits")]
    ChunkLength,
    /// A chunk is not followed by the end of its line.
    #[error("a chunk does not end where its length says")]
    ChunkEnd,
    /// Extensions of a chunk, or trailers, that do not end.
    #[error(
        "the lines between chunks are longer than {} bytes",
        chunked::LONGEST_LINES
    )]
    LongLines,
}

#[cfg(test)]
mod tests;
