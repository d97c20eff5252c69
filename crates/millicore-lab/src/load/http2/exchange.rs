//! One request and its answer.

use crate::load::failure::{Failure, Malformed};
use crate::load::http1::MOST_BODY_BYTES;
use crate::load::http1::request::AGENT;
use crate::load::http2::connection::{OpenError, Place, Sender};
use crate::load::plan::Plan;
use crate::load::recorder::Sample;
use crate::load::run::Clock;
use crate::load::schedule::Ticket;
use crate::load::target::Target;
use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt, Full};
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// What is sent to a target.
#[derive(Debug)]
pub(super) struct Message {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Message {
    /// RFC 9113, section 8.3.1: the field `Host` goes into `:authority`.
    pub(super) fn new(plan: &Plan, target: &Target) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let mut authority = target.authority.as_str();
        for (name, value) in &plan.headers {
            match (name, value.to_str()) {
                (&HOST, Ok(value)) => authority = value,
                (&USER_AGENT, _) => _ = headers.insert(name, value.clone()),
                _ => _ = headers.append(name, value.clone()),
            }
        }
        let uri = Uri::builder()
            .scheme("http")
            .authority(authority)
            .path_and_query(target.path.as_str())
            .build();
        Self {
            method: plan.method.clone(),
            // A host that is no authority is refused by the server, as it would be in HTTP/1.1.
            uri: uri.unwrap_or_default(),
            headers,
            body: Bytes::from(plan.body.clone()),
        }
    }

    fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

/// A request from its ticket to its end.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) ticket: Ticket,
    pub(super) target: usize,
    pub(super) started_ns: u64,
    pub(super) clock: Clock,
    pub(super) timeout_ns: u64,
    pub(super) keeps_body: bool,
    pub(super) connection: Place,
    pub(super) message: Arc<Message>,
}

/// What is known when it ends, however it ends.
#[derive(Debug, Default)]
struct Seen {
    sent_ns: Option<u64>,
    body_bytes: u64,
    body: Option<Vec<u8>>,
}

impl Exchange {
    pub(super) async fn run(self) -> Sample {
        let mut seen = Seen {
            body: self.keeps_body.then(Vec::new),
            ..Seen::default()
        };
        let timeout = Duration::from_nanos(self.timeout_ns);
        let answer = tokio::time::timeout(timeout, self.answer(&mut seen)).await;
        let connection_failure = self.connection.0.failure();
        Sample {
            ticket: self.ticket,
            target: self.target,
            started_ns: self.started_ns,
            sent_ns: seen.sent_ns,
            ended_ns: self.clock.now_ns(),
            answer: match answer.unwrap_or(Err(Failure::Timeout)) {
                Err(Failure::Closed) => Err(connection_failure.unwrap_or(Failure::Closed)),
                answer => answer,
            },
            body_bytes: seen.body_bytes,
            body: seen.body,
        }
    }

    async fn answer(&self, seen: &mut Seen) -> Result<u16, Failure> {
        let mut sender: Sender = self
            .connection
            .0
            .sender()
            .await
            .map_err(|error| match error {
                OpenError::Connect(error) => Failure::from_io(&error),
                OpenError::Handshake(error) => failure(&error),
            })?;
        sender.ready().await.map_err(|error| failure(&error))?;
        seen.sent_ns = Some(self.clock.now_ns());
        let response = sender.send_request(self.message.request()).await;
        let response = response.map_err(|error| failure(&error))?;
        let status = response.status().as_u16();
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| failure(&error))?;
            if let Some(data) = frame.data_ref() {
                seen.body_bytes += data.len() as u64;
                if let Some(kept) = &mut seen.body {
                    let room = MOST_BODY_BYTES.saturating_sub(kept.len());
                    kept.extend_from_slice(&data[..data.len().min(room)]);
                }
            }
        }
        Ok(status)
    }
}

/// Whose mistake it was: the connection's, the server's, or that of what it sent.
pub(super) fn failure(error: &hyper::Error) -> Failure {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Failure::from_io(error);
        }
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return match (error.get_io(), error.is_remote()) {
                (Some(error), _) => Failure::from_io(error),
                (None, true) => Failure::Reset,
                (None, false) => Failure::Malformed(Malformed::Http2),
            };
        }
        cause = error.source();
    }
    if error.is_closed() || error.is_canceled() || error.is_incomplete_message() {
        return Failure::Closed;
    }
    Failure::Malformed(Malformed::Http2)
}
