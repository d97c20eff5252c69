//! Who is let in, and when: not above the most connections, not without descriptors, and at the
//! end whoever the kernel has let in already.

use super::connection;
use super::connections::{Entry, Place};
use super::readable::Readable;
use super::wire::Stream;
use super::{HttpService, Server};
use crate::address::Peer;
use crate::listener::{Listener, is_exhausted};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long the exhausted server waits for a descriptor before it tries again.
const PAUSE: Duration = Duration::from_millis(100);

/// Who lets connections of one listener in.
#[derive(Debug)]
pub(super) struct Acceptor<S> {
    pub(super) listener: Readable<Listener>,
    pub(super) service: S,
    /// What connections share that come from now on.
    pub(super) server: watch::Receiver<Arc<Server>>,
}

impl<S: HttpService> Acceptor<S> {
    /// Accepts until the server stops accepting; then what the kernel has accepted already, and
    /// then refuses.
    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        tokio::select! {
            biased;
            () = stops(&mut stopping) => {}
            () = self.accept() => {}
        }
        self.empty_backlog().await;
    }

    fn server(&self) -> Arc<Server> {
        Arc::clone(&self.server.borrow())
    }

    /// Accepts as long as the listener can be waited for.
    async fn accept(&mut self) {
        loop {
            let server = self.server();
            let (connections, most) = (&server.connections, server.max_connections);
            connections.fewer_than(most).await;
            // While nobody came here, another listener may have filled the server.
            let entry = self.listener.take(|listener| {
                let entry = connections.enter_below(most, || listener.accept())?;
                Ok((!matches!(entry, Entry::Nobody)).then_some(entry))
            });
            match entry.await {
                Ok(Entry::Entered((socket, peer), place)) => self.admit(socket, peer, place),
                Ok(Entry::Full | Entry::Nobody) => {}
                Err(error) => recover(&error, &server).await,
            }
        }
    }

    async fn empty_backlog(&mut self) {
        loop {
            match self.listener.get().accept() {
                Ok(Some((socket, peer))) => {
                    let place = self.server().connections.enter();
                    self.admit(socket, peer, place);
                }
                Err(error) if is_exhausted(&error) => recover(&error, &self.server()).await,
                Ok(None) | Err(_) => break,
            }
        }
        // A listener that cannot refuse closes with the server.
        let _ = self.listener.get().refuse();
    }

    fn admit(&self, socket: OwnedFd, peer: Peer, place: Place) {
        // A connection that the runtime cannot watch is closed.
        if let Ok(stream) = Stream::new(socket, self.listener.get().is_tcp()) {
            let (service, server) = (self.service.clone(), self.server());
            tokio::spawn(connection::serve(stream, peer, service, server, place));
        }
    }
}

async fn stops(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stops| *stops).await;
}

/// Makes room and waits for it. Whatever else is wrong with a listener may be right again later,
/// and must not keep this thread busy.
async fn recover(error: &io::Error, server: &Server) {
    let wants_room = is_exhausted(error);
    server.connections.one_gone(wants_room, PAUSE).await;
}
