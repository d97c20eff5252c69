//! A server of HTTP/1.1 that does what a test says, to the byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// What a handler does with the connection of a request.
pub(crate) enum Reply {
    /// Writes this and waits for the next request.
    Keep(String),
    /// Writes this and closes.
    Close(String),
    /// Closes without having read, which resets the connection.
    Reset,
    /// Says nothing until the client closes.
    Silence,
}

/// A request as it came.
pub(crate) struct Request {
    /// Counted from 0, over all connections.
    pub(crate) number: usize,
    /// The first line and the headers.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }
}

/// A response with this body.
pub(crate) fn ok(body: &str) -> String {
    response("200 OK", body)
}

pub(crate) fn response(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// A server in threads of its own; they end when the clients have closed and with the test.
pub(crate) struct Server {
    url: String,
    /// The paths of requests whose connection the client closed after the reply, as they do.
    pub(crate) closed: Receiver<String>,
}

impl Server {
    pub(crate) fn start(handle: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), handle)
    }

    pub(crate) fn on(
        listener: TcpListener,
        handle: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, closed) = channel();
        let shared = Arc::new((handle, AtomicUsize::new(0)));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (shared, tell) = (Arc::clone(&shared), tell.clone());
                thread::spawn(move || serve(&stream.unwrap(), &shared.0, &shared.1, &tell));
            }
        });
        Self { url, closed }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        self.url.clone() + path
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        vec![self.url("/")]
    }
}

fn serve(
    stream: &TcpStream,
    handle: &(impl Fn(&Request) -> Reply + ?Sized),
    counter: &AtomicUsize,
    tell: &Sender<String>,
) {
    let mut reader = BufReader::with_capacity(1, stream);
    let mut path = String::new();
    while let Some(head) = read_head(&mut reader) {
        let mut request = Request {
            number: counter.fetch_add(1, Ordering::Relaxed),
            head,
            body: Vec::new(),
        };
        let length = request
            .head
            .lines()
            .find_map(|it| it.strip_prefix("content-length: "));
        request.body = vec![0; length.map_or(0, |it| it.parse().unwrap())];
        reader.read_exact(&mut request.body).unwrap();
        path = request.path().to_owned();
        // A client that gives up does not care for the rest.
        match handle(&request) {
            Reply::Keep(text) => drop((&mut &*stream).write_all(text.as_bytes())),
            Reply::Close(text) => {
                let _ = (&mut &*stream).write_all(text.as_bytes());
                return;
            }
            Reply::Reset => return reset(stream),
            Reply::Silence => {}
        }
    }
    let _ = tell.send(path);
}

fn read_head(reader: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        match reader.read_line(&mut head) {
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
    }
    Some(head)
}

/// The kernel resets a connection that is closed at once.
fn reset(stream: &TcpStream) {
    rustix::net::sockopt::set_socket_linger(stream, Some(std::time::Duration::ZERO)).unwrap();
}
