//! The application on an executor: what is shown while requests run, and what reaches the policy.

use super::*;

pub(super) fn executor(policy: &Policy) -> Arc<Executor> {
    let builder = Executor::builder()
        .policy(*policy)
        .cores(NonZeroUsize::MIN)
        .cpu_limit(CpuLimit::Unlimited)
        .tenant("gold", std::num::NonZeroU32::MIN, None)
        .max_waiting(3);
    Arc::new(builder.build().unwrap())
}

fn server(policy: &Policy, trusting: bool) -> Server {
    let compute = Compute::on(executor(policy));
    Server::new(ConcurrencyModel::Scheduled, compute, trusting)
}

/// Holds the only core until it is dropped.
struct Gate {
    opening: Option<mpsc::Sender<()>>,
    handle: Option<millicore::Handle<()>>,
}

impl Gate {
    fn closed(server: &Server) -> Self {
        let (opening, opened) = mpsc::channel::<()>();
        let (holding, held) = mpsc::channel();
        let executor = server.compute.executor().unwrap();
        let request = millicore::Request::new().size(Duration::from_nanos(1));
        let handle = executor.submit(request, |cpu| async move {
            cpu.run(move || {
                holding.send(()).unwrap();
                // The gate opens by being dropped.
                let _ = opened.recv();
            })
            .await;
        });
        held.recv().unwrap();
        Self {
            opening: Some(opening),
            handle: Some(handle),
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        drop(self.opening.take());
        if let Some(handle) = self.handle.take() {
            handle.wait().unwrap();
        }
    }
}

fn rows(server: &Server) -> Vec<Value> {
    let shown = server.get("/requests").json();
    shown["requests"].as_array().unwrap().clone()
}

#[test]
fn a_request_waits_then_runs_then_is_gone() {
    let server = server(&Policy::fair(), true);
    let gate = Gate::closed(&server);
    let target = "/spin?ms=60000&priority=7&tenant=gold";
    let mut spinning = Box::pin(server.call(get_request(target)));
    block_on(async {
        assert!(poll_once(&mut spinning).await.is_none());
    });
    let shown = server.get("/requests").json();
    assert_eq!((&shown["waiting"], &shown["cores"]), (&1.into(), &1.into()));
    assert_eq!(shown["policy"], "fair");
    let row = &shown["requests"][0];
    for (key, expected) in [
        ("state", Value::from("waiting")),
        ("path", target.into()),
        ("class", "/spin".into()),
        ("tenant", "gold".into()),
        ("priority", 7.into()),
        ("cores", 0.into()),
        ("cpu_s", 0.0.into()),
    ] {
        assert_eq!(row[key], expected, "{key} in {row}");
    }
    drop(gate);
    let running = loop {
        if let Some(row) = rows(&server).into_iter().find(|row| row["cores"] == 1) {
            break row;
        }
    };
    assert_eq!(running["state"], "running");
    let progress = running["progress"].as_f64();
    assert!(
        progress.is_none_or(|it| (0.0..=1.0).contains(&it)),
        "{running}"
    );
    drop(spinning);
    assert_eq!(rows(&server), Vec::<Value>::new());
    assert_eq!(server.activity.snapshot().requests_abandoned, 1);
    // Dropped is cancelled: the core is free for another long before a minute is over.
    assert_eq!(server.get("/spin?ms=1").json()["ms"], 1);
}

#[test]
fn what_a_client_says_is_ignored_unless_it_is_trusted() {
    let (wary, trusting) = (
        server(&Policy::fair(), false),
        server(&Policy::fair(), true),
    );
    for (target, fields, says) in [
        ("/spin?ms=0&priority=high", &[][..], "priority is \"high\""),
        (
            "/spin?ms=0",
            &[("x-priority", "9999999999")][..],
            "from -2147483648 to 2147483647",
        ),
        ("/spin?ms=0&deadline_ms=0", &[], "from 1 to 86400000"),
        (
            "/spin?ms=0",
            &[("x-deadline-ms", "soon")],
            "deadline_ms is \"soon\"",
        ),
        (
            "/spin?ms=0&tenant=silver",
            &[],
            "no tenant is named \"silver\"",
        ),
        ("/spin?ms=0&tenant=", &[], "tenant is not text"),
        (
            "/spin?ms=0",
            &[("x-tenant", "two words")],
            "tenant is not text",
        ),
        (
            "/spin?ms=0",
            &[("x-priority", "1"), ("x-priority", "2")],
            "x-priority is given twice",
        ),
    ] {
        assert_eq!(
            wary.send(Method::GET, target, fields).status,
            200,
            "{target} {fields:?}"
        );
        let refused = trusting.send(Method::GET, target, fields);
        assert_eq!(refused.status, 400, "{target} {fields:?}");
        assert!(refused.text().contains(says), "{}", refused.text());
    }
    let fields = [
        ("x-priority", "-5"),
        ("x-deadline-ms", "60000"),
        ("x-tenant", "gold"),
    ];
    let answer = trusting.send(Method::GET, "/spin?ms=0&priority=1", &fields);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn no_client_jumps_the_queue_unless_it_is_trusted() {
    for (trusting, expected) in [(false, [1, 2]), (true, [2, 1])] {
        let server = server(&Policy::fifo(), trusting);
        let gate = Gate::closed(&server);
        let mut first = Box::pin(server.call(get_request("/spin?ms=1")));
        let mut second = Box::pin(server.call(get_request("/spin?ms=1&priority=1")));
        block_on(async {
            assert!(poll_once(&mut first).await.is_none());
            assert!(poll_once(&mut second).await.is_none());
        });
        drop(gate);
        let answers = block_on(async {
            [
                Answer::read(first.await).await,
                Answer::read(second.await).await,
            ]
        });
        let waited = answers.map(|it| it.json()["queue_s"].as_f64().unwrap());
        let second_waited_less = waited[1] < waited[0];
        assert_eq!(second_waited_less, expected == [2, 1], "{waited:?}");
    }
}

#[test]
fn a_full_queue_is_told_when_to_come_back() {
    let server = server(&Policy::fair(), false);
    let gate = Gate::closed(&server);
    let mut waiting: Vec<_> = (0..3)
        .map(|_| Box::pin(server.call(get_request("/spin?ms=1"))))
        .collect();
    block_on(async {
        for request in &mut waiting {
            assert!(poll_once(request).await.is_none());
        }
    });
    let refused = server.get("/primes?below=10");
    assert_eq!(refused.status, 503, "{}", refused.text());
    let retry_after = refused.headers["retry-after"].to_str().unwrap();
    assert!(retry_after.parse::<u64>().unwrap() >= 1);
    // What shows the server never waits with them.
    for target in ["/healthz", "/readyz", "/metrics", "/requests"] {
        assert_eq!(server.get(target).status, 200, "{target}");
    }
    drop(gate);
    for request in waiting {
        assert_eq!(block_on(request).status(), 200);
    }
}

#[test]
fn where_size_decides_the_first_of_a_class_is_guessed() {
    let server = server(&Policy::srpt(), false);
    for target in [
        "/spin?ms=1",
        "/spin?ms=0",
        "/primes?below=0",
        "/primes?below=1000",
        "/primes?below=1000",
        "/factorial/5",
        "/mandelbrot.png?width=8&height=8",
    ] {
        assert_eq!(server.get(target).status, 200, "{target}");
    }
    let metrics = server.compute.executor().unwrap().metrics();
    assert_eq!(metrics.completed, 7);
}

#[test]
fn a_deadline_that_passed_is_not_worked_for() {
    let server = server(&Policy::edf(), true);
    let gate = Gate::closed(&server);
    let mut late = Box::pin(server.call(get_request("/spin?ms=1&deadline_ms=1")));
    block_on(async {
        assert!(poll_once(&mut late).await.is_none());
    });
    let asked = std::time::Instant::now();
    while asked.elapsed() < Duration::from_millis(2) {
        std::hint::spin_loop();
    }
    drop(gate);
    assert_eq!(block_on(late).status(), 504);
}

#[test]
fn numbers_of_requests_are_never_used_twice() {
    let server = server(&Policy::fair(), false);
    let ids: BTreeSet<String> = (0..100)
        .map(|_| {
            let answer = server.get("/requests");
            answer.headers["x-request-id"].to_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 100);
    let done = block_on(pin!(server.call(get_request("/requests"))));
    assert_eq!(done.status(), 200);
}
