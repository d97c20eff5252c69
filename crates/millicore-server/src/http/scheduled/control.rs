//! Signals, and how the server stops.
//!
//! 1. It is on its way out: readiness says no, responses end their connections.
//! 2. For `drain_delay` it goes on accepting.
//! 3. It accepts what the kernel has accepted already, and then refuses.
//! 4. Every connection ends once it has answered what it was sent; one that is idle ends at once, one
//!    that never brought a request after a moment.
//! 5. After `graceful_timeout` from 3 on, whoever is left is dropped.

use super::accepting::Acceptor;
use super::readable::Readable;
use super::{HttpService, ServeError, Server};
use crate::control::ControlSource;
use crate::http::Hooks;
use crate::listener::Listener;
use crate::settings::ServerSettings;
use crate::signals::ControlSignal;
use millicore::Executor;
use std::cell::Cell;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

pub(super) struct Parts {
    pub(super) listeners: Vec<Listener>,
    pub(super) server: Arc<Server>,
    pub(super) settings: ServerSettings,
    pub(super) executor: Arc<Executor>,
    pub(super) hooks: Hooks,
}

/// Serves until it is told to stop, and has.
pub(super) async fn run<S: HttpService>(
    parts: Parts,
    service: &S,
    signals: impl ControlSource,
) -> Result<(), ServeError> {
    let Parts {
        listeners,
        server,
        settings,
        executor,
        mut hooks,
    } = parts;
    let signals = Readable::new(signals).map_err(ServeError::to("hear signals"))?;
    let (stop, stopping) = watch::channel(false);
    let latest_server = watch::Sender::new(Arc::clone(&server));
    let times = Cell::new((settings.drain_delay, settings.graceful_timeout));
    let mut accepting = JoinSet::new();
    for listener in listeners {
        let listener = Readable::new(listener).map_err(ServeError::to("wait for connections"))?;
        let acceptor = Acceptor {
            listener,
            service: service.clone(),
            server: latest_server.subscribe(),
        };
        accepting.spawn(acceptor.run(stopping.clone()));
    }
    let timekeeper = Arc::clone(&server.connections);
    tokio::spawn(async move { timekeeper.keep_time().await });
    if let Some(ready) = hooks.ready.take() {
        ready();
    }
    let begin = Notify::new();
    let stopped = async {
        begin.notified().await;
        tokio::time::sleep(times.get().0).await;
        stop.send_replace(true);
        let finish = async {
            while accepting.join_next().await.is_some() {}
            server.connections.drain().await;
        };
        if tokio::time::timeout(times.get().1, finish).await.is_err() {
            let unfinished = server.connections.len();
            tracing::warn!(unfinished, "the graceful timeout has passed");
        }
    };
    let mut stopped = pin!(stopped);
    loop {
        let signal = tokio::select! {
            () = &mut stopped => return Ok(()),
            signal = signals.take(ControlSource::next) => signal.map_err(ServeError::to("hear signals"))?,
        };
        let draining = &server.context.draining;
        match signal {
            ControlSignal::Quit => return Ok(()),
            ControlSignal::Interrupt if draining.is_draining() => return Ok(()),
            ControlSignal::Terminate | ControlSignal::Interrupt => {
                hooks.start_draining();
                begin.notify_one();
            }
            ControlSignal::HangUp => {
                if let Some(new) = hooks.reload() {
                    times.set((new.drain_delay, new.graceful_timeout));
                    latest_server.send_replace(Arc::new(server.following(&new.connection)));
                }
            }
            ControlSignal::MoreWorkers => set_cores(&executor, executor.cores().saturating_add(1)),
            ControlSignal::FewerWorkers => set_cores(&executor, executor.cores().saturating_sub(1)),
        }
    }
}

/// As many cores as that, at least one; as many as the system lets start.
fn set_cores(executor: &Executor, cores: usize) {
    if let Some(cores) = NonZeroUsize::new(cores) {
        let _ = executor.set_cores(cores);
    }
}
