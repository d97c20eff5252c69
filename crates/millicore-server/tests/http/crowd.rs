//! Many connections: above the most, and silent ones by the thousand.

use crate::application::router;
use crate::client::Client;
use crate::server::Server;
use std::net::TcpStream;
use std::num::NonZeroUsize;

#[test]
fn above_the_most_connections_who_comes_waits() {
    let server = Server::start(1, router(), |settings| {
        settings.max_connections = NonZeroUsize::MIN;
    });
    let mut first = Client::connect(server.address);
    first.get("/hello");
    assert_eq!(first.answer().text(), "hello");
    let mut second = Client::connect(server.address);
    second.get("/sum");
    assert!(second.is_silent(), "it was let in");
    first.get("/hello");
    assert_eq!(first.answer().text(), "hello");
    drop(first);
    assert_eq!(second.answer().text(), "499500");
}

#[test]
fn silent_connections_are_in_nobodys_way() {
    let server = Server::start(1, router(), |_| ());
    let crowd: Vec<_> = (0..400)
        .map(|_| TcpStream::connect(server.address).unwrap())
        .collect();
    let mut client = Client::connect(server.address);
    client.get("/hello");
    assert_eq!(client.answer().text(), "hello");
    drop(crowd);
}
