//! The endpoints through the service interface, on the executor and on the thread that serves.

use super::*;
use crate::address::Peer;
use crate::compute::{ClientWatch, Compute};
use crate::observe::{Observe, ObserveSettings};
use futures_lite::future::{block_on, poll_once};
use http_body_util::{BodyExt, Empty};
use millicore::{CpuLimit, Executor, Policy};
use millicore_workload::factorial::{Digest, product_of_range};
use serde_json::Value;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::mpsc;
use std::time::Duration;

mod metrics;
mod scheduled;

/// A client that stays, and for whom time passes at once.
struct Patient;

impl ClientWatch for Patient {
    fn has_left_within(&self, _: Duration) -> bool {
        false
    }
}

/// A client that has left.
struct Gone;

impl ClientWatch for Gone {
    fn has_left_within(&self, _: Duration) -> bool {
        true
    }
}

/// The application with all around it, in one place.
struct Server {
    service: Observe<Application>,
    compute: Compute,
    activity: Arc<Activity>,
    draining: Draining,
}

/// What was answered, read to its end.
struct Answer {
    status: u16,
    headers: ::http::HeaderMap,
    body: Bytes,
}

impl Server {
    fn new(model: ConcurrencyModel, compute: Compute, trust_scheduling_headers: bool) -> Self {
        let activity = Arc::new(Activity::new().unwrap());
        let draining = Draining::new();
        let application = Application::new(ApplicationSettings {
            model,
            trust_scheduling_headers,
            serves_metrics: true,
            activity: Arc::clone(&activity),
            draining: draining.clone(),
        });
        Self {
            service: Observe::new(application, ObserveSettings::new(Arc::clone(&activity))),
            compute,
            activity,
            draining,
        }
    }

    /// On the thread that serves: what `sync`, `threads`, `forks` and `prefork` are to a handler.
    fn blocking() -> Self {
        let compute = Compute::here(Arc::new(Patient));
        Self::new(ConcurrencyModel::Threads, compute, false)
    }

    fn call(&self, request: Request<Empty<Bytes>>) -> impl Future<Output = Response<Body>> + use<> {
        let mut request = request;
        request.extensions_mut().insert(self.compute.clone());
        request.extensions_mut().insert(Peer::Unix);
        let answered = self.service.clone().call(request);
        async { answered.await.unwrap() }
    }

    fn send(&self, method: Method, target: &str, fields: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let response = self.call(request.body(Empty::new()).unwrap());
        block_on(async { Answer::read(response.await).await })
    }

    fn get(&self, target: &str) -> Answer {
        self.send(Method::GET, target, &[])
    }
}

fn get_request(target: &str) -> Request<Empty<Bytes>> {
    Request::builder().uri(target).body(Empty::new()).unwrap()
}

impl Answer {
    async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        assert_eq!(self.headers["content-type"], "application/json");
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What the two endpoints that wait, and those that compute, say of who answered and when.
#[track_caller]
fn check_stamp(answer: &Value) {
    assert_eq!(answer["pid"], std::process::id());
    assert!(answer["ppid"].as_i64().unwrap() > 0, "{answer}");
    assert!(answer["thread_id"].as_i64().unwrap() > 0, "{answer}");
    assert!(answer["elapsed_s"].as_f64().unwrap() >= 0.0, "{answer}");
    let moments = ["started", "finished"].map(|key| answer[key].as_str().unwrap());
    for moment in moments {
        assert_eq!(moment.len(), "2000-10-10T13:55:36.000001Z".len());
        assert!(moment.ends_with('Z'), "{moment}");
    }
    assert!(moments[0] <= moments[1], "{moments:?}");
}

#[test]
fn waiting_is_answered_with_who_waited() {
    let server = Server::blocking();
    for target in ["/", "/?cache=no", "/sleep?ms=0", "/sleep?ms=60000"] {
        let answer = server.get(target).json();
        check_stamp(&answer);
        assert_eq!(answer.as_object().unwrap().len(), 6, "{answer}");
    }
}

#[test]
fn a_client_that_left_is_not_waited_for() {
    let compute = Compute::here(Arc::new(Gone));
    let server = Server::new(ConcurrencyModel::Threads, compute, false);
    assert_eq!(server.get("/").status, 500);
    assert_eq!(server.get("/spin?ms=60000").status, 500);
}

#[test]
fn spinning_uses_the_cpu_it_is_asked_to() {
    let server = Server::blocking();
    let answer = server.get("/spin?ms=20");
    let json = answer.json();
    check_stamp(&json);
    assert_eq!(json["ms"], 20);
    assert!(json["cpu_s"].as_f64().unwrap() >= 0.02, "{json}");
    assert_eq!(json["queue_s"], 0.0);
    let timing = answer.headers["server-timing"].to_str().unwrap();
    assert!(timing.starts_with("queue;dur=0.000,cpu;dur="), "{timing}");
    assert!(server.activity.snapshot().cpu_time > Duration::from_millis(10));
}

#[test]
fn computations_give_what_they_should() {
    let executor = scheduled::executor(&Policy::fair());
    let compute = Compute::on(executor);
    for server in [
        Server::blocking(),
        Server::new(ConcurrencyModel::Scheduled, compute, false),
    ] {
        let primes = server.get("/primes?below=1000000").json();
        assert_eq!(primes["primes"], 78_498);
        check_stamp(&primes);
        let factorial = server.get("/factorial/1000").json();
        assert_eq!(factorial["decimal_digits"], 2_568);
        let fnv1a = factorial["fnv1a"].as_str().unwrap();
        let known = Digest::of(&product_of_range(1..1_001)).fnv1a;
        assert_eq!(fnv1a, format!("{known:016x}"));
        assert_eq!(server.get("/factorial/0").json()["bits"], 1);
        let picture = server.get("/mandelbrot.png?width=33&height=7&zoom=2&x=-0.5&y=0.1");
        assert_eq!(picture.status, 200);
        assert_eq!(picture.headers["content-type"], "image/png");
        assert!(picture.body.starts_with(b"\x89PNG"));
        // Width and height stand behind the signature, a length and a name.
        assert_eq!(picture.body[16..24], [0, 0, 0, 33, 0, 0, 0, 7]);
    }
}

/// Who asks for what cannot be given is told why.
#[track_caller]
fn check_refused(target: &str, status: u16, says: &str) {
    let server = Server::blocking();
    let answer = server.get(target);
    assert_eq!(answer.status, status, "{target}: {}", answer.text());
    assert!(answer.text().contains(says), "{target}: {}", answer.text());
    assert!(answer.text().ends_with('\n'));
}

#[test]
fn every_parameter_has_bounds() {
    check_refused(
        "/sleep",
        400,
        "ms is missing: give a number from 0 to 60000",
    );
    check_refused(
        "/sleep?ms=60001",
        400,
        "ms is \"60001\": give a number from 0 to 60000",
    );
    check_refused("/sleep?ms=-1", 400, "from 0 to 60000");
    check_refused("/sleep?ms=1e3", 400, "from 0 to 60000");
    check_refused("/sleep?ms=", 400, "ms is \"\"");
    check_refused("/sleep?ms=1&ms=2", 400, "ms is given twice");
    check_refused("/spin?ms=99999999999999999999999", 400, "from 0 to 60000");
    check_refused("/primes?below=100000000001", 400, "to 100000000000");
    check_refused("/factorial/1000001", 400, "to 1000000");
    check_refused("/factorial/five", 400, "n is \"five\"");
    check_refused("/mandelbrot.png?width=0", 400, "from 1 to 2048");
    check_refused("/mandelbrot.png?height=2049", 400, "from 1 to 2048");
    check_refused("/mandelbrot.png?x=NaN", 400, "from -4 to 4");
    check_refused("/mandelbrot.png?zoom=inf", 400, "from 0.1 to 1000000000000");
    check_refused(
        "/mandelbrot.png?width=2048&height=2048&iterations=1000000",
        400,
        "width x height x iterations is 4194304000000: ask for at most 20000000000",
    );
}

#[test]
fn what_is_not_there_is_not_found() {
    check_refused("/nowhere", 404, "there is nothing at \"/nowhere\"");
    check_refused("/sleep/", 404, "/sleep?ms=");
    check_refused("/factorial/", 404, "/factorial/{n}");
}

#[test]
fn other_methods_are_told_which_to_use() {
    let server = Server::blocking();
    for target in ["/", "/healthz", "/spin?ms=1", "/metrics"] {
        let answer = server.send(Method::POST, target, &[]);
        assert_eq!(answer.status, 405, "{target}");
        assert_eq!(answer.headers["allow"], "GET,HEAD", "{target}");
        assert!(answer.text().contains("use GET"), "{}", answer.text());
    }
    let head = server.send(Method::HEAD, "/healthz", &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[test]
fn a_server_on_its_way_out_lives_but_is_not_ready() {
    let server = Server::blocking();
    assert_eq!(server.get("/readyz").status, 200);
    assert_eq!(server.get("/healthz").text(), "ok\n");
    server.draining.start();
    assert_eq!(server.get("/readyz").status, 503);
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn without_an_executor_requests_are_shown_from_the_table() {
    let server = Server::blocking();
    let number = server.activity.next_number();
    let _other = server.activity.begin(number, "GET", "/sleep?ms=9", "id-9");
    server.activity.set_waiting(3);
    let shown = server.get("/requests").json();
    assert_eq!(
        (&shown["model"], &shown["waiting"]),
        (&"threads".into(), &3.into())
    );
    assert_eq!(
        (&shown["running"], &shown["policy"]),
        (&1.into(), &Value::Null)
    );
    let rows = shown["requests"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "{shown}");
    assert_eq!(rows[0]["path"], "/sleep?ms=9");
    assert_eq!(rows[0]["id"], "id-9");
    assert_eq!(rows[0]["state"], "running");
    assert_eq!(rows[0]["cores"], Value::Null);
    assert!(rows[0]["age_s"].as_f64().unwrap() >= 0.0);
}
