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
fn several_listeners_share_the_most_connections() {
    let server = Server::start_on(2, 1, router(), |settings| {
        settings.max_connections = NonZeroUsize::MIN;
    });
    let ask = |listener: usize| {
        let mut client = Client::connect(server.addresses[listener]);
        client.get("/sum");
        client
    };
    for _ in 0..20 {
        let mut first = Client::connect(server.address);
        first.get("/hello");
        assert_eq!(first.answer().text(), "hello");
        let mut others = vec![ask(0), ask(1)];
        // Both listeners had waited for somebody when the only place was taken.
        for _ in 0..10 {
            first.get("/hello");
            assert_eq!(first.answer().text(), "hello");
            assert!(others.iter_mut().all(Client::is_silent), "it was let in");
        }
        drop(first);
        // Whichever comes first makes room for the other: neither listener is deaf.
        let answered = others
            .into_iter()
            .map(|mut client| std::thread::spawn(move || client.answer().text().to_owned()));
        let answered: Vec<_> = answered.collect();
        for answer in answered {
            assert_eq!(answer.join().unwrap(), "499500");
        }
    }
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
