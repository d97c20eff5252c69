//! Servers that may have few descriptors.

use crate::client::Client;
use crate::server::{Server, one_slot, serve_with_descriptors};

for_every_model! {
    silent_connections_give_way
    requests_wait_for_descriptors
}

const DESCRIPTORS: u32 = 48;

fn short_of_descriptors(model: &str) -> Server {
    let arguments = format!("--bind 127.0.0.1:0 {}", one_slot(model));
    Server::start(serve_with_descriptors(DESCRIPTORS, &arguments), 1)
}

fn silent_connections_give_way(model: &str) {
    let server = short_of_descriptors(model);
    let silent: Vec<Client> = (0..100).map(|_| server.client()).collect();
    for _ in 0..3 {
        server.expect_health();
    }
    drop(silent);
    server.expect_health();
    server.stop();
}

fn requests_wait_for_descriptors(model: &str) {
    let server = short_of_descriptors(model);
    let asked = |_| {
        let mut client = server.client();
        client.try_send("GET /sleep?ms=1 HTTP/1.1\r\nHost: test\r\n\r\n");
        client
    };
    let mut clients: Vec<Client> = (0..100).map(asked).collect();
    for client in &mut clients {
        // Who had not asked yet when room was needed was silent: it asks again.
        let answer = client.try_answer();
        let answer = answer.unwrap_or_else(|| server.ask("/sleep?ms=1"));
        assert_eq!(answer.status, 200);
    }
    drop(clients);
    server.stop();
}
