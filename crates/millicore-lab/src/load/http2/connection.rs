//! Connections that many requests share.

use crate::load::failure::Failure;
use crate::load::http2::exchange;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

/// As many requests as servers usually allow on a connection.
pub(super) const MOST_STREAMS: usize = 100;

pub(super) type Sender = SendRequest<Full<Bytes>>;

/// The connections to one address.
#[derive(Debug)]
pub(super) struct Pool {
    to: SocketAddr,
    connections: Vec<Arc<Connection>>,
    opened: u64,
}

/// One of them; it opens when the first request comes.
#[derive(Debug)]
pub(super) struct Connection {
    to: SocketAddr,
    sender: OnceCell<Sender>,
    /// Why it broke, if it did: its requests may hear only that it is gone.
    failure: Arc<OnceLock<Failure>>,
    under_way: AtomicUsize,
}

/// A place on a connection, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place(pub(super) Arc<Connection>);

impl Pool {
    pub(super) fn new(to: SocketAddr) -> Self {
        Self {
            to,
            connections: Vec::new(),
            opened: 0,
        }
    }

    /// How many connections there have been.
    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    /// A place on the first connection that has one; if none has, on a new one.
    pub(super) fn choose(&mut self) -> Place {
        self.connections
            .retain(|connection| !connection.is_closed());
        let has_place = |it: &&Arc<Connection>| it.under_way.load(Ordering::Relaxed) < MOST_STREAMS;
        let connection = match self.connections.iter().find(has_place) {
            Some(connection) => Arc::clone(connection),
            None => self.add(),
        };
        connection.under_way.fetch_add(1, Ordering::Relaxed);
        Place(connection)
    }

    /// So many new connections.
    pub(super) fn reserve(&mut self, count: usize) -> Vec<Arc<Connection>> {
        (0..count).map(|_| self.add()).collect()
    }

    fn add(&mut self) -> Arc<Connection> {
        let connection = Arc::new(Connection {
            to: self.to,
            sender: OnceCell::new(),
            failure: Arc::default(),
            under_way: AtomicUsize::new(0),
        });
        self.opened += 1;
        self.connections.push(Arc::clone(&connection));
        connection
    }
}

impl Connection {
    /// Opens it, unless it is open.
    pub(super) async fn sender(&self) -> Result<Sender, OpenError> {
        let failure = || Arc::clone(&self.failure);
        let open = || open(self.to, failure());
        let sender = self.sender.get_or_try_init(open).await?;
        Ok(sender.clone())
    }

    /// Why it broke, if it did.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.failure.get().copied()
    }

    fn is_closed(&self) -> bool {
        self.sender.get().is_some_and(SendRequest::is_closed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn open(to: SocketAddr, failure: Arc<OnceLock<Failure>>) -> Result<Sender, OpenError> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let io = TokioIo::new(stream);
    let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            failure.get_or_init(|| exchange::failure(&error));
        }
    });
    Ok(sender)
}

#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error(transparent)]
    Connect(#[from] io::Error),
    #[error(transparent)]
    Handshake(#[from] hyper::Error),
}
