//! A server whose process has no descriptor left makes room and goes on. It has a process of its
//! own, because the limit is the whole process's.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use http::{Request, Response};
use http_body_util::Full;
use millicore::{CpuLimit, Executor};
use millicore_server::control::control;
use millicore_server::http::{Body, Hooks, serve_scheduled};
use millicore_server::listener::{ListenOptions, Listener};
use millicore_server::model::ConcurrencyModel;
use millicore_server::settings::ServerSettings;
use millicore_server::signals::ControlSignal;
use rustix::net::{AddressFamily, SocketType, connect, socket};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::{Context, Poll};

#[derive(Clone)]
struct Hello;

impl tower_service::Service<Request<Body>> for Hello {
    type Response = Response<Full<bytes::Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        ready(Ok(Response::new(Full::new("hello".into()))))
    }
}

#[test]
fn silent_connections_make_room_when_descriptors_run_out() {
    let executor = Executor::builder()
        .cores(NonZeroUsize::MIN)
        .cpu_limit(CpuLimit::Unlimited);
    let executor = Arc::new(executor.build().unwrap());
    let settings = ServerSettings::new(ConcurrencyModel::Scheduled);
    let bind = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind(&bind, &ListenOptions::default()).unwrap();
    let address = listener.tcp_address().unwrap();
    let (controller, controlled) = control().unwrap();
    let serves = move || {
        let hooks = Hooks::default();
        serve_scheduled(
            vec![listener],
            Hello,
            executor,
            &settings,
            controlled,
            hooks,
        )
    };
    let server = std::thread::spawn(serves);
    // One connection is served before the limit falls, so that nothing else is opened afterwards.
    let mut kept = TcpStream::connect(address).unwrap();
    ask(&mut kept);
    // The clients' own descriptors exist already; those of the server do not fit.
    let clients: Vec<TcpStream> = (0..60)
        .map(|_| {
            socket(AddressFamily::INET, SocketType::STREAM, None)
                .unwrap()
                .into()
        })
        .collect();
    let room = 10;
    allow(open_descriptors() + room);
    for client in &clients {
        connect(client, &address).unwrap();
    }
    for mut client in clients.into_iter().rev().take(3) {
        ask(&mut client);
    }
    ask_if_open(&mut kept);
    controller.ask(ControlSignal::Terminate).unwrap();
    server.join().unwrap().unwrap();
    assert!(TcpStream::connect::<SocketAddr>(address).is_err());
}

#[track_caller]
fn ask(client: &mut TcpStream) {
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        .unwrap();
    let mut answer = [0; 15];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
}

/// The first one may have had to make room.
fn ask_if_open(client: &mut TcpStream) {
    let _ = client.write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n");
}

fn open_descriptors() -> u64 {
    let highest = std::fs::read_dir("/proc/self/fd").unwrap();
    let highest = highest.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u64>().ok());
    highest.max().unwrap()
}

fn allow(descriptors: u64) {
    let limit = Rlimit {
        current: Some(descriptors),
        ..getrlimit(Resource::Nofile)
    };
    setrlimit(Resource::Nofile, limit).unwrap();
}
