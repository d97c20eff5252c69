//! What every model must do alike, given the address of a server of [`crate::application::router`].

use crate::application::router;
use crate::client::Client;
use crate::server::Server;
use std::net::SocketAddr;

/// Routes and what they answer.
pub(crate) fn answers(server: SocketAddr) {
    let check = |path: &str, status: u16, text: &str| {
        let mut client = Client::connect(server);
        client.get(path);
        let answer = client.answer();
        assert_eq!((answer.status, answer.text()), (status, text), "{path}");
    };
    check("/hello", 200, "hello");
    check("/sum", 200, "499500");
    check("/sleep/1", 200, "slept");
    check("/nowhere", 404, "");
    check("/panic", 500, "the request failed\n");
    check("/panic-in-chunk", 500, "the request failed\n");
    check("/hello", 200, "hello");
}

#[test]
fn routes_answer_and_a_panic_costs_its_own_request() {
    let server = Server::start(1, router(), |_| ());
    answers(server.address);
}
