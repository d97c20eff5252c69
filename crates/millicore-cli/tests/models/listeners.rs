//! Where a server listens.

use crate::client::Client;
use crate::server::{Server, one_slot, path, serve};
use rustix::process::Signal;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::Command;

for_every_model! {
    several_sockets_are_served_alike
    the_path_of_a_socket_is_free_for_the_next_server
    a_descriptor_is_served
}

fn several_sockets_are_served_alike(model: &str) {
    let path = path(&format!("several-{model}.socket"));
    let arguments = format!(
        "--bind 127.0.0.1:0 --bind 127.0.0.1:0 --bind unix:{} {}",
        path.display(),
        one_slot(model)
    );
    let server = Server::start(serve(&arguments), 3);
    for url in &server.urls {
        let mut client = Client::connect(url);
        for _ in 0..2 {
            assert_eq!(client.ask("/healthz").status, 200, "{url}");
        }
    }
    let mut clients: Vec<Client> = server.urls.iter().map(|url| Client::connect(url)).collect();
    for client in &mut clients {
        client.get("/sleep?ms=50");
    }
    server.signal(Signal::TERM);
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    server.stop();
}

fn the_path_of_a_socket_is_free_for_the_next_server(model: &str) {
    let path = path(&format!("again-{model}.socket"));
    let start = || {
        let arguments = format!("--bind unix:{} {}", path.display(), one_slot(model));
        Server::start(serve(&arguments), 1)
    };
    let mut first = start();
    first.expect_health();
    first.signal(Signal::KILL);
    assert_eq!(first.status(), None);
    assert!(path.exists());
    let second = start();
    second.expect_health();
    second.stop();
    assert!(!path.exists());
}

fn a_descriptor_is_served(model: &str) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let script = format!(
        "exec 7<&0 0</dev/null; exec \"$0\" serve --bind fd://7 {}",
        one_slot(model)
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_millicore")]);
    command.stdin(OwnedFd::from(socket.try_clone().unwrap()));
    let server = Server::start(command, 1);
    assert_eq!(server.urls, [format!("http://{address}")]);
    server.expect_health();
    server.stop();
}
