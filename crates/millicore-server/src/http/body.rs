//! The body of a request: no larger than it may be, and no piece of it waited for for ever.

use crate::settings::ConnectionSettings;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::rt::{Sleep, Timer};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// The body of a request, as it comes in.
#[derive(Debug)]
pub struct Body {
    source: Option<Source>,
}

struct Source {
    incoming: Incoming,
    bytes_left: u64,
    timeout: Duration,
    timer: Arc<dyn Timer + Send + Sync>,
    /// Runs while the client is waited for.
    alarm: Option<Pin<Box<dyn Sleep>>>,
}

/// Why there is no more of a body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// It is larger than a body may be.
    #[error("the body of the request is larger than the server takes")]
    TooLarge,
    /// The client let the server wait too long for the next piece.
    #[error("the next piece of the request's body did not come in time")]
    TimedOut,
    /// It is not what HTTP says it should be, or the connection is gone.
    #[error("the body of the request is broken")]
    Broken(#[source] hyper::Error),
}

impl Body {
    /// No body, as most requests have none.
    #[must_use]
    pub const fn empty() -> Self {
        Self { source: None }
    }

    pub(crate) fn new(
        incoming: Incoming,
        settings: &ConnectionSettings,
        timer: &Arc<dyn Timer + Send + Sync>,
    ) -> Self {
        if http_body::Body::is_end_stream(&incoming) {
            return Self::empty();
        }
        Self {
            source: Some(Source {
                incoming,
                bytes_left: settings.max_body_bytes,
                timeout: settings.body_timeout,
                timer: Arc::clone(timer),
                alarm: None,
            }),
        }
    }
}

impl Source {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let piece = http_body::Body::poll_frame(Pin::new(&mut self.incoming), context);
        let Poll::Ready(piece) = piece else {
            let timeout = self.timeout;
            let timer = &self.timer;
            let alarm = self.alarm.get_or_insert_with(|| timer.sleep(timeout));
            ready!(alarm.as_mut().poll(context));
            return Poll::Ready(Some(Err(BodyError::TimedOut)));
        };
        self.alarm = None;
        Poll::Ready(piece.map(|piece| self.count(piece.map_err(BodyError::Broken)?)))
    }

    fn count(&mut self, piece: Frame<Bytes>) -> Result<Frame<Bytes>, BodyError> {
        let len = piece.data_ref().map_or(0, Bytes::len);
        let left = u64::try_from(len)
            .ok()
            .and_then(|len| self.bytes_left.checked_sub(len));
        self.bytes_left = left.ok_or(BodyError::TooLarge)?;
        Ok(piece)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(source) = &mut self.source else {
            return Poll::Ready(None);
        };
        let piece = ready!(source.poll(context));
        // After an error nothing of it makes sense, and the rest is not read.
        if !matches!(piece, Some(Ok(_))) {
            self.source = None;
        }
        Poll::Ready(piece)
    }

    fn is_end_stream(&self) -> bool {
        self.source
            .as_ref()
            .is_none_or(|source| source.incoming.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.source
            .as_ref()
            .map_or(SizeHint::with_exact(0), |source| {
                source.incoming.size_hint()
            })
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("incoming", &self.incoming)
            .field("bytes_left", &self.bytes_left)
            .finish_non_exhaustive()
    }
}
