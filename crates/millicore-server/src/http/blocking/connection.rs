//! The loop of one connection in its slot: hyper on a socket that is waited for by poll(2).

use super::accepted::Accepted;
use super::head::{Sign, look};
use super::polled_socket::{Interest, PolledSocket};
use super::timers::Timers;
use super::woken::Woken;
use crate::activity::Activity;
use crate::compute::Compute;
use crate::draining::Draining;
use crate::http::{Context, HttpService, ResponseBody, exchange, version1};
use crate::poller::poll_until;
use crate::settings::ConnectionSettings;
use crate::slots::Verdict;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::Shutdown;
use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::mem::MaybeUninit;
use std::num::NonZeroU64;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};

/// What all slots of a server share.
pub(super) struct Shared<S> {
    pub(super) service: Mutex<S>,
    pub(super) settings: Mutex<Arc<ConnectionSettings>>,
    pub(super) activity: Arc<Activity>,
    pub(super) draining: Draining,
    /// Whether slots are threads of this process, which count themselves.
    pub(super) slots_are_threads: bool,
    /// Requests served by this process.
    pub(super) served: AtomicU64,
    pub(super) wear: Option<Wear>,
}

/// After how many requests a process is replaced, and up to how many more by chance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wear {
    pub(super) max_requests: NonZeroU64,
    pub(super) jitter: u64,
}

impl Wear {
    /// How many requests the process that asks may serve.
    fn most(self) -> u64 {
        // Neighbouring process ids become numbers that are far apart: Fibonacci hashing.
        let chance = u64::from(std::process::id()).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let extra = chance % self.jitter.saturating_add(1);
        self.max_requests.get().saturating_add(extra)
    }
}

impl<S> Shared<S> {
    /// What connections may do that come to a slot of this process from now on.
    pub(super) fn follow(&self, settings: &ConnectionSettings) {
        let mut current = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(settings.clone());
    }

    /// Whether somebody waits for the slot, or for the end of the server.
    fn is_slot_wanted(&self) -> bool {
        self.activity.waiting() > 0 || self.draining.is_draining()
    }

    /// Whether this process is to be replaced.
    pub(super) fn is_worn_out(&self) -> bool {
        let served = self.served.load(Ordering::Relaxed);
        self.wear.is_some_and(|wear| served >= wear.most())
    }
}

/// How long an idle connection keeps its slot while nobody waits for one: a client that sends its
/// next request at once spares both a way through the accepting loop.
const LINGER: Duration = Duration::from_millis(5);

/// Serves a connection until it is idle or over.
pub(super) fn serve<S: HttpService>(shared: &Shared<S>, accepted: &mut Accepted) -> Verdict {
    let served = catch_unwind(AssertUnwindSafe(|| {
        let connection = ConnectionLoop::new(shared, accepted);
        let outcome = connection.run();
        let sends_more = connection.counts.had_body.get();
        outcome.map(|outcome| (outcome, sends_more))
    }));
    if shared.slots_are_threads {
        shared.activity.slot_ended(false);
    }
    match served {
        Ok(Ok((Outcome::Idle(_), _))) => {
            accepted.was_served = true;
            Verdict::Idle
        }
        Ok(Ok((Outcome::Over, sends_more))) => {
            discard_rest(accepted.as_fd(), sends_more, || shared.is_slot_wanted());
            Verdict::Done
        }
        // The client left in the middle, or took nothing for too long.
        Ok(Err(_)) => Verdict::Done,
        Err(_) => Verdict::Failed,
    }
}

enum Outcome {
    Over,
    /// Nothing is to be done, and these bytes are to be read next.
    Idle(Bytes),
}

struct ConnectionLoop<'a, S> {
    socket: BorrowedFd<'a>,
    settings: Arc<ConnectionSettings>,
    shared: &'a Shared<S>,
    context: Context,
    interest: Rc<Interest>,
    woken: Arc<Woken>,
    timers: Timers,
    counts: Rc<Counts>,
}

/// What hyper has called so far.
#[derive(Debug, Default)]
struct Counts {
    in_flight: Cell<usize>,
    /// By the connection that hyper has now.
    served: Cell<u64>,
    /// Whether the last one had a body, which need not have been read.
    had_body: Cell<bool>,
}

impl<'a, S: HttpService> ConnectionLoop<'a, S> {
    fn new(shared: &'a Shared<S>, accepted: &'a Accepted) -> Self {
        let settings = shared.settings.lock();
        let settings = Arc::clone(&settings.unwrap_or_else(PoisonError::into_inner));
        let timers = Timers::default();
        Self {
            socket: accepted.as_fd(),
            context: Context {
                settings: Arc::clone(&settings),
                peer: accepted.peer,
                compute: Compute::here(accepted.watch()),
                timer: Arc::new(timers.clone()),
                draining: shared.draining.clone(),
            },
            settings,
            shared,
            interest: Rc::default(),
            woken: Arc::default(),
            timers,
            counts: Rc::default(),
        }
    }

    fn run(&self) -> io::Result<Outcome> {
        let mut unread = Bytes::new();
        loop {
            match self.serve_until_idle(unread)? {
                Outcome::Idle(rest) if !rest.is_empty() => unread = rest,
                outcome => return Ok(outcome),
            }
        }
    }

    fn serve_until_idle(&self, unread: Bytes) -> io::Result<Outcome> {
        self.counts.served.set(0);
        let is_rest = !unread.is_empty();
        let socket = PolledSocket::new(self.socket, &self.interest, unread);
        let mut connection = self.builder(is_rest).serve_connection(socket, self.calls());
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut context = TaskContext::from_waker(&waker);
        loop {
            if Pin::new(&mut connection).poll(&mut context).is_ready() {
                return Ok(Outcome::Over);
            }
            // Above all when a handler has dropped a body that it did not read: its rest must never
            // be taken for the next request, and hyper ends the connection if it is asked again.
            if self.woken.take() {
                continue;
            }
            if !self.is_idle() {
                self.wait()?;
            } else if !self.lingers()? {
                return Ok(Outcome::Idle(connection.into_parts().read_buf));
            }
        }
    }

    /// Where `is_rest`, the beginning of a head came together with the request before: it cannot
    /// be given back, so that its rest has to come soon.
    fn builder(&self, is_rest: bool) -> http1::Builder {
        let settings = &self.settings;
        let header_timeout = match is_rest {
            true => settings.header_timeout.min(REST_TIMEOUT),
            false => settings.header_timeout,
        };
        let mut builder = version1::builder(settings);
        builder
            .timer(self.timers.clone())
            .header_read_timeout(header_timeout);
        builder
    }

    fn calls(&self) -> Calls<'a, S> {
        let service = self.shared.service.lock();
        Calls {
            service: service.unwrap_or_else(PoisonError::into_inner).clone(),
            context: self.context.clone(),
            counts: Rc::clone(&self.counts),
            shared: self.shared,
        }
    }

    /// Whether requests were served and everything about them is over.
    fn is_idle(&self) -> bool {
        self.counts.served.get() > 0
            && self.counts.in_flight.get() == 0
            && self.interest.waits_to_read()
            && self.interest.waits_to_write_since().is_none()
    }

    /// Waits for the next request, unless somebody else wants the slot or it is to end; true if there
    /// is one, or the client has left.
    fn lingers(&self) -> io::Result<bool> {
        let shared = self.shared;
        // Even a request that has come already waits behind those that came before.
        if shared.is_slot_wanted() || shared.is_worn_out() {
            return Ok(false);
        }
        let mut sockets = [PollFd::from_borrowed_fd(self.socket, PollFlags::IN)];
        poll_until(&mut sockets, Instant::now().checked_add(LINGER))?;
        let flags = sockets[0].revents();
        // The rest of a head is not waited for in a slot.
        let goes_on = !flags.is_empty()
            && matches!(
                look(self.socket, self.settings.max_head_bytes),
                Sign::Head | Sign::Gone
            );
        if goes_on {
            self.interest.on_ready(flags);
        }
        Ok(goes_on)
    }

    /// Waits for what hyper or the handler waits for.
    fn wait(&self) -> io::Result<()> {
        let write_until = self
            .interest
            .waits_to_write_since()
            .and_then(|since| since.checked_add(self.settings.write_timeout));
        let until = self.timers.next().into_iter().chain(write_until).min();
        let mut waited_for = Vec::with_capacity(2);
        let flags = self.interest.flags();
        if !flags.is_empty() {
            waited_for.push(PollFd::from_borrowed_fd(self.socket, flags));
        }
        if self.counts.in_flight.get() > 0 {
            let event = self.woken.event()?;
            waited_for.push(PollFd::from_borrowed_fd(event, PollFlags::IN));
        }
        if self.woken.take() {
            return Ok(());
        }
        poll_until(&mut waited_for, until)?;
        if !flags.is_empty()
            && let Some(socket) = waited_for.first()
        {
            self.interest.on_ready(socket.revents());
        }
        let now = Instant::now();
        self.timers.wake_due(now);
        let takes_nothing = self.interest.waits_to_write_since().is_some();
        match write_until {
            Some(until) if takes_nothing && until <= now => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }
}

/// How long the rest of a head may keep a slot.
const REST_TIMEOUT: Duration = Duration::from_secs(1);

/// Reads what the client still sends once its connection is over: a socket that is closed with
/// unread bytes is reset, and the client could lose the last response. Where it is not known to send
/// more, only what has come already is waited for; and where others want the slot, who is silent is
/// not waited for long.
fn discard_rest(socket: BorrowedFd<'_>, sends_more: bool, is_wanted: impl Fn() -> bool) {
    const LONGEST: Duration = Duration::from_secs(2);
    const SILENCE: Duration = Duration::from_millis(50);
    const MOST_BYTES: usize = 8 << 20;
    let until = Instant::now() + LONGEST;
    // Who waits for the end does not wait for this.
    let _ = rustix::net::shutdown(socket, Shutdown::Write);
    let mut scratch = [MaybeUninit::uninit(); 16 * 1024];
    let mut discarded = 0;
    while discarded < MOST_BYTES {
        match rustix::io::read(socket, &mut scratch) {
            Ok((bytes, _)) if !bytes.is_empty() => discarded += bytes.len(),
            Err(Errno::AGAIN) if discarded > 0 || sends_more => {
                let now = Instant::now();
                let mut sockets = [PollFd::from_borrowed_fd(socket, PollFlags::IN)];
                let is_polled = poll_until(&mut sockets, Some(until.min(now + SILENCE))).is_ok();
                let is_silent = sockets[0].revents().is_empty();
                if !is_polled || is_silent && (is_wanted() || until <= Instant::now()) {
                    return;
                }
            }
            _ => return,
        }
    }
}

/// The handler, as hyper calls it.
struct Calls<'a, S> {
    service: S,
    context: Context,
    counts: Rc<Counts>,
    shared: &'a Shared<S>,
}

/// A request that is in flight until this is dropped.
struct InFlight(Rc<Counts>);

impl Drop for InFlight {
    fn drop(&mut self) {
        let Self(counts) = self;
        counts.in_flight.set(counts.in_flight.get() - 1);
    }
}

impl<S: HttpService> Service<Request<Incoming>> for Calls<'_, S> {
    type Response = Response<Tracked>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>>>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let counts = Rc::clone(&self.counts);
        counts.served.set(counts.served.get() + 1);
        counts.had_body.set(!request.body().is_end_stream());
        self.shared.served.fetch_add(1, Ordering::Relaxed);
        counts.in_flight.set(counts.in_flight.get() + 1);
        let guard = InFlight(counts);
        let answer = exchange(&self.service, request, &self.context);
        Box::pin(async move {
            let response = answer.await;
            Ok(response.map(|body| Tracked {
                body,
                _in_flight: guard,
            }))
        })
    }
}

pin_project_lite::pin_project! {
    /// The body of a response, whose request is in flight until it is sent.
    struct Tracked {
        #[pin]
        body: ResponseBody,
        _in_flight: InFlight,
    }
}

impl http_body::Body for Tracked {
    type Data = Bytes;
    type Error = <ResponseBody as http_body::Body>::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.project().body.poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
