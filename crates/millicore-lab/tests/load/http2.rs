//! The same over HTTP/2, against the server of hyper.

use crate::server::{Reply, Server, ok};
use crate::{failed, load, plan};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use millicore_lab::load::run;
use millicore_lab::stop::Stop;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Barrier;

/// Answers with the body of the request; `/503` with that status, `/together` when so many have
/// come, `/silence` never.
async fn answer(
    request: Request<Incoming>,
    together: Arc<Barrier>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    match path.as_str() {
        "/together" => _ = together.wait().await,
        "/silence" => std::future::pending::<()>().await,
        _ => {}
    }
    let has_header = request
        .headers()
        .get("x-one")
        .is_some_and(|value| value == "1");
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut response = Response::new(Full::new(body));
    if path == "/503" {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    } else if path == "/header" && !has_header {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(response)
}

/// Where a server listens, in a thread that ends with the test.
pub(crate) fn server(together: usize) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let together = Arc::new(Barrier::new(together));
    let serve = async move {
        let listener = TcpListener::from_std(listener).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let together = Arc::clone(&together);
            let service = service_fn(move |request| answer(request, Arc::clone(&together)));
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(builder.serve_connection(TokioIo::new(stream), service));
        }
    };
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(serve)
    });
    url
}

#[track_caller]
fn check(path: &str, flags: &[(&str, &str)], ok: u64, expected_failures: &str) {
    let flags = [flags, &[("--http2", "")]].concat();
    let outcome = load(&[server(150) + path], &flags);
    assert_eq!(
        (outcome.ok, failed(&outcome).as_str()),
        (ok, expected_failures),
        "{path}"
    );
    assert_eq!(outcome.sent, outcome.asked, "{path}");
}

#[test]
fn answers_and_failures_are_counted_as_in_http1() {
    check("/", &[("-n", "500"), ("-c", "20")], 500, "");
    check(
        "/",
        &[("-n", "50"), ("--rate", "1000"), ("--body", "some")],
        50,
        "",
    );
    check("/header", &[("-n", "5"), ("-H", "X-One: 1")], 5, "");
    check("/header", &[("-n", "5")], 0, "5 status 400");
    check("/503", &[("-n", "5")], 0, "5 status 503");
    check(
        "/silence",
        &[("-n", "2"), ("--timeout", "50ms")],
        0,
        "2 timeout",
    );
}

#[test]
fn a_connection_takes_a_hundred_requests_and_then_there_is_another() {
    let flags = [("--at-once", "150"), ("--http2", "")];
    let outcome = load(&[server(150) + "/together"], &flags);
    assert_eq!((outcome.ok, outcome.connections_opened), (150, 2));
    assert!(outcome.spread_ns.is_some());
}

#[test]
fn bodies_come_whole() {
    let body = "0123456789abcdef".repeat(20_000);
    let flags = [("-n", "3"), ("--http2", ""), ("--body", body.as_str())];
    let mut plan = plan(&[server(1) + "/"], &flags);
    plan.keep_bodies = true;
    let outcome = run(&plan, &Stop::default(), &mut |_| ()).unwrap();
    assert_eq!(outcome.ok, 3);
    let is_whole = |kept: &Vec<u8>| kept == body.as_bytes();
    assert!(
        outcome
            .rows
            .iter()
            .all(|row| row.body.as_ref().is_some_and(is_whole))
    );
}

#[test]
fn who_does_not_speak_it_is_told_so() {
    let server = Server::start(|_| Reply::Keep(ok("HTTP/1.1 only")));
    let outcome = load(&server.urls(), &[("-n", "2"), ("-c", "1"), ("--http2", "")]);
    assert_eq!((outcome.ok, failed(&outcome).as_str()), (0, "2 malformed"));
}

#[test]
fn a_run_that_is_stopped_reports_what_was_under_way() {
    let plan = plan(
        &[server(1) + "/silence"],
        &[("-n", "9"), ("-c", "3"), ("--http2", "")],
    );
    let stop = Stop::default();
    let outcome = run(&plan, &stop, &mut |progress| {
        if progress.started == 3 {
            stop.ask();
        }
    });
    assert_eq!(failed(&outcome.unwrap()), "3 interrupted");
}
