//! What is sent and what comes back: headers, methods, bodies of any size.

use crate::server::{Reply, Server, ok, response};
use crate::{load, plan};
use millicore_lab::load::{Plan, run};
use millicore_lab::stop::Stop;

#[test]
fn the_server_gets_what_was_asked_for() {
    let server = Server::start(|request| {
        let is_right = request.head.starts_with("PATCH /?a=b HTTP/1.1\r\n")
            && request.head.contains("\r\nx-one: 1\r\n")
            && request.head.contains("\r\nx-two: 2\r\n")
            && request.body == b"change";
        let status = if is_right {
            "200 OK"
        } else {
            "400 Bad Request"
        };
        Reply::Keep(response(status, &request.head))
    });
    let flags = [
        ("-n", "3"),
        ("--method", "PATCH"),
        ("-H", "X-One: 1"),
        ("-H", "x-two:2"),
        ("--body", "change"),
    ];
    let outcome = load(&[server.url("/?a=b#c")], &flags);
    assert_eq!(outcome.ok, 3, "{:?}", outcome.failed);
}

#[test]
fn a_body_larger_than_any_buffer_arrives_whole_both_ways() {
    let body: String = "0123456789abcdef".repeat(500_000);
    let length = body.len() as u64;
    let server =
        Server::start(|request| Reply::Keep(ok(std::str::from_utf8(&request.body).unwrap())));
    let mut plan = plan(
        &server.urls(),
        &[("-n", "3"), ("-c", "2"), ("--body", &body)],
    );
    plan.keep_bodies = true;
    let outcome = run(&plan, &Stop::default(), &mut |_| ()).unwrap();
    assert_eq!((outcome.ok, outcome.body_bytes), (3, 3 * length));
    for row in &outcome.rows {
        assert_eq!(row.body_bytes, length);
        let kept = row.body.as_deref().unwrap();
        assert!(kept.len() < body.len() && body.as_bytes().starts_with(kept));
    }
}

#[test]
fn an_answer_before_the_end_of_the_request_counts() {
    // It answers after the head and closes: the rest of the body has nowhere to go.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let body = "x".repeat(8_000_000);
    let server = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 1000]).unwrap();
        stream
            .write_all(response("413 Content Too Large", "").as_bytes())
            .unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // Until the client has closed, so that the answer is not lost in a reset.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let outcome = load(&[url], &[("-n", "1"), ("--body", &body)]);
    assert_eq!(crate::failed(&outcome), "1 status 413");
    server.join().unwrap();
}

#[test]
fn answers_to_head_have_no_body() {
    let server = Server::start(|_| {
        Reply::Keep("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_owned())
    });
    let outcome = load(
        &server.urls(),
        &[("-n", "4"), ("-c", "2"), ("--method", "HEAD")],
    );
    assert_eq!(
        (outcome.ok, outcome.body_bytes, outcome.connections_opened),
        (4, 0, 2)
    );
}

#[test]
fn a_burst_for_a_program_has_the_bodies() {
    let server = Server::start(|request| {
        Reply::Close(format!(
            "HTTP/1.1 200 OK\r\n\r\n{{\"number\":{}}}",
            request.number
        ))
    });
    let plan = Plan::at_once(&server.url("/"), 5).unwrap();
    let outcome = run(&plan, &Stop::default(), &mut |_| ()).unwrap();
    let bodies = outcome
        .rows
        .into_iter()
        .map(|row| String::from_utf8(row.body.unwrap()).unwrap());
    let mut bodies: Vec<String> = bodies.collect();
    bodies.sort();
    let expected: Vec<String> = (0..5)
        .map(|number| format!("{{\"number\":{number}}}"))
        .collect();
    assert_eq!(bodies, expected);
}
