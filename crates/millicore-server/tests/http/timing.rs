//! What a client may not do for long, each with a limit of a moment.

use crate::application::router;
use crate::client::Client;
use crate::gate::{Gate, until};
use crate::server::Server;
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use millicore_server::settings::ConnectionSettings;
use std::time::Duration;

const MOMENT: Duration = Duration::from_millis(1);

fn start(service: Router, set: impl FnOnce(&mut ConnectionSettings)) -> (Server, Client) {
    let server = Server::start(1, service, |settings| set(&mut settings.connection));
    let client = Client::connect(server.address);
    (server, client)
}

#[test]
fn who_is_silent_is_closed() {
    let (_server, mut client) = start(router(), |limits| limits.idle_timeout = MOMENT);
    assert!(client.is_closed());
    let (server, _) = start(router(), |limits| limits.idle_timeout = MOMENT * 50);
    // On a busy machine the first request may come too late.
    until("a connection was silent after its request", || {
        let mut client = Client::connect(server.address);
        client.try_send("GET /hello HTTP/1.1\r\nHost: test\r\n\r\n");
        client.try_answer().is_some() && client.is_closed()
    });
}

#[test]
fn who_does_not_finish_a_head_is_told_and_closed() {
    for beginning in ["P", "GET /hello HTTP/1.1\r\nHost: t"] {
        let (_server, mut client) = start(router(), |limits| limits.header_timeout = MOMENT);
        client.send(beginning);
        assert_eq!(client.answer().status, 408, "{beginning}");
        assert!(client.is_closed());
    }
}

#[test]
fn who_does_not_finish_a_body_is_told() {
    let (_server, mut client) = start(router(), |limits| limits.body_timeout = MOMENT);
    client.send("POST /count HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nhalf");
    assert_eq!(client.answer().status, 408);
    assert!(client.is_closed());
}

/// Opens a gate when it goes.
struct Opens(Gate);

impl Drop for Opens {
    fn drop(&mut self) {
        self.0.open();
    }
}

#[test]
fn a_request_that_takes_too_long_is_given_up() {
    let gone = Gate::default();
    let opens = gone.clone();
    let pending = async move || {
        let _opens = Opens(opens);
        std::future::pending::<String>().await
    };
    let service = Router::new().route("/", get(pending));
    let (_server, mut client) = start(service, |limits| limits.request_timeout = Some(MOMENT));
    client.get("/");
    let answer = client.answer();
    assert_eq!(
        (answer.status, answer.field("retry-after")),
        (503, Some("1"))
    );
    gone.wait();
}

#[test]
fn who_takes_no_byte_is_closed() {
    let gone = Gate::default();
    let (_server, mut client) = start(endless(&gone), |limits| limits.write_timeout = MOMENT);
    client.get("/");
    gone.wait();
    assert!(client.try_answer().is_none());
}

/// A response without an end, and a gate that opens when it goes.
pub(crate) fn endless(gone: &Gate) -> Router {
    let opens = gone.clone();
    let endless = async move || Response::new(Body::new(Endless(Opens(opens))));
    Router::new().route("/", get(endless))
}

struct Endless(Opens);

impl http_body::Body for Endless {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
        let _ = &self.0;
        let piece = bytes::Bytes::from_static(&[b'x'; 65536]);
        std::task::Poll::Ready(Some(Ok(http_body::Frame::data(piece))))
    }
}

#[test]
fn who_leaves_in_the_first_word_is_not_waited_for() {
    const NEVER: Duration = Duration::from_secs(3600);
    let server = Server::start(1, router(), |settings| {
        settings.connection.header_timeout = NEVER;
        settings.connection.idle_timeout = NEVER;
    });
    // Both versions of HTTP have requests that begin so.
    for word in ["P", "PRI * HTTP/2.0\r\n"] {
        let mut client = Client::connect(server.address);
        client.send(word);
        client.finish_sending();
        assert!(client.is_closed(), "{word}");
    }
    // A request that came with the end is answered, in however many pieces.
    let mut client = Client::connect(server.address);
    client.send("P");
    client.send("OST /count HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\nabc");
    client.finish_sending();
    assert_eq!(client.answer().status, 200);
}
