//! What passes through an observed service, and what is left of it in counts and lines.

use super::access_log::AccessLogFormat;
use super::*;
use crate::compute::ClientWatch;
use ::http::StatusCode;
use bytes::Bytes;
use futures_lite::future::block_on;
use http_body_util::Full;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io::Read;
use std::net::SocketAddr;

type Answered = Response<Full<Bytes>>;

/// Answers what it was made with, and notes the context that it saw.
#[derive(Clone)]
struct Fixed {
    status: StatusCode,
    spent: Option<Spent>,
    seen: Arc<std::sync::Mutex<Option<RequestContext>>>,
}

impl Service<Request<()>> for Fixed {
    type Response = Answered;
    type Error = Infallible;
    type Future = Ready<Result<Answered, Infallible>>;

    fn poll_ready(&mut self, _: &mut Task<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        *self.seen.lock().unwrap() = request.extensions().get().cloned();
        let mut response = Response::new(Full::from("hello"));
        *response.status_mut() = self.status;
        if let Some(spent) = self.spent {
            response.extensions_mut().insert(spent);
        }
        ready(Ok(response))
    }
}

fn fixed() -> Fixed {
    Fixed {
        status: StatusCode::OK,
        spent: None,
        seen: Arc::default(),
    }
}

fn settings() -> ObserveSettings {
    ObserveSettings::new(Arc::new(Activity::new().unwrap()))
}

fn request(path: &str) -> Request<()> {
    let address: SocketAddr = "127.0.0.1:4711".parse().unwrap();
    let request = Request::builder().uri(path).extension(Peer::Inet(address));
    request.body(()).unwrap()
}

/// The line that a request leaves in the access log.
fn logged(format: AccessLogFormat, inner: &Fixed, request: Request<()>) -> String {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut settings = settings();
    settings.access_log = AccessLog::to(format, writer.into());
    let mut observed = Observe::new(inner.clone(), settings);
    block_on(observed.call(request)).unwrap();
    drop(observed);
    let mut lines = String::new();
    reader.read_to_string(&mut lines).unwrap();
    assert_eq!(lines.matches('\n').count(), 1, "{lines:?}");
    lines
}

#[test]
fn the_id_goes_through_and_comes_back() {
    let inner = fixed();
    let mut observed = Observe::new(inner.clone(), settings());
    let mut asked = request("/");
    asked
        .headers_mut()
        .insert("x-request-id", "mine-1".parse().unwrap());
    let response = block_on(observed.call(asked)).unwrap();
    assert_eq!(response.headers()["x-request-id"], "mine-1");
    let context = inner.seen.lock().unwrap().take().unwrap();
    assert_eq!(context.request_id.as_str(), "mine-1");
    assert_eq!(context.client.to_string(), "127.0.0.1");

    let response = block_on(observed.call(request("/"))).unwrap();
    let context = inner.seen.lock().unwrap().take().unwrap();
    assert_eq!(
        response.headers()["x-request-id"],
        context.request_id.as_str()
    );
}

#[test]
fn what_a_request_cost_is_counted_and_told() {
    let spent = Spent {
        queue: Duration::from_micros(1_500),
        cpu: Duration::from_millis(20),
    };
    let inner = Fixed {
        spent: Some(spent),
        ..fixed()
    };
    let settings = settings();
    let activity = Arc::clone(&settings.activity);
    let mut observed = Observe::new(inner, settings);
    let response = block_on(observed.call(request("/"))).unwrap();
    assert_eq!(
        response.headers()["server-timing"],
        "queue;dur=1.500,cpu;dur=20.000"
    );
    assert_eq!(activity.snapshot().cpu_time, spent.cpu);
}

#[test]
fn a_request_is_live_until_it_is_answered_or_dropped() {
    let settings = settings();
    let activity = Arc::clone(&settings.activity);
    let mut observed = Observe::new(fixed(), settings);
    let future = observed.call(request("/live?x=1"));
    assert_eq!(activity.live_requests()[0].path, "/live?x=1");
    block_on(future).unwrap();
    let future = observed.call(request("/left"));
    drop(future);
    let counted = activity.snapshot();
    assert_eq!((counted.answered[1], counted.requests_abandoned), (1, 1));
    assert_eq!(counted.requests_in_flight, 0);
    assert_eq!(counted.latency.count, 1);
}

/// Panics when it is called, or when its future is polled.
#[derive(Clone, Copy)]
enum Panics {
    InCall,
    InPoll,
}

impl Service<Request<()>> for Panics {
    type Response = Answered;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answered, Infallible>>>>;

    fn poll_ready(&mut self, _: &mut Task<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        match self {
            Self::InCall => panic!("on purpose"),
            Self::InPoll => Box::pin(async { panic!("on purpose") }),
        }
    }
}

#[test]
fn a_panic_passes_through_and_is_counted() {
    for inner in [Panics::InCall, Panics::InPoll] {
        let settings = settings();
        let activity = Arc::clone(&settings.activity);
        let mut observed = Observe::new(inner, settings);
        let call = || block_on(observed.call(request("/panics")));
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call));
        assert!(ended.is_err());
        let counted = activity.snapshot();
        assert_eq!((counted.handler_panics, counted.requests_abandoned), (1, 0));
        assert_eq!((counted.answered[4], counted.requests_in_flight), (1, 0));
    }
}

/// Serves nobody: only the time by which it answers counts here.
struct Watch;

impl ClientWatch for Watch {
    fn has_left_within(&self, _: Duration) -> bool {
        false
    }
}

#[test]
fn a_request_that_took_too_long_was_answered_by_somebody() {
    let settings = settings();
    let activity = Arc::clone(&settings.activity);
    let mut observed = Observe::new(fixed(), settings);
    let compute = Compute::here(Arc::new(Watch));
    let now = Instant::now();
    for give_up_at in [now, now + Duration::from_secs(3_600)] {
        let mut asked = request("/slow");
        asked
            .extensions_mut()
            .insert(compute.until(Some(give_up_at)));
        drop(observed.call(asked));
    }
    let counted = activity.snapshot();
    assert_eq!((counted.answered[4], counted.requests_abandoned), (1, 1));
}

#[test]
fn a_common_line_is_what_programs_expect() {
    let line = logged(AccessLogFormat::Common, &fixed(), request("/a?b=c"));
    let (head, tail) = line.split_once(" - - [").unwrap();
    let (moment, tail) = tail.split_once("] ").unwrap();
    assert_eq!(head, "127.0.0.1");
    assert_eq!(moment.len(), "10/Oct/2000:13:55:36 +0000".len());
    assert_eq!(tail, "\"GET /a?b=c HTTP/1.1\" 200 5\n");
}

#[test]
fn a_json_line_has_all_that_is_known() {
    let mut asked = request("/a?b=c");
    let traced = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    asked
        .headers_mut()
        .insert("traceparent", traced.parse().unwrap());
    asked
        .headers_mut()
        .insert("x-forwarded-for", "203.0.113.7".parse().unwrap());
    asked
        .headers_mut()
        .insert("user-agent", "curl/8 \"x\"".parse().unwrap());
    let inner = Fixed {
        status: StatusCode::SERVICE_UNAVAILABLE,
        ..fixed()
    };
    let line = logged(AccessLogFormat::Json, &inner, asked);
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    for (key, expected) in [
        ("client", "203.0.113.7"),
        ("method", "GET"),
        ("path", "/a?b=c"),
        ("version", "HTTP/1.1"),
        ("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("user_agent", "curl/8 \"x\""),
    ] {
        assert_eq!(line[key], expected, "{key} in {line}");
    }
    assert_eq!((&line["status"], &line["bytes"]), (&503.into(), &5.into()));
    assert_eq!(line["pid"], std::process::id());
    assert!(line["elapsed_s"].as_f64().unwrap() >= 0.0);
    assert!(line["referer"].is_null() && line["queue_s"].is_null());
}

#[test]
fn no_client_writes_a_line_or_a_command_of_its_own() {
    let path = format!("/\"quoted\"\\%0a{}", "é\u{9b}31m".repeat(1_000));
    for format in [AccessLogFormat::Common, AccessLogFormat::Json] {
        let mut asked = request("/");
        *asked.uri_mut() = ::http::Uri::from_maybe_shared(path.clone().into_bytes()).unwrap();
        let agent =
            ::http::HeaderValue::from_bytes("\u{9b}31m\t\u{7f}".replace('\u{7f}', "").as_bytes())
                .unwrap();
        asked.headers_mut().insert("user-agent", agent);
        let line = logged(format, &fixed(), asked);
        let text = line.trim_end_matches('\n');
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(line.len() <= 4096, "{} bytes", line.len());
        match format {
            AccessLogFormat::Common => {
                assert!(text.contains(r#" "GET /\"quoted\"\\"#), "{text}");
            }
            AccessLogFormat::Json => {
                let line: serde_json::Value = serde_json::from_str(text).unwrap();
                assert!(
                    line["path"]
                        .as_str()
                        .unwrap()
                        .starts_with("/\"quoted\"\\%0a")
                );
            }
        }
    }
}

/// The line of a client that repeats these in its method, target and fields as long as it may.
#[track_caller]
fn check_length(format: AccessLogFormat, target: &str, field: &[u8]) {
    let mut asked = request("/");
    *asked.method_mut() = "X".repeat(3_000).parse().unwrap();
    let target = format!("/{}", target.repeat(3_000));
    *asked.uri_mut() = ::http::Uri::from_maybe_shared(target.into_bytes()).unwrap();
    for (name, most) in [
        ("user-agent", 3_000),
        ("referer", 3_000),
        ("x-request-id", 128),
    ] {
        let value = HeaderValue::from_bytes(&field.repeat(most / field.len())).unwrap();
        asked.headers_mut().insert(name, value);
    }
    let line = logged(format, &fixed(), asked);
    assert!((1_024..4_096).contains(&line.len()), "{} bytes", line.len());
    if let AccessLogFormat::Common = format {
        let (_, target) = line.split_once(" /").unwrap();
        let (target, _) = target.split_once(" HTTP/1.1").unwrap();
        assert!(target.len().is_multiple_of(2), "cut in an escape: {target}");
    }
}

#[test]
fn a_line_goes_through_a_pipe_whole_whatever_the_client_wrote() {
    for format in [AccessLogFormat::Common, AccessLogFormat::Json] {
        check_length(format, "é", b"a");
        check_length(format, "\"\"", b"\"");
        check_length(format, "\\\\", b"\\");
        check_length(format, "\u{9b}", b"\t");
        check_length(format, "\u{10ffff}", b"\xff");
    }
}

#[test]
fn a_request_whose_client_left_has_a_line() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut settings = settings();
    settings.access_log = AccessLog::to(AccessLogFormat::Common, writer.into());
    let mut observed = Observe::new(fixed(), settings);
    drop(observed.call(request("/left")));
    drop(observed);
    let mut lines = String::new();
    reader.read_to_string(&mut lines).unwrap();
    assert!(lines.ends_with("\"GET /left HTTP/1.1\" 499 -\n"), "{lines}");
}

#[test]
fn a_line_that_nobody_takes_is_counted() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut settings = settings();
    settings.access_log = AccessLog::to(AccessLogFormat::Json, writer.into());
    let activity = Arc::clone(&settings.activity);
    block_on(Observe::new(fixed(), settings).call(request("/"))).unwrap();
    assert_eq!(activity.snapshot().log_lines_lost, 1);
}
