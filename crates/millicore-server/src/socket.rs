//! Socket servers: a handler for each connection or datagram, one by one, by threads or by
//! processes.
//!
//! Whoever knows `socketserver` of Python's standard library knows these servers: the same life
//! cycle, hooks and attributes, over TCP, UDP and Unix sockets. What is different on purpose is in
//! the table of `docs/socket-servers.md`.
//!
//! ```
//! use millicore_server::socket::{Failure, SocketModel, SocketOptions, SocketServer, Stream};
//! use std::io::{BufRead, Read, Write};
//!
//! let echo = |stream: &mut Stream| -> Result<(), Failure> {
//!     let mut line = String::new();
//!     stream.read_line(&mut line)?;
//!     Ok(stream.write_all(line.as_bytes())?)
//! };
//! let options = SocketOptions::new(SocketModel::Threads);
//! let mut server = SocketServer::tcp("127.0.0.1:0", options, echo)?;
//! let address = server.tcp_address().ok_or("no address")?;
//! let control = server.control();
//! let serving = std::thread::spawn(move || server.serve_forever());
//!
//! let mut client = std::net::TcpStream::connect(address)?;
//! client.write_all(b"hello world\n")?;
//! let mut answer = String::new();
//! client.read_to_string(&mut answer)?;
//! assert_eq!(answer, "hello world\n");
//!
//! control.shutdown();
//! serving.join().map_err(|_| "the server panicked")??;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The modules, in reading order:
//!
//! - `server`: the serving loop. Start here.
//! - `handler`: what a program gives: handlers, hooks, and how they fail.
//! - `options`: the attributes of a server.
//! - `request`, `stream`, `datagram`: what a handler is given.
//! - `bind`: where a server listens.
//! - `life`: a request from its reception to its end.
//! - `control`: stopping a server from another thread.

mod server;

mod handler;

mod options;

mod datagram;
mod request;
mod stream;

mod bind;
mod life;

mod control;

pub use control::Control;
pub use datagram::Datagram;
pub use handler::{Failure, Handler, Hooks, NoHooks};
pub use options::{SocketModel, SocketOptions};
pub use request::SocketRequest;
pub use server::{SocketError, SocketServer};
pub use stream::Stream;
