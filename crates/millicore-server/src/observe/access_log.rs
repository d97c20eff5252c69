//! The access log: a line for each request, on standard output.

use super::RequestContext;
use super::timestamp::Timestamp;
use super::{Client, RequestId, Spent, TraceContext};
use ::http::header::{REFERER, USER_AGENT};
use ::http::{HeaderMap, HeaderName, Method, Request, Uri, Version};
use serde::Serialize;
use std::fmt::Write;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::str::FromStr;
use std::time::Duration;

/// The most bytes that the target takes in a line, as it is written there: lines stay below 4096
/// bytes, which a pipe takes without mixing them with those of other processes (pipe(7),
/// `PIPE_BUF`).
const MAX_TARGET_BYTES: usize = 1024;

/// The most bytes that other fields take which the client wrote.
const MAX_FIELD_BYTES: usize = 256;

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLogFormat {
    /// The common log format, which every program that reads access logs knows.
    Common,
    /// A JSON object with all that is known.
    Json,
}

/// It is no format of the access log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown format of the access log {0:?}: the known ones are common, json")]
pub struct UnknownAccessLogFormat(String);

/// Where lines go, and how they are written.
#[derive(Debug)]
pub struct AccessLog(Option<(AccessLogFormat, OwnedFd)>);

/// What a request asked.
#[derive(Debug)]
pub(super) struct Asked {
    client: Client,
    method: Method,
    uri: Uri,
    version: Version,
    referer: Option<String>,
    user_agent: Option<String>,
    request_id: RequestId,
    trace: TraceContext,
}

/// What it was answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answer {
    pub(super) bytes: Option<u64>,
    pub(super) spent: Option<Spent>,
}

impl FromStr for AccessLogFormat {
    type Err = UnknownAccessLogFormat;

    fn from_str(name: &str) -> Result<Self, UnknownAccessLogFormat> {
        match name {
            "common" => Ok(Self::Common),
            "json" => Ok(Self::Json),
            _ => Err(UnknownAccessLogFormat(name.to_owned())),
        }
    }
}

impl AccessLog {
    /// Writes nothing.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Writes to a descriptor.
    #[must_use]
    pub const fn to(format: AccessLogFormat, descriptor: OwnedFd) -> Self {
        Self(Some((format, descriptor)))
    }

    /// Writes to standard output.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn to_stdout(format: AccessLogFormat) -> io::Result<Self> {
        let descriptor = io::stdout().as_fd().try_clone_to_owned()?;
        Ok(Self::to(format, descriptor))
    }

    pub(super) const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Writes a line by one call of write(2); false if it could not.
    pub(super) fn write(
        &self,
        asked: &Asked,
        status: u16,
        elapsed: Duration,
        answer: Answer,
    ) -> bool {
        let Some((format, descriptor)) = &self.0 else {
            return true;
        };
        let now = Timestamp::now();
        let line = match format {
            AccessLogFormat::Common => asked.common_line(now, status, answer),
            AccessLogFormat::Json => asked.json_line(now, status, elapsed, answer),
        };
        loop {
            match rustix::io::write(descriptor, line.as_bytes()) {
                Err(rustix::io::Errno::INTR) => {}
                written => return written == Ok(line.len()),
            }
        }
    }
}

impl Asked {
    pub(super) fn new<B>(request: &Request<B>, context: &RequestContext) -> Self {
        let headers = request.headers();
        Self {
            client: context.client.clone(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            referer: text(headers, &REFERER),
            user_agent: text(headers, &USER_AGENT),
            request_id: context.request_id.clone(),
            trace: context.trace,
        }
    }

    fn common_line(&self, now: Timestamp, status: u16, answer: Answer) -> String {
        let bytes = answer.bytes.map_or("-".to_owned(), |it| it.to_string());
        format!(
            "{} - - [{}] \"{} {} {:?}\" {status} {bytes}\n",
            self.client,
            now.common_log(),
            escaped(self.method.as_str(), MAX_FIELD_BYTES),
            escaped(self.target(), MAX_TARGET_BYTES),
            self.version,
        )
    }

    fn json_line(&self, now: Timestamp, status: u16, elapsed: Duration, answer: Answer) -> String {
        let line = JsonLine {
            time: now.to_string(),
            client: self.client.to_string(),
            method: visible(self.method.as_str(), MAX_FIELD_BYTES),
            path: visible(self.target(), MAX_TARGET_BYTES),
            version: format!("{:?}", self.version),
            status,
            bytes: answer.bytes,
            elapsed_s: elapsed.as_secs_f64(),
            queue_s: answer.spent.map(|spent| spent.queue.as_secs_f64()),
            cpu_s: answer.spent.map(|spent| spent.cpu.as_secs_f64()),
            request_id: self.request_id.as_str(),
            trace_id: self.trace.trace_id(),
            pid: std::process::id(),
            referer: self.referer.as_deref(),
            user_agent: self.user_agent.as_deref(),
        };
        // Strings and numbers are always JSON.
        let mut text = serde_json::to_string(&line).unwrap_or_default();
        text.push('\n');
        text
    }

    fn target(&self) -> &str {
        self.uri.path_and_query().map_or("*", |it| it.as_str())
    }
}

#[derive(Serialize)]
struct JsonLine<'a> {
    time: String,
    client: String,
    method: String,
    path: String,
    version: String,
    status: u16,
    bytes: Option<u64>,
    elapsed_s: f64,
    queue_s: Option<f64>,
    cpu_s: Option<f64>,
    request_id: &'a str,
    trace_id: String,
    pid: u32,
    referer: Option<&'a str>,
    user_agent: Option<&'a str>,
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = String::from_utf8_lossy(headers.get(name)?.as_bytes());
    Some(visible(&value, MAX_FIELD_BYTES))
}

/// As much as takes at most so many bytes in a JSON string. JSON lets through what a terminal takes
/// for a command; here it does not come so far.
fn visible(text: &str, most_bytes: usize) -> String {
    let mut line = String::new();
    let mut left_bytes = most_bytes;
    for character in text.chars() {
        let shown = match character {
            character if character.is_control() => char::REPLACEMENT_CHARACTER,
            character => character,
        };
        let written_bytes = match shown {
            '"' | '\\' => 2,
            shown => shown.len_utf8(),
        };
        let Some(rest_bytes) = left_bytes.checked_sub(written_bytes) else {
            break;
        };
        left_bytes = rest_bytes;
        line.push(shown);
    }
    line
}

/// Quotes, backslashes and whatever is not visible ASCII, as Apache writes them: `\"`, `\\`, `\x1b`;
/// as much as takes at most so many bytes so.
fn escaped(text: &str, most_bytes: usize) -> String {
    let mut line = String::new();
    for byte in text.bytes() {
        let end = line.len();
        match byte {
            b'"' | b'\\' => line.extend(['\\', char::from(byte)]),
            b' '..=b'~' => line.push(char::from(byte)),
            _ => _ = write!(line, "\\x{byte:02x}"),
        }
        if line.len() > most_bytes {
            line.truncate(end);
            break;
        }
    }
    line
}
