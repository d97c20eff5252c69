//! How many requests are at work at once, how many wait, and what closing waits for.

use crate::client::Client;
use crate::harness::{Test, test};
use crate::observed::{children, descriptors, eventually, threads};
use crate::server::Server;
use crate::setup::{Body, Kind, for_each};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with, sockopt,
};
use std::os::fd::OwnedFd;

pub(crate) fn tests() -> Vec<Test> {
    let everywhere: &[(&str, Body)] = &[
        ("serve_forever", serve_forever),
        ("stop_at_the_limit", stop_at_the_limit),
        ("leaks_nothing", leaks_nothing),
    ];
    let one_by_one: &[(&str, Body)] = &[("handle_request", handle_request)];
    let for_each_request: &[(&str, Body)] = &[
        ("unlimited", unlimited),
        ("nothing_is_held", nothing_is_held),
        ("close_waits_for_none", close_waits_for_none),
    ];
    let is_for_each = |_, model: &str| matches!(model, "threads" | "forks");
    let mut tests = for_each("limits", |_, _| true, everywhere);
    tests.extend(for_each(
        "limits",
        |_, model| model != "prefork",
        one_by_one,
    ));
    tests.extend(for_each("limits", is_for_each, for_each_request));
    for kind in [Kind::Tcp, Kind::Unix] {
        let name = format!("limits::backlog::{kind}");
        tests.push(test(name, move || backlog(kind)));
    }
    tests
}

/// So many slots, in the words of the model.
fn slots(model: &str) -> (&'static str, usize) {
    match model {
        "sync" => ("", 1),
        "threads" => ("max_threads=2", 2),
        "forks" => ("max_children=2", 2),
        _ => ("workers=2", 2),
    }
}

fn serve_forever(kind: Kind, model: &str) {
    at_once(kind, model, "serve");
}

fn handle_request(kind: Kind, model: &str) {
    at_once(kind, model, "handle");
}

/// Exactly as many requests as slots are at work, and the next starts when one has ended.
fn at_once(kind: Kind, model: &str, script: &str) {
    let (limit, slots) = slots(model);
    let requests = 2 * slots + 1;
    let script = format!("script={script}");
    let count = format!("requests={requests}");
    let mut server = Server::start(kind, model, &[limit, &script, &count]);
    let mut clients: Vec<Client> = (0..requests).map(|_| server.ask("hold")).collect();
    let is_served = script == "script=serve";
    let mut handled = 0;
    let mut hear = |server: &mut Server, expected: &str| {
        let mut event = server.event();
        while event == "handled true" {
            handled += 1;
            event = server.event();
        }
        let (what, at_work) = event.split_once(' ').unwrap_or((&event, "0"));
        assert_eq!(what, expected);
        // Including those that have ended and were not reaped.
        assert!(at_work.parse::<usize>().unwrap() <= slots, "{event}");
    };
    for _ in 0..slots {
        hear(&mut server, "holding");
    }
    if is_served {
        server.await_sleep();
        server.expect_silence();
    }
    for _ in slots..requests {
        server.release();
        hear(&mut server, "released");
        hear(&mut server, "holding");
    }
    for _ in 0..slots {
        server.release();
        hear(&mut server, "released");
    }
    for client in &mut clients {
        assert_eq!(client.answer().unwrap(), "hold\n");
    }
    if is_served {
        server.stop();
        return;
    }
    while handled < requests {
        assert_eq!(server.event(), "handled true");
        handled += 1;
    }
    server.expect(&["children 0"]);
    server.end();
}

/// Where nobody set a limit, many are at work.
fn unlimited(kind: Kind, model: &str) {
    const MANY: usize = 6;
    let mut server = Server::start(kind, model, &[]);
    let mut clients: Vec<Client> = (0..MANY).map(|_| server.ask("hold")).collect();
    let mut most = 0;
    for _ in 0..MANY {
        let event = server.event();
        let at_work = event.strip_prefix("holding ").unwrap();
        most = most.max(at_work.parse().unwrap());
    }
    assert_eq!(most, MANY);
    for _ in 0..MANY {
        server.release();
        server.expect(&["released"]);
    }
    for client in &mut clients {
        assert_eq!(client.answer().unwrap(), "hold\n");
    }
    server.stop();
}

/// Serving ends at once although every slot is taken and one more waits; closing then waits for
/// those at work. In `sync` the one at work is the serving.
fn stop_at_the_limit(kind: Kind, model: &str) {
    let (limit, slots) = slots(model);
    let mut server = Server::start(kind, model, &[limit]);
    let mut clients: Vec<Client> = (0..slots).map(|_| server.ask("hold")).collect();
    for _ in 0..slots {
        assert!(server.event().starts_with("holding "));
    }
    let waiting = server.ask("hold");
    server.await_sleep();
    server.terminate();
    if model == "sync" {
        server.expect_silence();
        server.release();
        server.expect(&["released", "left", "active 0"]);
    } else {
        server.expect(&["left", &format!("active {slots}")]);
        server.await_sleep();
        server.expect_silence();
        // No child has kept the listener; a datagram is answered over it.
        assert!(!kind.is_stream() || server.is_refused());
        for _ in 0..slots {
            server.release();
            server.expect(&["released"]);
        }
    }
    server.expect(&["closed 0 0", "children 0"]);
    for client in &mut clients {
        assert_eq!(client.answer().unwrap(), "hold\n");
    }
    server.end();
    drop(waiting);
}

/// `block_on_close` off, and `daemon_threads`.
fn close_waits_for_none(kind: Kind, model: &str) {
    let mut ways = vec!["block_on_close=no"];
    ways.extend((model == "threads").then_some("daemon_threads=yes"));
    for way in ways {
        let mut server = Server::start(kind, model, &[way, "stay=yes"]);
        let client = server.ask("hold");
        assert!(server.event().starts_with("holding "));
        server.terminate();
        server.expect(&["left", "active 1"]);
        assert!(server.event().starts_with("closed "));
        drop(client);
    }
}

/// Threads and processes of requests that are done are not kept until something else happens.
fn nothing_is_held(kind: Kind, model: &str) {
    let server = Server::start(kind, model, &[]);
    for _ in 0..10 {
        server.echoes();
    }
    eventually("no thread is left", || threads(server.pid()) == 1);
    eventually("no child is left", || children(server.pid()).is_empty());
    server.stop();
}

/// Descriptors, threads and processes are no more after many requests than after the first.
fn leaks_nothing(kind: Kind, model: &str) {
    let server = Server::start(kind, model, &[]);
    let pid = server.pid();
    server.echoes();
    let lasting = usize::from(model == "prefork");
    let is_quiet = || threads(pid) == 1 && children(pid).len() == lasting;
    eventually("the first request is over", is_quiet);
    let before = descriptors(pid);
    for _ in 0..100 {
        server.echoes();
    }
    eventually("the requests are over", || {
        is_quiet() && descriptors(pid) <= before
    });
    server.stop();
}

/// With a queue of 5 and a server at work, six further connections are made: listen(2) counts those
/// that wait, and the kernel lets in one more.
fn backlog(kind: Kind) {
    let mut server = Server::start(kind, "sync", &[]);
    let mut at_work = server.ask("hold");
    assert!(server.event().starts_with("holding "));
    let attempts: Vec<Option<OwnedFd>> = (0..10).map(|_| begin_to_connect(&server)).collect();
    let is_made: Vec<bool> = attempts
        .iter()
        .map(|socket| socket.as_ref().is_some_and(is_connected))
        .collect();
    assert_eq!(is_made, [[true; 6].as_slice(), &[false; 4]].concat());
    drop(attempts);
    server.release();
    server.expect(&["released"]);
    assert_eq!(at_work.answer().unwrap(), "hold\n");
    server.stop();
}

/// Without waiting; none where it is refused at once.
fn begin_to_connect(server: &Server) -> Option<OwnedFd> {
    use crate::client::Place;
    let family = match server.place {
        Place::Inet(_) => AddressFamily::INET,
        Place::Path(_) => AddressFamily::UNIX,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None).unwrap();
    let outcome = match &server.place {
        Place::Inet(address) => connect(&socket, address),
        Place::Path(path) => connect(&socket, &SocketAddrUnix::new(path).unwrap()),
    };
    match outcome {
        Ok(()) | Err(Errno::INPROGRESS) => Some(socket),
        Err(Errno::AGAIN) => None,
        Err(error) => panic!("{error}"),
    }
}

/// The kernel shakes hands with itself within the call that asks for it.
fn is_connected(socket: &OwnedFd) -> bool {
    let mut output = [PollFd::new(socket, PollFlags::OUT)];
    let is_ready = poll(&mut output, Some(&Timespec::default())).unwrap() > 0;
    is_ready && sockopt::socket_error(socket).unwrap().is_ok()
}
