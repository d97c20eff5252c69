//! Requests per second of the model `scheduled` against a bare hyper server with as many I/O
//! threads, the same trivial handler, in interleaved rounds of `wrk`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use millicore::{CpuLimit, Executor};
use millicore_server::control::control;
use millicore_server::http::{Body, Hooks, serve_scheduled};
use millicore_server::listener::{ListenOptions, Listener};
use millicore_server::model::ConcurrencyModel;
use millicore_server::settings::ServerSettings;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Poll};

const ROUNDS: usize = 9;

/// One round of load.
#[derive(Clone, Copy)]
struct Round {
    requests_per_s: f64,
    cpu_us_per_request: f64,
}

fn main() {
    let io_threads = NonZeroUsize::new(2).unwrap();
    let (bare, scheduled) = (serve_bare(io_threads), serve_ours(io_threads));
    println!("medians of {ROUNDS} interleaved rounds, {io_threads} I/O threads each");
    for connections in [2, 16, 64] {
        let rounds: Vec<_> = (0..ROUNDS)
            .map(|_| (load(bare, connections), load(scheduled, connections)))
            .collect();
        let median = |value: fn(&(Round, Round)) -> f64| {
            let mut values: Vec<_> = rounds.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            values[ROUNDS / 2]
        };
        println!(
            "{connections:3} connections: scheduled {:.0}/s and {:.1} us of CPU a request, \
             bare {:.0}/s and {:.1} us; ratios {:.3} (bar .9) and {:.3}",
            median(|(_, ours)| ours.requests_per_s),
            median(|(_, ours)| ours.cpu_us_per_request),
            median(|(bare, _)| bare.requests_per_s),
            median(|(bare, _)| bare.cpu_us_per_request),
            median(|(bare, ours)| ours.requests_per_s / bare.requests_per_s),
            median(|(bare, ours)| ours.cpu_us_per_request / bare.cpu_us_per_request),
        );
    }
}

fn load(server: SocketAddr, connections: u32) -> Round {
    let before_us = cpu_us();
    let output = Command::new("wrk")
        .args(["-t1", "-d1s", &format!("-c{connections}")])
        .arg(format!("http://{server}/healthz"))
        .output();
    let used_us = cpu_us() - before_us;
    let Ok(output) = output else {
        eprintln!("wrk is not installed: nothing is measured");
        std::process::exit(0);
    };
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("Non-2xx"), "{text}");
    let line = text
        .lines()
        .find(|line| line.contains("requests in"))
        .unwrap();
    let requests: f64 = line.split_whitespace().next().unwrap().parse().unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("Requests/sec"))
        .unwrap();
    Round {
        requests_per_s: line.split_whitespace().nth(1).unwrap().parse().unwrap(),
        cpu_us_per_request: used_us / requests,
    }
}

/// The CPU time of this process, which is both servers', of which one is idle.
fn cpu_us() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let time = std::time::Duration::try_from(time).unwrap();
    time.as_secs_f64() * 1e6
}

#[derive(Clone)]
struct Healthy;

impl tower_service::Service<Request<Body>> for Healthy {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        ready(Ok(Response::new(Full::new(Bytes::from_static(b"ok")))))
    }
}

fn serve_ours(io_threads: NonZeroUsize) -> SocketAddr {
    let executor = Executor::builder()
        .cores(io_threads)
        .cpu_limit(CpuLimit::Unlimited);
    let executor = Arc::new(executor.build().unwrap());
    let settings = ServerSettings::new(ConcurrencyModel::Scheduled);
    let bind = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind(&bind, &ListenOptions::default()).unwrap();
    let address = listener.tcp_address().unwrap();
    std::thread::spawn(move || {
        let (_controller, controlled) = control().unwrap();
        let hooks = Hooks::default();
        serve_scheduled(
            vec![listener],
            Healthy,
            executor,
            &settings,
            controlled,
            hooks,
        )
        .unwrap();
    });
    address
}

fn serve_bare(io_threads: NonZeroUsize) -> SocketAddr {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(io_threads.get())
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        runtime.block_on(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                tokio::spawn(async move {
                    let answer = async |_: Request<hyper::body::Incoming>| {
                        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"ok"))))
                    };
                    let builder =
                        hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    let io = TokioIo::new(stream);
                    let _ = builder.serve_connection(io, service_fn(answer)).await;
                });
            }
        });
    });
    address
}
