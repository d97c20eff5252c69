//! HTTP/2 with prior knowledge, on the port of HTTP/1.1.

use crate::application::router;
use crate::behaviour::{MAX_BODY_BYTES, limits};
use crate::gate::{DEADLINE, Gate};
use crate::leaving::Held;
use crate::server::Server;
use crate::timing::endless;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use millicore_server::signals::ControlSignal;
use std::net::SocketAddr;
use tokio::net::TcpStream;

type Sender = SendRequest<Full<Bytes>>;

/// Runs a client, and its connection until that is over.
fn client(run: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        tokio::time::timeout(DEADLINE, run())
            .await
            .expect("an end in time");
    });
}

/// A connection, and a gate that opens when it is over.
async fn connect(server: SocketAddr) -> (Sender, Gate) {
    let stream = TcpStream::connect(server).await.unwrap();
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    let over = Gate::default();
    let opens = over.clone();
    tokio::spawn(async move {
        let _ = connection.await;
        opens.open();
    });
    (sender, over)
}

fn request(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let uri = format!("http://test{path}");
    let body = Full::new(body.into());
    let method = if path == "/echo" { "POST" } else { "GET" };
    Request::builder()
        .method(method)
        .uri(uri)
        .body(body)
        .unwrap()
}

async fn text(response: Response<hyper::body::Incoming>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn streams_share_a_connection() {
    let server = Server::start(1, router(), limits);
    client(async || {
        let (mut sender, _) = connect(server.address).await;
        let waits = sender.send_request(request("/sleep/20", ""));
        let hello = sender.send_request(request("/hello", "")).await.unwrap();
        assert_eq!(text(hello).await, "hello");
        let echo = sender
            .send_request(request("/echo", "some bytes"))
            .await
            .unwrap();
        assert_eq!(text(echo).await, "some bytes");
        let panicked = sender.send_request(request("/panic", "")).await.unwrap();
        assert_eq!(panicked.status(), 500);
        let large = vec![b'x'; usize::try_from(MAX_BODY_BYTES).unwrap() + 1];
        let refused = sender.send_request(request("/echo", large)).await.unwrap();
        assert_eq!(refused.status(), 413);
        // The reset may be there before the head is looked at.
        if let Ok(broken) = sender.send_request(request("/broken-body", "")).await {
            assert!(broken.into_body().collect().await.is_err());
        }
        assert_eq!(text(waits.await.unwrap()).await, "slept");
    });
}

#[test]
fn a_stream_that_is_reset_cancels_its_request() {
    let held = Held::default();
    let server = Server::start(1, held.router(), |_| ());
    client(async || {
        let (mut sender, _) = connect(server.address).await;
        let response = tokio::spawn(sender.send_request(request("/held", "")));
        until_begun(&held).await;
        response.abort();
        // The connection has to go on for the reset to be sent.
        while server.executor.metrics().cancelled == 0 {
            tokio::task::yield_now().await;
        }
        held.check(&server, || ());
    });
}

#[test]
fn a_connection_that_is_closed_cancels_its_requests() {
    let held = Held::default();
    let server = Server::start(1, held.router(), |_| ());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = runtime.unwrap();
    runtime.block_on(async {
        let (mut sender, _) = connect(server.address).await;
        tokio::spawn(sender.send_request(request("/held", "")));
    });
    held.check(&server, || runtime.shutdown_background());
}

async fn until_begun(held: &Held) {
    while !held.has_begun() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_stop_answers_the_streams_there_are_and_ends_idle_connections() {
    let held = Held::default();
    let server = Server::start(1, held.router(), |_| ());
    client(async || {
        let (mut sender, _) = connect(server.address).await;
        let (_idle, over) = connect(server.address).await;
        let response = tokio::spawn(sender.send_request(request("/held", "")));
        until_begun(&held).await;
        server.ask(ControlSignal::Terminate);
        while !over.is_open() {
            tokio::task::yield_now().await;
        }
        held.release();
        let response = response.await.unwrap().unwrap();
        assert_eq!(text(response).await, "done");
    });
    server.join().unwrap();
}

#[test]
fn who_takes_nothing_of_a_stream_is_closed() {
    let server = Server::start(1, endless(&Gate::default()), |settings| {
        settings.connection.write_timeout = std::time::Duration::from_millis(1);
    });
    client(async || {
        let (mut sender, over) = connect(server.address).await;
        // It has no end, and nobody reads it.
        let response = sender.send_request(request("/", "")).await;
        while !over.is_open() {
            tokio::task::yield_now().await;
        }
        if let Ok(response) = response {
            assert!(response.into_body().collect().await.is_err());
        }
    });
}
