//! Servers are made, serve, stop, close, and leave nothing behind.

use crate::client::{Client, Place};
use crate::harness::{Test, test};
use crate::observed::{descriptors, eventually, threads};
use crate::server::Server;
use crate::setup::{Body, Kind, for_each};
use millicore_server::process::ForkError;
use millicore_server::socket::{
    Datagram, Failure, SocketError, SocketModel, SocketOptions, SocketServer, Stream,
};
use std::io::{BufRead, Write};
use std::net::{TcpListener, UdpSocket};
use std::num::NonZeroUsize;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::sync::mpsc::channel;

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = for_each(
        "life_cycle",
        |_, _| true,
        &[
            ("echo", echo),
            ("starts", starts),
            ("close_at_once", close_at_once),
            ("serves_twice", serves_twice),
            ("handles_one", handles_one),
        ],
    );
    let forks = |_, model: &str| matches!(model, "forks" | "prefork");
    let alone: &[(&str, Body)] = &[("needs_one_thread", needs_one_thread)];
    tests.extend(for_each("life_cycle", forks, alone));
    for model in [SocketModel::Sync, SocketModel::Threads] {
        let name = format!("life_cycle::shutdown_from_another_thread::{model:?}");
        tests.push(test(name, move || shutdown_from_another_thread(model)));
    }
    for kind in Kind::ALL {
        let name = format!("life_cycle::failing_binds::{kind}");
        tests.push(test(name, move || failing_binds(kind)));
        let name = format!("life_cycle::dropping_closes::{kind}");
        tests.push(test(name, move || dropping_closes(kind)));
    }
    for kind in [Kind::Udp, Kind::UnixDatagram] {
        let name = format!("life_cycle::prefork_is_refused::{kind}");
        tests.push(test(name, move || prefork_is_refused(kind)));
    }
    tests
}

/// Three clients one after the other, beside a child that is not the server's.
fn echo(kind: Kind, model: &str) {
    let mut server = Server::start(kind, model, &["foreign=yes", "stay=yes"]);
    if let Place::Inet(address) = server.place {
        assert_ne!(address.port(), 0);
        assert!(address.ip().is_loopback());
    }
    for _ in 0..3 {
        server.echoes();
    }
    server.terminate();
    server.expect(&["left"]);
    assert!(server.event().starts_with("active "));
    server.expect(&["closed 0 0", "foreign Status(72)", "children 0"]);
    assert!(server.is_refused());
    server.release();
    server.end();
}

/// Twenty servers that are stopped as they start.
fn starts(kind: Kind, model: &str) {
    let mut server = Server::run(kind, model, &["script=starts"]);
    server.expect(&["left"; 20]);
    server.expect(&["children 0"]);
    server.end();
}

fn close_at_once(kind: Kind, model: &str) {
    let mut server = Server::run(kind, model, &["script=close"]);
    server.expect(&["left: the server is closed", "children 0"]);
    server.end();
}

fn serves_twice(kind: Kind, model: &str) {
    let mut server = Server::start(kind, model, &["script=twice"]);
    server.echoes();
    server.terminate();
    server.expect(&["left"]);
    server.echoes();
    server.stop();
}

/// `handle_request`: one request, or none in time.
fn handles_one(kind: Kind, model: &str) {
    let words = ["script=handle", "requests=1"];
    let mut server = Server::start(kind, model, &words);
    server.echoes();
    server.expect(&["handled true", "children 0"]);
    server.end();
    let words = [
        "script=handle",
        "requests=2",
        "timeout_ms=1",
        "timeout=panics",
    ];
    let mut server = Server::start(kind, model, &words);
    for _ in 0..2 {
        let panicked = "error panicked: in handle_timeout";
        server.expect(&["timeout", panicked, "handled false"]);
    }
    server.expect(&["children 0"]);
    server.end();
}

fn needs_one_thread(kind: Kind, model: &str) {
    let model = match model {
        "forks" => SocketModel::Forks,
        _ => SocketModel::Prefork(NonZeroUsize::MIN),
    };
    let (end, ended) = channel::<()>();
    let other = std::thread::spawn(move || ended.recv().is_err());
    let refused = |outcome| {
        let is_alone = matches!(outcome, Err(SocketError::Fork(ForkError::NotAlone { .. })));
        assert!(is_alone, "{outcome:?}");
    };
    let options = SocketOptions::new(model);
    let path = std::env::temp_dir().join(format!("millicore-{}-alone", std::process::id()));
    let nothing = |_: &mut _| Ok(());
    match kind {
        Kind::Tcp => {
            let server = SocketServer::tcp("127.0.0.1:0", options, |_: &mut Stream| Ok(()));
            refused(server.unwrap().serve_forever());
        }
        Kind::Udp => {
            let server = SocketServer::udp("127.0.0.1:0", options, |_: &mut Datagram| Ok(()));
            refused(server.unwrap().serve_forever());
        }
        Kind::Unix => {
            let server = SocketServer::<Stream>::unix(&path, options, nothing);
            refused(server.unwrap().serve_forever());
        }
        Kind::UnixDatagram => {
            let server = SocketServer::<Datagram>::unix(&path, options, |_: &mut Datagram| Ok(()));
            refused(server.unwrap().serve_forever());
        }
    }
    let _ = std::fs::remove_file(path);
    drop(end);
    assert!(other.join().unwrap());
    eventually("the thread is gone", || threads(std::process::id()) == 1);
}

/// Also at once after the start, and from several threads.
fn shutdown_from_another_thread(model: SocketModel) {
    for round in 0..40 {
        let echo = |stream: &mut Stream| -> Result<(), Failure> {
            let mut line = Vec::new();
            stream.read_until(b'\n', &mut line)?;
            Ok(stream.write_all(&line)?)
        };
        let options = SocketOptions::new(model);
        let mut server = SocketServer::tcp("127.0.0.1:0", options, echo).unwrap();
        let place = Place::Inet(server.tcp_address().unwrap());
        let control = server.control();
        let serving = std::thread::spawn(move || server.serve_forever());
        if round % 2 == 0 {
            let mut client = Client::connect(Kind::Tcp, &place).unwrap();
            client.send(b"hello world\n").unwrap();
            assert_eq!(client.answer().unwrap(), "hello world\n");
        }
        let other = control.clone();
        let second = std::thread::spawn(move || other.shutdown());
        control.shutdown();
        second.join().unwrap();
        serving.join().unwrap().unwrap();
    }
    eventually("the threads are gone", || threads(std::process::id()) == 1);
}

/// A server that cannot be bound leaves no descriptor behind.
fn failing_binds(kind: Kind) {
    let options = || SocketOptions::new(SocketModel::Threads);
    let path = std::env::temp_dir().join(format!("millicore-{}-taken", std::process::id()));
    let bind: Box<dyn Fn() -> bool> = match kind {
        Kind::Tcp => {
            let taken = TcpListener::bind("127.0.0.1:0").unwrap();
            Box::new(move || {
                let at = taken.local_addr().unwrap().to_string();
                SocketServer::tcp(&at, options(), |_: &mut Stream| Ok(())).is_err()
            })
        }
        Kind::Udp => {
            let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
            Box::new(move || {
                let at = taken.local_addr().unwrap().to_string();
                SocketServer::udp(&at, options(), |_: &mut Datagram| Ok(())).is_err()
            })
        }
        Kind::Unix => {
            let taken = UnixListener::bind(&path).unwrap();
            let path = path.clone();
            Box::new(move || {
                // The attempt finds out that somebody listens by a connection.
                taken.set_nonblocking(true).unwrap();
                let made = SocketServer::<Stream>::unix(&path, options(), |_: &mut Stream| Ok(()));
                drop(taken.accept());
                made.is_err()
            })
        }
        Kind::UnixDatagram => {
            let taken = UnixDatagram::bind(&path).unwrap();
            let path = path.clone();
            Box::new(move || {
                let _taken = &taken;
                let nothing = |_: &mut Datagram| Ok(());
                SocketServer::<Datagram>::unix(&path, options(), nothing).is_err()
            })
        }
    };
    let before = descriptors(std::process::id());
    for _ in 0..1024 {
        assert!(bind());
    }
    assert_eq!(descriptors(std::process::id()), before);
    let _ = std::fs::remove_file(path);
}

fn dropping_closes(kind: Kind) {
    let before = descriptors(std::process::id());
    let mut server = Server::run(kind, "threads", &["script=make"]);
    server.expect(&["made", "children 0"]);
    server.end();
    let options = || SocketOptions::new(SocketModel::Sync);
    let path = std::env::temp_dir().join(format!("millicore-{}-dropped", std::process::id()));
    match kind {
        Kind::Tcp => drop(SocketServer::tcp(
            "127.0.0.1:0",
            options(),
            |_: &mut Stream| Ok(()),
        )),
        Kind::Udp => drop(SocketServer::udp(
            "127.0.0.1:0",
            options(),
            |_: &mut Datagram| Ok(()),
        )),
        Kind::Unix => {
            let nothing = |_: &mut Stream| Ok(());
            drop(SocketServer::<Stream>::unix(&path, options(), nothing).unwrap());
            assert!(Client::connect(kind, &Place::Path(path.clone())).is_err());
            // The file that is left is no obstacle to the next server.
            drop(SocketServer::<Stream>::unix(&path, options(), nothing).unwrap());
        }
        Kind::UnixDatagram => {
            let nothing = |_: &mut Datagram| Ok(());
            drop(SocketServer::<Datagram>::unix(&path, options(), nothing).unwrap());
            assert!(Client::connect(kind, &Place::Path(path.clone())).is_err());
        }
    }
    let _ = std::fs::remove_file(path);
    assert_eq!(descriptors(std::process::id()), before);
}

fn prefork_is_refused(kind: Kind) {
    let mut server = Server::run(kind, "prefork", &["script=make"]);
    assert!(
        server
            .event()
            .starts_with("refused: prefork is for streams")
    );
    server.expect(&["children 0"]);
    server.end();
}
