//! One connection, from its first byte to its last.

use super::connection_state::{ConnectionState, Exchange};
use super::connections::Place;
use super::wire::{Stream, Wire};
use super::{HttpService, Server};
use crate::address::Peer;
use crate::http::version1::TOO_SLOW;
use crate::http::{BoxError, Context, ResponseBody, exchange};
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use pin_project_lite::pin_project;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{self, Poll, ready};
use std::time::Duration;

/// What a client that speaks HTTP/2 without being asked begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long a client may take to hear why its connection ends.
const LINGER: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// hyper is done with it.
    Done,
    /// It is not wanted any more, and nothing is under way.
    Closed,
    /// Its time was up.
    Overdue,
    /// The client has left.
    Left,
}

/// Serves a connection as long as it goes on.
pub(super) async fn serve<S: HttpService>(
    stream: Stream,
    peer: Peer,
    service: S,
    server: Arc<Server>,
    place: Place,
) {
    let stream = Arc::new(stream);
    let state = Arc::clone(place.state());
    let protocol = match first_bytes(&stream, &state, &server).await {
        Ok(protocol) => protocol,
        Err(end) => return say_why(&stream, &state, end),
    };
    let context = Context {
        peer,
        compute: server.context.compute.of_connection(),
        draining: server.context.draining.of_connection(),
        ..server.context.clone()
    };
    // In boxes, so that a connection that says nothing does not hold the room for either.
    match protocol {
        Protocol::Http1 => {
            Box::pin(serve_http1(&stream, &state, service, context, &server)).await;
        }
        Protocol::Http2 => {
            Box::pin(serve_http2(&stream, &state, service, context, &server)).await;
        }
    }
    drop(place);
}

/// Waits for the first bytes, which say what the client speaks. Nothing is kept for a connection
/// before that but its place.
async fn first_bytes(
    stream: &Stream,
    state: &ConnectionState,
    server: &Server,
) -> Result<Protocol, End> {
    poll_fn(|context| {
        state.listen(context.waker());
        let look = |first: &[u8]| {
            if !first.is_empty() {
                state.on_read();
            }
            protocol_of(first)
        };
        match stream.poll_peek(context, look) {
            Poll::Ready(seen) => Poll::Ready(seen.ok().flatten().ok_or(End::Left)),
            Poll::Pending => is_over(stream, state, server).map(Err),
        }
    })
    .await
}

/// What the first bytes tell; nothing if they could be the beginning of either.
fn protocol_of(first: &[u8]) -> Option<Option<Protocol>> {
    match first {
        [] => Some(None),
        first if first.starts_with(PREFACE) => Some(Some(Protocol::Http2)),
        first if PREFACE.starts_with(first) => None,
        _ => Some(Some(Protocol::Http1)),
    }
}

async fn serve_http1<S: HttpService>(
    stream: &Arc<Stream>,
    state: &Arc<ConnectionState>,
    service: S,
    context: Context,
    server: &Server,
) {
    let had_body = Arc::new(AtomicBool::new(false));
    let answers = {
        let (state, had_body) = (Arc::clone(state), Arc::clone(&had_body));
        move |request: Request<Incoming>| {
            had_body.store(!request.body().is_end_stream(), Ordering::Relaxed);
            answer(&state, &service, request, &context)
        }
    };
    let mut connection = server
        .http1
        .serve_connection(wire(stream, state), service_fn(answers));
    let end = {
        let mut left = pin!(stream.left());
        let mut is_last = false;
        poll_fn(|context| {
            state.listen(context.waker());
            loop {
                if Pin::new(&mut connection).poll(context).is_ready() {
                    return Poll::Ready(End::Done);
                }
                if !state.is_draining() || is_last || !state.is_open() {
                    break;
                }
                is_last = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            if state.is_open() && left.as_mut().poll(context).is_ready() {
                return Poll::Ready(End::Left);
            }
            is_over(stream, state, server)
        })
        .await
    };
    say_why(stream, state, end);
    drop(connection);
    // What is sent while the client still sends would be lost with a connection that is closed with
    // bytes unread.
    if end == End::Done && (had_body.load(Ordering::Relaxed) || stream.has_bytes()) {
        let _ = tokio::time::timeout(LINGER, stream.discard()).await;
    }
}

/// Tells a client that was too slow with its request; whether it listens is its affair.
fn say_why(stream: &Stream, state: &ConnectionState, end: End) {
    if end == End::Overdue && state.head_began() {
        let _ = stream.try_write(TOO_SLOW);
    }
}

async fn serve_http2<S: HttpService>(
    stream: &Arc<Stream>,
    state: &Arc<ConnectionState>,
    service: S,
    context: Context,
    server: &Server,
) {
    state.set_multiplexed();
    let answers = {
        let state = Arc::clone(state);
        move |request: Request<Incoming>| answer(&state, &service, request, &context)
    };
    let mut connection = server
        .http2
        .serve_connection(wire(stream, state), service_fn(answers));
    let mut is_last = false;
    poll_fn(|context| {
        state.listen(context.waker());
        loop {
            if Pin::new(&mut connection).poll(context).is_ready() {
                return Poll::Ready(End::Done);
            }
            if !state.is_draining() || is_last {
                break;
            }
            is_last = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        is_over(stream, state, server)
    })
    .await;
}

fn wire(stream: &Arc<Stream>, state: &Arc<ConnectionState>) -> TokioIo<Wire> {
    TokioIo::new(Wire {
        stream: Arc::clone(stream),
        state: Arc::clone(state),
    })
}

/// Whether a connection that waits should go on.
fn is_over(stream: &Stream, state: &ConnectionState, server: &Server) -> Poll<End> {
    if !state.is_asked() {
        return Poll::Pending;
    }
    // HTTP/2 says goodbye itself, and knows what it has not sent yet.
    let is_last = state.is_draining() && !state.is_multiplexed();
    let is_unwanted = state.take_unwanted() || is_last;
    let is_silent = state.silent_since_ns().is_some() && !state.is_blocked();
    if is_unwanted && is_silent && !stream.has_bytes() {
        return Poll::Ready(End::Closed);
    }
    if state.take_overdue() {
        let deadline_ns = state.deadline_ns(server.connections.limits());
        if deadline_ns.is_some_and(|deadline_ns| deadline_ns <= state.now_ns()) {
            return Poll::Ready(End::Overdue);
        }
    }
    Poll::Pending
}

fn answer<S: HttpService>(
    state: &Arc<ConnectionState>,
    service: &S,
    request: Request<Incoming>,
    context: &Context,
) -> impl Future<Output = Result<Response<Counted>, Infallible>> + Send + use<S> {
    Answer {
        exchange: Some(state.begin()),
        response: exchange(service, request, context),
    }
}

pin_project! {
    /// The response to come, and that it is under way until then.
    struct Answer<F> {
        exchange: Option<Exchange>,
        #[pin]
        response: F,
    }
}

impl<F: Future<Output = Response<ResponseBody>>> Future for Answer<F> {
    type Output = Result<Response<Counted>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.response.poll(context));
        let mut exchange = this.exchange.take();
        if let Some(exchange) = &mut exchange {
            exchange.is_clients_turn();
        }
        Poll::Ready(Ok(response.map(|body| Counted { body, exchange })))
    }
}

/// A body that is under way until hyper has it whole.
struct Counted {
    body: ResponseBody,
    exchange: Option<Exchange>,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(exchange) = &mut self.exchange {
            exchange.is_servers_turn();
        }
        let piece = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(exchange) = &mut self.exchange {
            exchange.is_clients_turn();
        }
        Poll::Ready(piece)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
