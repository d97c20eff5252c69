//! A server of the model `scheduled` on a thread of its own, stopped when the test is done with it.

use crate::gate::Gate;
use millicore::{CpuLimit, Executor};
use millicore_server::address::Bind;
use millicore_server::control::{Controller, control};
use millicore_server::draining::Draining;
use millicore_server::http::{Hooks, HttpService, ServeError, serve_scheduled};
use millicore_server::listener::{ListenOptions, Listener};
use millicore_server::model::ConcurrencyModel;
use millicore_server::settings::ServerSettings;
use millicore_server::signals::ControlSignal;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::JoinHandle;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Those of all its listeners; the first is `address`.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) executor: Arc<Executor>,
    pub(crate) draining: Draining,
    controller: Controller,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Server {
    /// One that serves with these settings, on so many cores.
    pub(crate) fn start(
        cores: usize,
        service: impl HttpService,
        set: impl FnOnce(&mut ServerSettings),
    ) -> Self {
        Self::start_on(1, cores, service, set)
    }

    /// The same on so many listeners. What it logs goes where its caller's log goes.
    pub(crate) fn start_on(
        listeners: usize,
        cores: usize,
        service: impl HttpService,
        set: impl FnOnce(&mut ServerSettings),
    ) -> Self {
        let cores = NonZeroUsize::new(cores).expect("a core");
        let executor = Executor::builder()
            .cores(cores)
            .cpu_limit(CpuLimit::Unlimited);
        let executor = Arc::new(executor.build().unwrap());
        let mut settings = ServerSettings::new(ConcurrencyModel::Scheduled);
        set(&mut settings);
        let bind: Bind = "127.0.0.1:0".parse().unwrap();
        let listen = || Listener::bind(&bind, &ListenOptions::default()).unwrap();
        let listeners: Vec<_> = (0..listeners).map(|_| listen()).collect();
        let addresses = listeners.iter().map(|it| it.tcp_address().unwrap());
        let addresses: Vec<_> = addresses.collect();
        let (controller, controlled) = control().unwrap();
        let (draining, accepts) = (Draining::new(), Gate::default());
        let ready = accepts.clone();
        let hooks = Hooks {
            draining: draining.clone(),
            ready: Some(Box::new(move || ready.open())),
            ..Hooks::default()
        };
        let works = Arc::clone(&executor);
        let serve =
            move || serve_scheduled(listeners, service, works, &settings, controlled, hooks);
        let log = tracing::dispatcher::get_default(Clone::clone);
        let thread = std::thread::spawn(move || tracing::dispatcher::with_default(&log, serve));
        accepts.wait();
        Self {
            address: addresses[0],
            addresses,
            executor,
            draining,
            controller,
            thread: Some(thread),
        }
    }

    pub(crate) fn ask(&self, signal: ControlSignal) {
        self.controller.ask(signal).unwrap();
    }

    /// Waits until it has stopped by itself.
    pub(crate) fn join(mut self) -> Result<(), ServeError> {
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = self.controller.ask(ControlSignal::Quit);
            let _ = thread.join();
        }
    }
}
