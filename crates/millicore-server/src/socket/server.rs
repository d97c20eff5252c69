//! The serving loop of socket servers: wait, receive, verify, hand to a slot. Start here.

use crate::address::{Bind, BindSyntax, Peer};
use crate::listener::{ListenError, ListenOptions, Listener};
use crate::poller::{Poller, Watch};
use crate::process::{ForkError, thread_count};
use crate::slots::forks::{Forks, Keep};
use crate::slots::inline::Inline;
use crate::slots::prefork::{Prefork, WorkerPlan};
use crate::slots::threads::Threads;
use crate::slots::{Ended, FIRST_TOKEN, Private, Slots, Verdict, Work};
use crate::socket::control::Control;
use crate::socket::datagram::Datagram;
use crate::socket::handler::{Failure, Handler, Hooks, NoHooks};
use crate::socket::options::{SocketModel, SocketOptions};
use crate::socket::request::SocketRequest;
use crate::socket::stream::Stream;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A server that runs a handler for each connection or datagram.
///
/// It is bound and listens when it is made; dropping it closes it, see [`SocketServer::close`].
pub struct SocketServer<R: SocketRequest> {
    socket: Option<Arc<R::Socket>>,
    options: SocketOptions,
    handler: Arc<dyn Handler<R>>,
    hooks: Arc<dyn Hooks>,
    poller: Arc<Poller>,
    control: Control,
    slots: Option<Box<dyn Slots<R> + Send>>,
    is_armed: bool,
    /// Until when nothing is received, because the system had no room for it.
    paused_until: Option<Instant>,
    address: Option<SocketAddr>,
}

/// Why a socket server cannot serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// The address is none.
    #[error(transparent)]
    Address(#[from] BindSyntax),
    /// It cannot listen there.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A datagram socket cannot be bound.
    #[error("cannot bind {place}")]
    Bind {
        /// Where.
        place: String,
        /// What the system said.
        source: io::Error,
    },
    /// A model that forks, in a program with several threads.
    #[error(transparent)]
    Fork(#[from] ForkError),
    /// Datagrams have no connection to hand over.
    #[error("prefork is for streams: datagrams are received by one process; use forks or threads")]
    PreforkDatagrams,
    /// A handler asked the program to exit.
    #[error("a handler asked to exit with status {0}")]
    Exit(i32),
    /// The server was closed.
    #[error("the server is closed")]
    Closed,
    /// Waiting for requests failed.
    #[error("cannot wait for requests")]
    System(#[from] io::Error),
}

const SOCKET: u64 = 0;
const CONTROL: u64 = 1;

/// How long nothing is received after the system had no room: long enough not to spin.
const PAUSE: Duration = Duration::from_millis(100);

impl SocketServer<Stream> {
    /// A server on a TCP port, as `TCPServer`.
    ///
    /// # Errors
    ///
    /// Says why it cannot listen there.
    pub fn tcp(
        address: &str,
        options: SocketOptions,
        handler: impl Handler<Stream>,
    ) -> Result<Self, SocketError> {
        let bind: Bind = address.parse()?;
        Self::on_listener(&bind, options, Arc::new(handler))
    }

    /// A server on a Unix stream socket, as `UnixStreamServer`.
    ///
    /// # Errors
    ///
    /// Says why it cannot listen there.
    pub fn unix(
        path: impl AsRef<Path>,
        options: SocketOptions,
        handler: impl Handler<Stream>,
    ) -> Result<Self, SocketError> {
        let bind = Bind::Unix(path.as_ref().to_owned());
        Self::on_listener(&bind, options, Arc::new(handler))
    }

    fn on_listener(
        bind: &Bind,
        options: SocketOptions,
        handler: Arc<dyn Handler<Stream>>,
    ) -> Result<Self, SocketError> {
        let listen = ListenOptions {
            backlog: options.request_queue_size,
            reuse_address: options.allow_reuse_address,
            reuse_port: options.allow_reuse_port,
        };
        let listener = Listener::bind(bind, &listen)?;
        let address = listener.tcp_address();
        Self::new(listener, address, options, handler)
    }
}

impl SocketServer<Datagram> {
    /// A server on a UDP port, as `UDPServer`.
    ///
    /// # Errors
    ///
    /// Says why it cannot be bound.
    pub fn udp(
        address: &str,
        options: SocketOptions,
        handler: impl Handler<Datagram>,
    ) -> Result<Self, SocketError> {
        let refused = |source| SocketError::Bind {
            place: address.to_owned(),
            source,
        };
        let socket = std::net::UdpSocket::bind(address).map_err(refused)?;
        let local = socket.local_addr().map_err(refused)?;
        Self::new(
            OwnedFd::from(socket),
            Some(local),
            options,
            Arc::new(handler),
        )
    }

    /// A server on a Unix datagram socket, as `UnixDatagramServer`.
    ///
    /// # Errors
    ///
    /// Says why it cannot be bound.
    pub fn unix(
        path: impl AsRef<Path>,
        options: SocketOptions,
        handler: impl Handler<Datagram>,
    ) -> Result<Self, SocketError> {
        let path = path.as_ref();
        let socket = std::os::unix::net::UnixDatagram::bind(path);
        let socket = socket.map_err(|source| SocketError::Bind {
            place: format!("unix:{}", path.display()),
            source,
        })?;
        Self::new(OwnedFd::from(socket), None, options, Arc::new(handler))
    }
}

impl<R: SocketRequest> SocketServer<R> {
    fn new(
        socket: R::Socket,
        address: Option<SocketAddr>,
        options: SocketOptions,
        handler: Arc<dyn Handler<R>>,
    ) -> Result<Self, SocketError> {
        if matches!(options.model, SocketModel::Prefork(_)) && !R::CAN_BE_HANDED_OVER {
            return Err(SocketError::PreforkDatagrams);
        }
        let (poller, control) = (Arc::new(Poller::new()?), Control::new()?);
        poller.add(&socket, SOCKET, Watch::Always)?;
        poller.add(control.wake(), CONTROL, Watch::Always)?;
        Ok(Self {
            socket: Some(Arc::new(socket)),
            options,
            handler,
            hooks: Arc::new(NoHooks),
            poller,
            control,
            slots: None,
            is_armed: true,
            paused_until: None,
            address,
        })
    }

    /// Gives it hooks, before it serves.
    #[must_use]
    pub fn with_hooks(mut self, hooks: impl Hooks) -> Self {
        self.hooks = Arc::new(hooks);
        self
    }

    /// Where it listens, if on TCP or UDP: the port that the system chose included.
    #[must_use]
    pub const fn tcp_address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// What stops it from another thread.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// The ids of the processes at work.
    #[must_use]
    pub fn active_children(&self) -> Vec<u32> {
        let slots = self.slots.as_ref();
        slots.map(|slots| slots.processes()).unwrap_or_default()
    }

    /// How many threads or processes are at work.
    #[must_use]
    pub fn active_requests(&self) -> usize {
        self.slots.as_ref().map_or(0, |slots| slots.busy())
    }

    /// Serves until [`Control::shutdown`] is called. It can be called again afterwards.
    ///
    /// # Errors
    ///
    /// [`SocketError::Exit`] where a handler of `sync` asks for it; [`SocketError::Fork`] where a
    /// model forks and the program has several threads.
    pub fn serve_forever(&mut self) -> Result<(), SocketError> {
        let _serving = self.control.serve();
        self.prepare()?;
        let mut ready = Vec::new();
        while !self.control.is_asked() {
            let interval = self.options.poll_interval;
            let until = interval.and_then(|interval| Instant::now().checked_add(interval));
            let has_request = self.wait(&mut ready, until)?;
            if self.control.is_asked() {
                break;
            }
            if has_request {
                self.receive()?;
            }
            let hooks = Arc::clone(&self.hooks);
            guarded(&*hooks, || hooks.service_actions());
        }
        Ok(())
    }

    /// Handles one request, or none within [`SocketOptions::timeout`]; true if there was one.
    ///
    /// # Errors
    ///
    /// As [`SocketServer::serve_forever`].
    pub fn handle_request(&mut self) -> Result<bool, SocketError> {
        self.prepare()?;
        let timeout = self.options.timeout;
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut ready = Vec::new();
        loop {
            if self.wait(&mut ready, until)? && self.receive()? {
                return Ok(true);
            }
            if until.is_some_and(|until| until <= Instant::now()) {
                let hooks = Arc::clone(&self.hooks);
                guarded(&*hooks, || hooks.handle_timeout());
                return Ok(false);
            }
        }
    }

    /// Closes the socket, then waits for the requests at work, if the options say so.
    pub fn close(&mut self) {
        self.socket = None;
        let waits = match self.options.model {
            SocketModel::Threads => self.options.block_on_close && !self.options.daemon_threads,
            SocketModel::Prefork(_) => true,
            SocketModel::Sync | SocketModel::Forks => self.options.block_on_close,
        };
        if let Some(mut slots) = self.slots.take()
            && waits
        {
            slots.wait();
        }
    }

    /// Makes the slots, the first time.
    fn prepare(&mut self) -> Result<(), SocketError> {
        if self.socket.is_none() {
            return Err(SocketError::Closed);
        }
        if self.slots.is_some() {
            return Ok(());
        }
        let forks = matches!(
            self.options.model,
            SocketModel::Forks | SocketModel::Prefork(_)
        );
        let threads = thread_count()?;
        if forks && threads > 1 {
            return Err(ForkError::NotAlone { threads }.into());
        }
        let work = self.work();
        let (options, poller) = (&self.options, &self.poller);
        let slots: Box<dyn Slots<R> + Send> = match options.model {
            SocketModel::Sync => Box::new(Inline::new(work)),
            SocketModel::Threads => Box::new(Threads::new(work, options.max_threads, poller)?),
            SocketModel::Forks => {
                let keep = Keep::Nothing;
                Box::new(Forks::new(work, options.max_children, keep, poller))
            }
            SocketModel::Prefork(workers) => {
                let plan = WorkerPlan {
                    work,
                    is_worn_out: Arc::new(|| false),
                };
                let descriptors = || self.private_descriptors();
                let private = Private(&descriptors);
                Box::new(Prefork::new(plan, workers, poller, &private)?)
            }
        };
        self.slots = Some(slots);
        Ok(())
    }

    fn work(&self) -> Work<R> {
        let (handler, hooks) = (Arc::clone(&self.handler), Arc::clone(&self.hooks));
        let options = self.options.clone();
        Arc::new(move |request| process(&*handler, &*hooks, &options, request))
    }

    fn private_descriptors(&self) -> Vec<i32> {
        let socket = self.socket.as_ref();
        // A child answers datagrams over the socket of the server.
        let socket = socket.filter(|_| R::CAN_BE_HANDED_OVER);
        let mut descriptors = vec![
            self.poller.as_fd().as_raw_fd(),
            self.control.wake().as_fd().as_raw_fd(),
        ];
        descriptors.extend(socket.map(|socket| socket.as_fd().as_raw_fd()));
        descriptors
    }

    /// Waits for something to happen; true if a request can be received and started.
    fn wait(&mut self, ready: &mut Vec<u64>, until: Option<Instant>) -> io::Result<bool> {
        let (Some(slots), Some(socket)) = (&mut self.slots, &self.socket) else {
            return Ok(false);
        };
        if self
            .paused_until
            .is_some_and(|until| until <= Instant::now())
        {
            self.paused_until = None;
        }
        let arm = self.paused_until.is_none() && slots.has_room();
        if arm != self.is_armed {
            let watch = if arm { Watch::Always } else { Watch::Never };
            self.poller.rearm(socket.as_fd(), SOCKET, watch)?;
            self.is_armed = arm;
        }
        let times = [until, self.paused_until, slots.deadline()];
        self.poller.wait(ready, times.into_iter().flatten().min())?;
        let mut has_request = false;
        for &token in ready.iter() {
            match token {
                SOCKET => has_request = true,
                CONTROL => self.control.wake().clear(),
                _ => self.on_slot(token)?,
            }
        }
        self.on_time()?;
        Ok(has_request)
    }

    fn on_slot(&mut self, token: u64) -> io::Result<()> {
        debug_assert!(token >= FIRST_TOKEN, "the tokens below are handled");
        let Some(mut slots) = self.slots.take() else {
            return Ok(());
        };
        let descriptors = || self.private_descriptors();
        let outcome = slots.on_ready(token, &Private(&descriptors));
        self.slots = Some(slots);
        outcome
    }

    fn on_time(&mut self) -> io::Result<()> {
        let Some(mut slots) = self.slots.take() else {
            return Ok(());
        };
        let descriptors = || self.private_descriptors();
        let is_due = slots.deadline().is_some_and(|time| time <= Instant::now());
        let outcome = match is_due {
            true => slots.on_time(&Private(&descriptors)),
            false => Ok(()),
        };
        // What streams leave behind is closed here.
        slots.take_ended();
        self.slots = Some(slots);
        outcome
    }

    /// Receives a request and starts it; true if there was one.
    fn receive(&mut self) -> Result<bool, SocketError> {
        let Some(socket) = self.socket.clone() else {
            return Err(SocketError::Closed);
        };
        let mut request = match R::receive(&socket, &self.options) {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(false),
            // There is no room for it now: it stays where it is.
            Err(_) => {
                self.paused_until = Instant::now().checked_add(PAUSE);
                return Ok(false);
            }
        };
        let peer = request.peer();
        let hooks = Arc::clone(&self.hooks);
        if guarded(&*hooks, || hooks.verify_request(&peer)) != Some(true) {
            let _ = request.close();
            return Ok(true);
        }
        self.start(request, peer)
    }

    fn start(&mut self, request: R, peer: Peer) -> Result<bool, SocketError> {
        let Some(mut slots) = self.slots.take() else {
            return Err(SocketError::Closed);
        };
        let descriptors = || self.private_descriptors();
        let started = slots.start(request, &Private(&descriptors));
        let exit = slots
            .take_ended()
            .into_iter()
            .find_map(|ended| match ended {
                Ended::Quit(status) => Some(status),
                Ended::Over(..) | Ended::Idle(_) => None,
            });
        self.slots = Some(slots);
        if let Err(refused) = started {
            let failure = Failure::Error(refused.error.into());
            guarded(&*self.hooks, || self.hooks.handle_error(&peer, &failure));
            let mut request = refused.job;
            let _ = request.close();
        }
        match exit {
            Some(status) => Err(SocketError::Exit(status)),
            None => Ok(true),
        }
    }
}

impl<R: SocketRequest> Drop for SocketServer<R> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<R: SocketRequest> fmt::Debug for SocketServer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketServer")
            .field("address", &self.address)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// The life of a request in its slot.
fn process<R: SocketRequest>(
    handler: &dyn Handler<R>,
    hooks: &dyn Hooks,
    options: &SocketOptions,
    request: &mut R,
) -> Verdict {
    let outcome = handle(handler, options, request);
    let verdict = match &outcome {
        Ok(()) => Verdict::Done,
        Err(Failure::Exit(status)) => Verdict::Quit(*status),
        Err(failure) => {
            let peer = request.peer();
            guarded(hooks, || hooks.handle_error(&peer, failure));
            Verdict::Failed
        }
    };
    // A client that has left is not told.
    let _ = request.close();
    verdict
}

fn handle<R: SocketRequest>(
    handler: &dyn Handler<R>,
    options: &SocketOptions,
    request: &mut R,
) -> Result<(), Failure> {
    request.open(options)?;
    caught(|| handler.setup(request))?;
    let handled = caught(|| handler.handle(request));
    let finished = caught(|| handler.finish(request));
    handled.and(finished)
}

fn caught(work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome,
        Err(payload) => Err(Failure::Panic(said(&*payload))),
    }
}

fn said(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic that says nothing readable")
        .to_owned()
}

/// Calls a hook; nothing if it panics, which is reported like the failure of a request.
fn guarded<T>(hooks: &dyn Hooks, hook: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(hook))
        .map_err(|payload| {
            let failure = Failure::Panic(said(&*payload));
            let report = || hooks.handle_error(&Peer::Unix, &failure);
            // A reporter that panics too has nobody to report to.
            let _ = catch_unwind(AssertUnwindSafe(report));
        })
        .ok()
}
