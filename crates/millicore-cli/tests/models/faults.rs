//! Processes that are killed, and clients that are silent or slow.

use crate::client::Client;
use crate::processes::{Process, descriptors, private_kib, until};
use crate::server::{Server, one_slot, path, serve};
use rustix::process::Signal;

for_every_model! {
    silent_connections_hold_no_slot
    clients_that_take_nothing_are_given_up
    nothing_leaks
}

fn silent_connections_hold_no_slot(model: &str) {
    let server = Server::with(&one_slot(model));
    server.expect_health();
    let silent: Vec<Client> = (0..200).map(|_| server.client()).collect();
    let mut partial: Vec<Client> = (0..100).map(|_| server.client()).collect();
    for client in &mut partial {
        client.send("GET /healthz HTTP/1.1\r\nHost:");
    }
    server.expect_health();
    for client in partial.iter_mut().take(3) {
        client.send(" test\r\n\r\n");
        assert_eq!(client.answer().status, 200);
    }
    // They are idle now, and hold nothing either.
    server.expect_health();
    drop((silent, partial));
    server.stop();
}

/// Their responses fill the buffers of both sides, and then a slot.
fn clients_that_take_nothing_are_given_up(model: &str) {
    // The buffers of a Unix socket do not grow.
    let path = path(&format!("full-{model}.socket"));
    let arguments = format!("--write-timeout 100ms {}", one_slot(model));
    let command = serve(&format!("--bind unix:{} {arguments}", path.display()));
    let server = Server::start(command, 1);
    let mut client = server.client();
    client.send_all_it_takes("GET /nothing HTTP/1.1\r\nHost: test\r\n\r\n");
    server.expect_health();
    client.expect_reset();
}

fn nothing_leaks(model: &str) {
    let server = Server::with(&one_slot(model));
    let work = |requests: u32| {
        let mut lasting = server.client();
        for number in 0..requests {
            assert_eq!(lasting.ask("/healthz").status, 200);
            match number % 4 {
                0 => assert_eq!(server.ask("/spin?ms=0").status, 200),
                1 => assert_eq!(server.ask("/nothing").status, 404),
                2 => drop(server.asked("/sleep?ms=1")),
                _ => drop(server.client()),
            }
        }
    };
    let children = usize::from(model == "prefork");
    server.expect_children(children);
    work(100);
    server.expect_children(children);
    let open = settled_descriptors(&server);
    let memory = private_kib(server.pid());
    work(300);
    server.expect_children(children);
    until("as few descriptors as before", || {
        descriptors(server.pid()) <= open
    });
    let more = private_kib(server.pid()).saturating_sub(memory);
    assert!(more < 2048, "{more} KiB more than {memory} KiB");
}

/// How many descriptors are open once those that left are gone: the fewest that are seen after an
/// answer.
fn settled_descriptors(server: &Server) -> usize {
    let seen = (0..20).map(|_| {
        server.expect_health();
        descriptors(server.pid())
    });
    seen.min().unwrap()
}

/// Its client sees the end of the connection, and others are served.
#[test]
fn a_killed_process_takes_one_request_with_it() {
    for model in ["forks", "prefork"] {
        let server = Server::with(&one_slot(model));
        for _ in 0..3 {
            server.expect_children(usize::from(model == "prefork"));
            let mut client = server.asked("/spin?ms=60000");
            let [child] = server.expect_children(1)[..] else {
                unreachable!("one child");
            };
            server.expect_work();
            let mut waiting = server.asked("/healthz");
            Process::of(child).signal(Signal::KILL);
            client.expect_end();
            assert_eq!(waiting.answer().status, 200);
        }
        server.line_with("a process was killed");
        server.stop();
    }
}

#[test]
fn a_killed_parent_leaves_no_worker_behind() {
    let mut server = Server::with("--model prefork --workers 3");
    let workers = server.expect_children(3);
    let workers = workers.into_iter().map(Process::of).collect::<Vec<_>>();
    let mut idle = server.client();
    assert_eq!(idle.ask("/healthz").status, 200);
    let mut client = server.asked("/spin?ms=100");
    server.expect_work();
    server.signal(Signal::KILL);
    assert_eq!(server.status(), None);
    // Who is at work finishes it.
    client.rest();
    idle.rest();
    for worker in workers {
        worker.expect_end();
    }
}
