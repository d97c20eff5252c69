//! Clients that leave: their requests cost nothing from then on.

use crate::server::{Server, one_slot};

for_every_model! {
    who_leaves_frees_the_slot
    who_leaves_while_it_waits_is_not_served
    who_leaves_in_the_middle_of_a_request_is_forgotten
}

/// Longer than any test waits.
const LONG: &str = "60000";

fn who_leaves_frees_the_slot(model: &str) {
    let server = Server::with(&one_slot(model));
    for path in ["/spin?ms=", "/sleep?ms="] {
        let client = server.asked(&format!("{path}{LONG}"));
        if path == "/spin?ms=" {
            server.expect_work();
        }
        drop(client);
        // Were it still worked on, this would take too long.
        assert_eq!(server.ask("/spin?ms=1").status, 200);
    }
}

fn who_leaves_while_it_waits_is_not_served(model: &str) {
    let server = Server::with(&one_slot(model));
    let working = server.asked(&format!("/spin?ms={LONG}"));
    server.expect_work();
    for _ in 0..10 {
        drop(server.asked(&format!("/spin?ms={LONG}")));
    }
    let mut last = server.asked("/spin?ms=1");
    drop(working);
    assert_eq!(last.answer().status, 200);
}

fn who_leaves_in_the_middle_of_a_request_is_forgotten(model: &str) {
    let server = Server::with(&one_slot(model));
    server.expect_health();
    let parts = [
        "G",
        "GET /healthz HTTP/1.1\r\nHo",
        "POST /healthz HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nabc",
        "GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n",
    ];
    for part in parts.iter().cycle().take(40) {
        let mut client = server.client();
        client.send(part);
        drop(client);
    }
    server.expect_health();
    server.stop();
}
