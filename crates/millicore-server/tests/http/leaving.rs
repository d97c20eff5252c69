//! A client that leaves: no further chunk of its request starts.

use crate::client::Client;
use crate::gate::{Gate, until};
use crate::server::Server;
use axum::Router;
use axum::extract::Extension;
use axum::routing::any;
use millicore_server::compute::Compute;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A request whose first chunk waits for the gate, and which would run many more.
#[derive(Clone, Default)]
pub(crate) struct Held {
    chunks: Arc<AtomicU64>,
    begun: Gate,
    release: Gate,
}

impl Held {
    pub(crate) fn router(&self) -> Router {
        let held = self.clone();
        let held = async move |compute: Extension<Compute>| {
            let body = move |cpu: millicore::Cpu| async move {
                let each = move |_| held.chunk();
                cpu.for_each(0..1000_u32, each)
                    .chunk_len(NonZeroU64::MIN)
                    .await;
            };
            match compute.submit(millicore::Request::new(), body).await {
                Ok(()) => "done",
                Err(_) => "failed",
            }
        };
        Router::new().route("/held", any(held))
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.is_open()
    }

    pub(crate) fn release(&self) {
        self.release.open();
    }

    fn chunk(&self) {
        self.chunks.fetch_add(1, Ordering::SeqCst);
        self.begun.open();
        self.release.wait();
    }

    /// The request is under way, `leave` makes its client go, and only the chunk that ran does.
    pub(crate) fn check(&self, server: &Server, leave: impl FnOnce()) {
        self.begun.wait();
        leave();
        until("the request is cancelled", || {
            server.executor.metrics().cancelled == 1
        });
        self.release.open();
        let next = |cpu: millicore::Cpu| async move { cpu.run(|| ()).await };
        let next = server.executor.submit(millicore::Request::new(), next);
        next.wait().unwrap();
        assert_eq!(self.chunks.load(Ordering::SeqCst), 1, "chunks ran after it");
    }
}

fn check(request: &str, leave: impl FnOnce(Client)) {
    let held = Held::default();
    let server = Server::start(1, held.router(), |_| ());
    let mut client = Client::connect(server.address);
    client.send(request);
    held.check(&server, || leave(client));
}

const GET: &str = "GET /held HTTP/1.1\r\nHost: test\r\n\r\n";

#[test]
fn a_client_that_closes_its_connection_has_left() {
    check(GET, drop);
    check(GET, |client| {
        client.finish_sending();
        std::mem::forget(client);
    });
}

#[test]
fn a_client_that_sent_more_than_the_request_has_left_too() {
    check(&GET.repeat(2), drop);
    check(&format!("{GET}GET /hel"), drop);
    let body = "x".repeat(30_000);
    let post = format!("POST /held HTTP/1.1\r\nHost: test\r\nContent-Length: 30000\r\n\r\n{body}");
    check(&post, drop);
    check(&post[..200], drop);
}
