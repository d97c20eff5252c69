//! The serving loop of socket servers: wait, receive, verify, hand to a slot. Start here.

use crate::address::{BindSyntax, Peer};
use crate::listener::ListenError;
use crate::poller::{Poller, Watch};
use crate::process::{ForkError, thread_count};
use crate::signals::{ControlSignal, Signals};
use crate::slots::forks::{Forks, Keep};
use crate::slots::inline::Inline;
use crate::slots::prefork::WorkerPlan;
use crate::slots::threads::Threads;
use crate::slots::{Ended, FIRST_TOKEN, Private, Slots, Work};
use crate::socket::control::Control;
use crate::socket::handler::{Failure, Handler, Hooks, NoHooks};
use crate::socket::life::{guarded, live};
use crate::socket::options::{SocketModel, SocketOptions};
use crate::socket::request::{BoxedSlots, SocketRequest};
use crate::socket_file::SocketFile;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
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
    signals: Option<Signals>,
    slots: Option<BoxedSlots<R>>,
    is_armed: bool,
    /// Until when nothing is received, because the system had no room for it.
    paused_until: Option<Instant>,
    address: Option<SocketAddr>,
    /// The file of a datagram socket; a listener has its own.
    pub(super) file: Option<SocketFile>,
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
const SIGNALS: u64 = 2;

/// How long nothing is received after the system had no room: long enough not to spin.
const PAUSE: Duration = Duration::from_millis(100);

impl<R: SocketRequest> SocketServer<R> {
    pub(super) fn new(
        socket: R::Socket,
        address: Option<SocketAddr>,
        options: SocketOptions,
        handler: Arc<dyn Handler<R>>,
    ) -> Result<Self, SocketError> {
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
            signals: None,
            slots: None,
            is_armed: true,
            paused_until: None,
            address,
            file: None,
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

    /// TERM, INT and QUIT end `serve_forever` from now on, as [`Control::shutdown`] does. The other
    /// control signals have no effect any more.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn stop_on(&mut self, signals: Signals) -> Result<(), SocketError> {
        self.poller.add(&signals, SIGNALS, Watch::Always)?;
        self.signals = Some(signals);
        Ok(())
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
            guarded(&*self.hooks, None, || self.hooks.service_actions());
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
                guarded(&*self.hooks, None, || self.hooks.handle_timeout());
                return Ok(false);
            }
        }
    }

    /// Closes the socket, then waits for the requests at work, if the options say so.
    pub fn close(&mut self) {
        self.socket = None;
        self.file = None;
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
        let slots: BoxedSlots<R> = match options.model {
            SocketModel::Sync => Box::new(Inline::new(work)),
            SocketModel::Threads => Box::new(Threads::one_each(work, options.max_threads, poller)?),
            SocketModel::Forks => {
                let keep = Keep::Nothing;
                Box::new(Forks::new(work, options.max_children, keep, poller))
            }
            SocketModel::Prefork(workers) => {
                let plan = WorkerPlan {
                    work,
                    is_worn_out: Arc::new(|| false),
                };
                R::prefork(plan, workers, poller, &Private(&|| self.private()))?
            }
        };
        self.slots = Some(slots);
        Ok(())
    }

    fn work(&self) -> Work<R> {
        let (handler, hooks) = (Arc::clone(&self.handler), Arc::clone(&self.hooks));
        let options = self.options.clone();
        Arc::new(move |request| live(&*handler, &*hooks, &options, request))
    }

    /// What a forked process must not keep. It does keep what wakes this loop: a handler may have a
    /// [`Control`].
    fn private(&self) -> Vec<i32> {
        let socket = self.socket.as_ref().filter(|_| !R::USES_SOCKET);
        let socket = socket.map(|socket| socket.as_fd().as_raw_fd());
        let signals = self.signals.as_ref();
        let signals = signals.map(|signals| signals.as_fd().as_raw_fd());
        let poller = self.poller.as_fd().as_raw_fd();
        [Some(poller), socket, signals]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Does something with the slots, which may fork.
    fn with_slots<T>(
        &mut self,
        act: impl FnOnce(&mut dyn Slots<R>, &Private<'_>) -> T,
    ) -> Option<T> {
        let mut slots = self.slots.take()?;
        let outcome = act(&mut *slots, &Private(&|| self.private()));
        self.slots = Some(slots);
        Some(outcome)
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
                SIGNALS => self.on_signal()?,
                _ => self.on_slot(token)?,
            }
        }
        self.on_time()?;
        Ok(has_request)
    }

    fn on_signal(&mut self) -> io::Result<()> {
        use ControlSignal::{Interrupt, Quit, Terminate};
        let Some(signals) = &self.signals else {
            return Ok(());
        };
        while let Some(signal) = signals.next()? {
            if matches!(signal, Terminate | Interrupt | Quit) {
                self.control.request_shutdown();
            }
        }
        Ok(())
    }

    fn on_slot(&mut self, token: u64) -> io::Result<()> {
        debug_assert!(token >= FIRST_TOKEN, "the tokens below are handled");
        let told = self.with_slots(|slots, private| slots.on_ready(token, private));
        told.unwrap_or(Ok(()))
    }

    fn on_time(&mut self) -> io::Result<()> {
        let told = self.with_slots(|slots, private| {
            let is_due = slots.deadline().is_some_and(|time| time <= Instant::now());
            let outcome = match is_due {
                true => slots.on_time(private),
                false => Ok(()),
            };
            // What streams leave behind is closed here.
            slots.take_ended();
            outcome
        });
        told.unwrap_or(Ok(()))
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
        let (peer, hooks) = (request.peer(), &*self.hooks);
        match guarded(hooks, Some(&peer), || hooks.verify_request(&peer)) {
            Some(true) => self.start(request, &peer),
            Some(false) | None => {
                request.close();
                Ok(true)
            }
        }
    }

    fn start(&mut self, request: R, peer: &Peer) -> Result<bool, SocketError> {
        let started = self.with_slots(|slots, private| {
            let started = slots.start(request, private);
            (started, slots.take_ended())
        });
        let (started, ended) = started.ok_or(SocketError::Closed)?;
        if let Err(mut refused) = started {
            let failure = Failure::Error(refused.error.into());
            let report = || self.hooks.handle_error(Some(peer), &failure);
            guarded(&*self.hooks, Some(peer), report);
            refused.job.close();
        }
        let exit = ended.into_iter().find_map(|ended| match ended {
            Ended::Quit(status) => Some(status),
            Ended::Over(..) | Ended::Idle(_) => None,
        });
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
