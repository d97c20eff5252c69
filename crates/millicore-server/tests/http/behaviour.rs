//! What every model must do alike, given the address of a server of [`crate::application::router`]
//! with the limits of [`limits`].

use crate::client::{Answer, Client};
use millicore_server::settings::ServerSettings;
use std::net::SocketAddr;

pub(crate) const MAX_BODY_BYTES: u64 = 100_000;
pub(crate) const MAX_HEAD_BYTES: usize = 16_384;

/// The limits that the checks below run into.
pub(crate) fn limits(settings: &mut ServerSettings) {
    settings.connection.max_body_bytes = MAX_BODY_BYTES;
    settings.connection.max_head_bytes = MAX_HEAD_BYTES;
    settings.connection.max_headers = 50;
}

/// Everything.
pub(crate) fn check_all(server: SocketAddr) {
    routes(server);
    connections_are_kept(server);
    requests_may_be_sent_ahead(server);
    heads_come_in_pieces(server);
    bodies_come_in_pieces(server);
    bodies_are_bounded(server);
    a_client_that_asks_whether_to_send_is_told(server);
    a_response_without_a_body_has_none(server);
    a_response_that_breaks_is_seen_to(server);
}

fn ask(server: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    let mut client = Client::connect(server);
    client.send(request);
    client.answer()
}

fn get(server: SocketAddr, path: &str) -> Answer {
    ask(server, format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"))
}

/// Routes and what they answer; a panic costs its own request.
fn routes(server: SocketAddr) {
    let check = |path: &str, status: u16, text: &str| {
        let answer = get(server, path);
        assert_eq!((answer.status, answer.text()), (status, text), "{path}");
    };
    check("/hello", 200, "hello");
    check("/sum", 200, "499500");
    check("/sleep/1", 200, "slept");
    check("/nowhere", 404, "");
    check("/panic", 500, "the request failed\n");
    check("/panic-in-chunk", 500, "the request failed\n");
    check("/hello", 200, "hello");
    let large = get(server, "/large/3000000");
    assert_eq!(large.body, vec![b'x'; 3_000_000]);
}

fn connections_are_kept(server: SocketAddr) {
    let mut client = Client::connect(server);
    for path in ["/hello", "/sum", "/nowhere", "/hello"] {
        client.get(path);
        client.answer();
    }
    let check_last = |request: &str| {
        let mut client = Client::connect(server);
        client.send(request);
        assert_eq!(client.answer().text(), "hello", "{request}");
        assert!(client.is_closed(), "{request}");
    };
    check_last("GET /hello HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    check_last("GET /hello HTTP/1.0\r\n\r\n");
}

fn requests_may_be_sent_ahead(server: SocketAddr) {
    let mut client = Client::connect(server);
    let head = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
    let post = "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody";
    let ahead = [&head("/sleep/5"), &head("/hello"), post, &head("/sum")];
    client.send(ahead.concat());
    for text in ["slept", "hello", "body", "499500"] {
        assert_eq!(client.answer().text(), text);
    }
}

fn heads_come_in_pieces(server: SocketAddr) {
    let request = "GET /hello HTTP/1.1\r\nHost: test\r\n\r\n";
    for cut in 1..request.len() {
        let mut client = Client::connect(server);
        client.send(&request[..cut]);
        client.send(&request[cut..]);
        assert_eq!(client.answer().text(), "hello", "cut at {cut}");
    }
    let mut client = Client::connect(server);
    client.send(&request[..20]);
    client.finish_sending();
    assert!(
        client
            .try_answer()
            .is_none_or(|answer| answer.status == 400)
    );
}

fn bodies_come_in_pieces(server: SocketAddr) {
    let mut client = Client::connect(server);
    client.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n");
    client.send("01234");
    client.send("56789");
    assert_eq!(client.answer().text(), "0123456789");
    client.send("POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("3\r\nabc\r\n");
    client.send("2;extension=1\r\nde\r\n0\r\n\r\n");
    assert_eq!(client.answer().text(), "abcde");
    // A body that no handler reads does not become the next request.
    client.send("POST /ignore HTTP/1.1\r\nHost: test\r\nContent-Length: 20\r\n\r\n");
    client.send("GET /sum HTTP/1.1\r\n\r");
    assert_eq!(client.answer().text(), "ignored");
}

fn bodies_are_bounded(server: SocketAddr) {
    let mut client = Client::connect(server);
    let len = MAX_BODY_BYTES + 1;
    client.send(format!(
        "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: {len}\r\n\r\n"
    ));
    // The answer comes through although the client goes on.
    client.try_send(vec![b'x'; usize::try_from(len).unwrap()]);
    assert_eq!(client.answer().status, 413);
    assert!(client.is_closed());
    let mut client = Client::connect(server);
    client.send("POST /count HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = format!("2710\r\n{}\r\n", "x".repeat(10_000));
    client.try_send(chunk.repeat(11) + "0\r\n\r\n");
    assert_eq!(client.answer().status, 413);
    let fits = usize::try_from(MAX_BODY_BYTES).unwrap();
    let head = format!("POST /count HTTP/1.1\r\nHost: test\r\nContent-Length: {fits}\r\n\r\n");
    assert_eq!(ask(server, head + &"x".repeat(fits)).text(), "100000");
}

fn a_client_that_asks_whether_to_send_is_told(server: SocketAddr) {
    let head = |len: u64| {
        format!(
            "POST /count HTTP/1.1\r\nHost: test\r\nContent-Length: {len}\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    let mut client = Client::connect(server);
    client.send(head(3));
    assert_eq!(client.answer().status, 100);
    client.send("abc");
    assert_eq!(client.answer().text(), "3");
    assert_eq!(ask(server, head(MAX_BODY_BYTES + 1)).status, 413);
}

fn a_response_without_a_body_has_none(server: SocketAddr) {
    let mut client = Client::connect(server);
    for (path, status) in [("/hello", 200), ("/panic", 500), ("/nowhere", 404)] {
        client.send(format!("HEAD {path} HTTP/1.1\r\nHost: test\r\n\r\n"));
        assert_eq!(client.head_answer().status, status, "{path}");
    }
    client.get("/hello");
    assert_eq!(client.answer().text(), "hello");
}

fn a_response_that_breaks_is_seen_to(server: SocketAddr) {
    let mut client = Client::connect(server);
    client.get("/broken-body");
    assert!(client.try_answer().is_none(), "it looks complete");
}
