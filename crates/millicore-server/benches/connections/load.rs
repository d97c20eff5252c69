//! Clients: connect, write, read to the end, close.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

const CLIENTS: usize = 2;
const LENGTH: Duration = Duration::from_millis(400);

/// Requests per second over one round.
pub(crate) fn round(port: u16) -> f64 {
    let started = Instant::now();
    let until = started + LENGTH;
    let counts: usize = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| ask_until(port, until)))
            .collect();
        let counts = clients.into_iter().map(|client| client.join());
        counts.map(|count| count.expect("a client goes on")).sum()
    });
    let seconds = started.elapsed().as_secs_f64();
    f64::from(u32::try_from(counts).unwrap_or(u32::MAX)) / seconds
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
