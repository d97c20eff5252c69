//! What a connection is doing, and until when it may: written by its task, read by whoever keeps
//! the time.

use crate::settings::ConnectionSettings;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

/// How long a connection may do what, in nanoseconds.
#[derive(Debug)]
pub(super) struct Limits {
    idle_ns: AtomicU64,
    head_ns: AtomicU64,
    write_ns: AtomicU64,
}

impl Limits {
    pub(super) fn new(settings: &ConnectionSettings) -> Self {
        let limits = Self {
            idle_ns: AtomicU64::new(0),
            head_ns: AtomicU64::new(0),
            write_ns: AtomicU64::new(0),
        };
        limits.follow(settings);
        limits
    }

    // Each limit stands for itself: no order is needed.

    pub(super) fn follow(&self, settings: &ConnectionSettings) {
        for (limit, time) in [
            (&self.idle_ns, settings.idle_timeout),
            (&self.head_ns, settings.header_timeout),
            (&self.write_ns, settings.write_timeout),
        ] {
            limit.store(nanoseconds(time), Ordering::Relaxed);
        }
    }

    pub(super) fn shortest_ns(&self) -> u64 {
        self.idle_ns().min(self.head_ns()).min(self.write_ns())
    }

    fn idle_ns(&self) -> u64 {
        self.idle_ns.load(Ordering::Relaxed)
    }

    fn head_ns(&self) -> u64 {
        self.head_ns.load(Ordering::Relaxed)
    }

    fn write_ns(&self) -> u64 {
        self.write_ns.load(Ordering::Relaxed)
    }
}

/// To end after what was accepted.
const DRAIN: u8 = 1;
/// To make room if it is silent.
const MAKE_ROOM: u8 = 2;
/// To look whether its time is up.
const LOOK: u8 = 4;

#[derive(Debug)]
pub(super) struct ConnectionState {
    epoch: Instant,
    /// Requests whose responses have not been handed over whole.
    open: AtomicUsize,
    /// Those of them that wait for the server, not for the client.
    servers_turn: AtomicUsize,
    /// Since when no request has been open, or since when the head of one has been coming in.
    since_ns: AtomicU64,
    head_began: AtomicBool,
    /// Since when the socket has taken no byte; 0 if it would.
    blocked_since_ns: AtomicU64,
    /// When something last went out, where streams share the connection.
    sent_ns: AtomicU64,
    /// Whether requests overlap, as in HTTP/2.
    is_multiplexed: AtomicBool,
    /// Whether it has brought a request.
    was_served: AtomicBool,
    /// What its task is asked: bits, see below.
    asked: AtomicU8,
    waker: Mutex<Option<Waker>>,
}

/// A request under way, and whose turn it is.
#[derive(Debug)]
pub(super) struct Exchange {
    state: Arc<ConnectionState>,
    is_servers_turn: bool,
}

impl ConnectionState {
    pub(super) fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            open: AtomicUsize::new(0),
            servers_turn: AtomicUsize::new(0),
            since_ns: AtomicU64::new(nanoseconds(epoch.elapsed())),
            head_began: AtomicBool::new(false),
            blocked_since_ns: AtomicU64::new(0),
            sent_ns: AtomicU64::new(0),
            is_multiplexed: AtomicBool::new(false),
            was_served: AtomicBool::new(false),
            asked: AtomicU8::new(0),
            waker: Mutex::new(None),
        }
    }

    pub(super) fn now_ns(&self) -> u64 {
        nanoseconds(self.epoch.elapsed()).max(1)
    }

    /// Bytes have come.
    pub(super) fn on_read(&self) {
        let is_new = !self.is_open() && !self.is_multiplexed();
        if is_new && !self.head_began.swap(true, Ordering::Relaxed) {
            self.since_ns.store(self.now_ns(), Ordering::Relaxed);
        }
    }

    /// The socket has taken bytes.
    pub(super) fn on_write(&self) {
        if self.blocked_since_ns.load(Ordering::Relaxed) != 0 {
            self.blocked_since_ns.store(0, Ordering::Relaxed);
        }
        if self.is_multiplexed() {
            self.sent_ns.store(self.now_ns(), Ordering::Relaxed);
        }
    }

    /// The socket takes no byte now.
    pub(super) fn on_blocked(&self) {
        if !self.is_blocked() {
            self.blocked_since_ns
                .store(self.now_ns(), Ordering::Relaxed);
        }
    }

    /// It speaks HTTP/2.
    pub(super) fn set_multiplexed(&self) {
        self.is_multiplexed.store(true, Ordering::Relaxed);
        self.head_began.store(false, Ordering::Relaxed);
        self.since_ns.store(self.now_ns(), Ordering::Relaxed);
    }

    pub(super) fn is_multiplexed(&self) -> bool {
        self.is_multiplexed.load(Ordering::Relaxed)
    }

    pub(super) fn begin(self: &Arc<Self>) -> Exchange {
        self.was_served.store(true, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        self.servers_turn.fetch_add(1, Ordering::Relaxed);
        self.head_began.store(false, Ordering::Relaxed);
        Exchange {
            state: Arc::clone(self),
            is_servers_turn: true,
        }
    }

    /// Whether it has brought a request.
    pub(super) fn was_served(&self) -> bool {
        self.was_served.load(Ordering::Relaxed)
    }

    /// Whether a request is under way.
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }

    /// Whether bytes wait for the client to take them.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked_since_ns.load(Ordering::Relaxed) != 0
    }

    /// Whether a part of a request's head has come.
    pub(super) fn head_began(&self) -> bool {
        !self.is_open() && self.head_began.load(Ordering::Relaxed)
    }

    /// Since when it has been silent, if it is.
    pub(super) fn silent_since_ns(&self) -> Option<u64> {
        let is_silent = !self.is_open() && !self.head_began.load(Ordering::Relaxed);
        is_silent.then(|| self.since_ns.load(Ordering::Relaxed))
    }

    /// When its time is up, if it does not go on.
    pub(super) fn deadline_ns(&self, limits: &Limits) -> Option<u64> {
        let blocked = match self.blocked_since_ns.load(Ordering::Relaxed) {
            0 => None,
            since_ns => Some(since_ns.saturating_add(limits.write_ns())),
        };
        // Where requests overlap, the last bytes of a response go out after it was handed over.
        let sent_ns = self.sent_ns.load(Ordering::Relaxed);
        let own = if self.is_open() {
            let waits_for_client =
                self.is_multiplexed() && self.servers_turn.load(Ordering::Relaxed) == 0;
            waits_for_client.then(|| sent_ns.saturating_add(limits.write_ns()))
        } else {
            let since_ns = self.since_ns.load(Ordering::Relaxed);
            Some(if self.head_began.load(Ordering::Relaxed) {
                since_ns.saturating_add(limits.head_ns())
            } else {
                since_ns.max(sent_ns).saturating_add(limits.idle_ns())
            })
        };
        blocked.into_iter().chain(own).min()
    }

    /// Its task hears of what it is asked to do.
    pub(super) fn listen(&self, waker: &Waker) {
        let mut kept = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *kept {
            Some(kept) => kept.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    fn wake(&self) {
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        let waker = waker.clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn ask(&self, what: u8) {
        self.asked.fetch_or(what, Ordering::SeqCst);
        self.wake();
    }

    /// Lets its task look whether its time is up.
    pub(super) fn look_at_the_time(&self) {
        self.ask(LOOK);
    }

    /// Asks it to end after what it has accepted.
    pub(super) fn drain(&self) {
        self.ask(DRAIN);
    }

    /// Asks it to make room if it is silent.
    pub(super) fn make_room(&self) {
        self.ask(MAKE_ROOM);
    }

    /// Whether its task is asked anything.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst) != 0
    }

    pub(super) fn is_draining(&self) -> bool {
        self.asked.load(Ordering::SeqCst) & DRAIN != 0
    }

    /// Whether room was asked for; asked again, no more.
    pub(super) fn take_unwanted(&self) -> bool {
        self.take(MAKE_ROOM)
    }

    /// Whether it should look at the time; asked again, no more.
    pub(super) fn take_overdue(&self) -> bool {
        self.take(LOOK)
    }

    fn take(&self, what: u8) -> bool {
        self.asked.fetch_and(!what, Ordering::SeqCst) & what != 0
    }

    fn end(&self, was_servers_turn: bool) {
        if was_servers_turn {
            self.servers_turn.fetch_sub(1, Ordering::Relaxed);
        }
        // Silence begins before the request is gone, so that nobody sees an old one.
        self.since_ns.store(self.now_ns(), Ordering::Relaxed);
        self.open.fetch_sub(1, Ordering::Release);
        if self.is_draining() {
            self.wake();
        }
    }
}

impl Exchange {
    /// The client has been handed something and is to take it.
    pub(super) fn is_clients_turn(&mut self) {
        if std::mem::take(&mut self.is_servers_turn) {
            let state = &self.state;
            if state.is_multiplexed() {
                state.sent_ns.store(state.now_ns(), Ordering::Relaxed);
            }
            state.servers_turn.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The client has room for more.
    pub(super) fn is_servers_turn(&mut self) {
        if !std::mem::replace(&mut self.is_servers_turn, true) {
            self.state.servers_turn.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.state.end(self.is_servers_turn);
    }
}

pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
