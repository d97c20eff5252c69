//! What a server counts and whom it serves, in memory that forked processes share.
//!
//! One [`Activity`] is made before the first fork. The parent, its children and all their threads
//! count in it with atomic additions, and each request that is being served has a row in its table.
//! Whoever is asked (`/metrics`, `/requests`) thereby answers for all of them.

mod histogram;
pub(crate) mod identity;
mod shared;
mod snapshot;
mod table;

pub use snapshot::{Latency, Snapshot};
pub use table::LiveRow;

use self::identity::Identity;
use self::shared::SharedBoard;
use self::table::{Described, Taken};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a server counts and whom it serves.
#[derive(Debug)]
pub struct Activity {
    board: SharedBoard,
}

/// What lies in the shared memory. Whatever is zero at first is valid, because every part is made of
/// atomic integers.
#[repr(C)]
#[derive(Debug)]
struct Board {
    counters: Counters,
    latency: histogram::Histogram,
    table: table::Table,
}

#[repr(C)]
#[derive(Debug)]
struct Counters {
    connections_accepted: AtomicU64,
    connections_open: AtomicU64,
    connections_parked: AtomicU64,
    connections_waiting: AtomicU64,
    connections_refused: AtomicU64,
    slots_started: AtomicU64,
    slots_ended: AtomicU64,
    slots_killed: AtomicU64,
    /// Numbers the requests from 1 on.
    requests_begun: AtomicU64,
    /// Begun and not ended, beside those in the table: it was full, or they are not to be in it.
    requests_unlisted: AtomicU64,
    requests_abandoned: AtomicU64,
    requests_lost: AtomicU64,
    handler_panics: AtomicU64,
    cpu_ns: AtomicU64,
    log_lines_lost: AtomicU64,
    /// 1 once the server finishes what it has accepted.
    is_draining: AtomicU64,
    /// By the hundreds of their status: 1xx to 5xx.
    answered: [AtomicU64; STATUS_CLASSES],
}

const STATUS_CLASSES: usize = 5;

impl Activity {
    /// Counts from zero, in memory that processes forked from now on share.
    ///
    /// # Errors
    ///
    /// Where the system has no memory to share.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            board: SharedBoard::new()?,
        })
    }

    /// A connection was accepted.
    pub fn connection_opened(&self) {
        add(&self.counters().connections_accepted, 1);
        add(&self.counters().connections_open, 1);
    }

    /// A connection that was accepted is closed.
    pub fn connection_closed(&self) {
        take_one(&self.counters().connections_open);
    }

    /// A connection was closed without being served, because the server had too many.
    pub fn connection_refused(&self) {
        add(&self.counters().connections_refused, 1);
    }

    /// So many open connections are silent now.
    pub fn set_parked(&self, connections: usize) {
        set(&self.counters().connections_parked, connections);
    }

    /// So many connections have sent something and wait for a slot now.
    pub fn set_waiting(&self, connections: usize) {
        set(&self.counters().connections_waiting, connections);
    }

    /// How many connections wait for a slot.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let waiting = get(&self.counters().connections_waiting);
        usize::try_from(waiting).unwrap_or(usize::MAX)
    }

    /// A connection was handed to a slot.
    pub fn slot_started(&self) {
        add(&self.counters().slots_started, 1);
    }

    /// A slot is done with a connection, or its process was `killed` by a signal.
    pub fn slot_ended(&self, killed: bool) {
        add(&self.counters().slots_ended, 1);
        add(&self.counters().slots_killed, u64::from(killed));
    }

    /// Takes the requests of a process that has ended from the table: it could not do so itself if
    /// it was killed.
    pub fn forget_process(&self, pid: u32) {
        let lost = self.board.table.forget_process(pid);
        add(&self.counters().requests_lost, lost);
    }

    /// A handler panicked.
    pub fn handler_panicked(&self) {
        add(&self.counters().handler_panics, 1);
    }

    /// A request used so much CPU time.
    pub fn cpu_used(&self, time: Duration) {
        add(&self.counters().cpu_ns, nanoseconds(time));
    }

    pub(crate) fn start_draining(&self) {
        set(&self.counters().is_draining, 1);
    }

    pub(crate) fn is_draining(&self) -> bool {
        get(&self.counters().is_draining) != 0
    }

    /// A line of the access log could not be written.
    pub fn log_line_lost(&self) {
        add(&self.counters().log_lines_lost, 1);
    }

    /// A number that no other request of this server has, in whichever process.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.counters()
            .requests_begun
            .fetch_add(1, Ordering::Relaxed)
            + 1
    }

    /// A request begins: `number` is from [`Activity::next_number`]. It is in the table, cut to what
    /// fits, until the guard is dropped.
    #[must_use]
    pub fn begin(
        self: &Arc<Self>,
        number: u64,
        method: &str,
        path: &str,
        id: &str,
    ) -> RequestGuard {
        let started_ns = now_ns();
        let described = Described {
            number,
            started_ns,
            method,
            path,
            id,
        };
        let taken = self.board.table.take(Identity::current(), &described);
        self.guard(taken, started_ns)
    }

    /// A request begins that is over before anybody could look at it in the table.
    #[must_use]
    pub fn begin_unlisted(self: &Arc<Self>) -> RequestGuard {
        self.guard(None, now_ns())
    }

    fn guard(self: &Arc<Self>, taken: Option<Taken>, started_ns: u64) -> RequestGuard {
        if taken.is_none() {
            add(&self.counters().requests_unlisted, 1);
        }
        RequestGuard {
            activity: Arc::clone(self),
            taken,
            started_ns,
            is_ended: false,
        }
    }

    /// The requests that are being served now, in the order in which they began.
    #[must_use]
    pub fn live_requests(&self) -> Vec<LiveRow> {
        let mut rows = self.board.table.rows(now_ns());
        rows.sort_unstable_by_key(|row| row.number);
        rows
    }

    /// Everything counted so far.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let counters = self.counters();
        let unlisted = get(&counters.requests_unlisted);
        Snapshot {
            connections_accepted: get(&counters.connections_accepted),
            connections_open: get(&counters.connections_open),
            connections_parked: get(&counters.connections_parked),
            connections_waiting: get(&counters.connections_waiting),
            connections_refused: get(&counters.connections_refused),
            slots_started: get(&counters.slots_started),
            slots_ended: get(&counters.slots_ended),
            slots_killed: get(&counters.slots_killed),
            requests_in_flight: self.board.table.taken() + unlisted,
            requests_unlisted: unlisted,
            requests_abandoned: get(&counters.requests_abandoned),
            requests_lost: get(&counters.requests_lost),
            handler_panics: get(&counters.handler_panics),
            log_lines_lost: get(&counters.log_lines_lost),
            cpu_time: Duration::from_nanos(get(&counters.cpu_ns)),
            answered: std::array::from_fn(|class| get(&counters.answered[class])),
            latency: self.board.latency.snapshot(),
        }
    }

    fn counters(&self) -> &Counters {
        &self.board.counters
    }
}

/// A request that is being served. Dropping it without an answer counts it as abandoned.
#[derive(Debug)]
pub struct RequestGuard {
    activity: Arc<Activity>,
    taken: Option<Taken>,
    started_ns: u64,
    is_ended: bool,
}

impl RequestGuard {
    /// The request is answered with this status; says how long that took.
    pub fn answered(&mut self, status: u16) -> Duration {
        let elapsed_ns = now_ns().saturating_sub(self.started_ns);
        if !self.is_ended {
            self.is_ended = true;
            self.count_answer(status);
            self.activity.board.latency.record(elapsed_ns);
        }
        Duration::from_nanos(elapsed_ns)
    }

    /// How long ago the request began.
    #[must_use]
    pub fn age(&self) -> Duration {
        Duration::from_nanos(now_ns().saturating_sub(self.started_ns))
    }

    /// What everything is counted in.
    #[must_use]
    pub const fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    fn count_answer(&self, status: u16) {
        let class = usize::from(status / 100).clamp(1, STATUS_CLASSES) - 1;
        add(&self.activity.counters().answered[class], 1);
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let counters = self.activity.counters();
        if !self.is_ended {
            add(&counters.requests_abandoned, 1);
        }
        match self.taken.take() {
            Some(taken) => self.activity.board.table.free(taken),
            None => take_one(&counters.requests_unlisted),
        }
    }
}

/// The time since the machine started, on the clock that all processes share.
fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

// The counters count apart from each other, and nothing is read through them: no order is needed.

fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

/// Never below nothing: a process that was killed between two steps may have left one undone.
fn take_one(counter: &AtomicU64) {
    let less_one = |value: u64| value.checked_sub(1);
    // Where there is nothing, nothing is taken.
    let _ = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less_one);
}

fn set(counter: &AtomicU64, value: usize) {
    counter.store(u64::try_from(value).unwrap_or(u64::MAX), Ordering::Relaxed);
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
