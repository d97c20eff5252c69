//! Clients: connect, write, read to the end, close.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

const CLIENTS: usize = 8;
const LENGTH: Duration = Duration::from_millis(400);

/// What one round came to.
#[derive(Clone, Copy)]
pub(crate) struct Round {
    pub(crate) requests: usize,
    pub(crate) per_second: f64,
}

pub(crate) fn round(port: u16) -> Round {
    let started = Instant::now();
    let until = started + LENGTH;
    let requests: usize = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| ask_until(port, until)))
            .collect();
        let counts = clients.into_iter().map(|client| client.join());
        counts.map(|count| count.expect("a client goes on")).sum()
    });
    let per_second = requests as f64 / started.elapsed().as_secs_f64();
    Round {
        requests,
        per_second,
    }
}

fn ask_until(port: u16, until: Instant) -> usize {
    let mut count = 0;
    let mut answer = Vec::new();
    while Instant::now() < until {
        answer.clear();
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        let mut socket = socket.expect("the server listens");
        socket.write_all(b"hello world\n").expect("it reads");
        socket.read_to_end(&mut answer).expect("it writes");
        assert_eq!(answer, b"hello world\n");
        count += 1;
    }
    count
}
