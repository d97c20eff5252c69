//! All connections of a server: whose time is up, who has been silent longest, who is left.
//!
//! Nobody has a timer of his own: one task sleeps until the earliest deadline. A deadline that does
//! not exist yet is further away than the shortest limit, so that it sleeps no longer than that.

use super::connection_state::{ConnectionState, Limits, nanoseconds};
use crate::activity::Activity;
use crate::settings::ConnectionSettings;
use std::collections::BTreeMap;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Deadlines that lie closer together than this are kept at once.
const GRAIN: Duration = Duration::from_millis(2);

/// How long a connection that was accepted may take for its first request once the server stops.
const FRESH_MOMENT: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Connections {
    epoch: Instant,
    limits: Limits,
    /// Where they are counted, if anywhere.
    counted_in: Option<Arc<Activity>>,
    table: Mutex<Table>,
    /// Held while one is let in, so that no two listeners see the same place free.
    entrance: Mutex<()>,
    /// Told whenever a connection has gone.
    gone: Notify,
    /// Told when the first one comes, and when the limits are others.
    came: Notify,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    all: BTreeMap<u64, Arc<ConnectionState>>,
}

/// A place in the table, as long as it is kept.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    number: u64,
    state: Arc<ConnectionState>,
}

/// What became of an attempt to let a connection in.
#[derive(Debug)]
pub(super) enum Entry<T> {
    /// There are as many as there may be.
    Full,
    /// Nobody waits to be let in.
    Nobody,
    Entered(T, Place),
}

impl Place {
    pub(super) const fn state(&self) -> &Arc<ConnectionState> {
        &self.state
    }
}

impl Connections {
    pub(super) fn new(settings: &ConnectionSettings, counted_in: Option<Arc<Activity>>) -> Self {
        Self {
            epoch: Instant::now(),
            limits: Limits::new(settings),
            counted_in,
            table: Mutex::default(),
            entrance: Mutex::default(),
            gone: Notify::new(),
            came: Notify::new(),
        }
    }

    pub(super) const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// From now on connections may wait so long.
    pub(super) fn follow(&self, settings: &ConnectionSettings) {
        self.limits.follow(settings);
        self.came.notify_one();
    }

    /// A connection comes.
    pub(super) fn enter(self: &Arc<Self>) -> Place {
        let state = Arc::new(ConnectionState::new(self.epoch));
        let mut table = self.table();
        let number = table.next;
        table.next += 1;
        table.all.insert(number, Arc::clone(&state));
        let is_first = table.all.len() == 1;
        drop(table);
        if let Some(counts) = &self.counted_in {
            counts.connection_opened();
        }
        if is_first {
            self.came.notify_one();
        }
        Place {
            connections: Arc::clone(self),
            number,
            state,
        }
    }

    /// What `accept` accepts, and its place, while there are fewer than so many.
    pub(super) fn enter_below<T>(
        self: &Arc<Self>,
        most: usize,
        accept: impl FnOnce() -> io::Result<Option<T>>,
    ) -> io::Result<Entry<T>> {
        let _entrance = self.entrance.lock().unwrap_or_else(PoisonError::into_inner);
        if self.len() >= most {
            return Ok(Entry::Full);
        }
        Ok(match accept()? {
            Some(accepted) => Entry::Entered(accepted, self.enter()),
            None => Entry::Nobody,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.table().all.len()
    }

    /// Waits until there are fewer than so many.
    pub(super) async fn fewer_than(&self, most: usize) {
        loop {
            let mut gone = pin!(self.gone.notified());
            // Who goes from here on is heard of.
            gone.as_mut().enable();
            if self.len() < most {
                return;
            }
            gone.await;
        }
    }

    /// Waits until one has gone, but not longer than this; where room is wanted, the one that has
    /// been silent longest is asked to go.
    pub(super) async fn one_gone(&self, wants_room: bool, wait: Duration) {
        let mut gone = pin!(self.gone.notified());
        gone.as_mut().enable();
        if wants_room {
            self.make_room();
        }
        // That nobody has gone is found out by the next attempt.
        let _ = tokio::time::timeout(wait, gone).await;
    }

    /// Asks the one that has been silent longest to make room.
    fn make_room(&self) {
        let table = self.table();
        let silent = |state: &&Arc<ConnectionState>| state.silent_since_ns();
        let longest = table
            .all
            .values()
            .filter(|state| silent(state).is_some())
            .min_by_key(silent);
        let longest = longest.map(Arc::clone);
        drop(table);
        if let Some(state) = longest {
            if let Some(counts) = &self.counted_in {
                counts.connection_refused();
            }
            state.make_room();
        }
    }

    /// Asks everyone to end after what it has accepted, and waits until they have. Those that never
    /// brought a request have a moment first: it may be on its way.
    pub(super) async fn drain(&self) {
        let all: Vec<_> = self.table().all.values().cloned().collect();
        let (known, fresh): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|state| state.was_served());
        for state in known {
            state.drain();
        }
        if !fresh.is_empty() {
            // Whoever is left then has had its moment.
            let _ = tokio::time::timeout(FRESH_MOMENT, self.fewer_than(1)).await;
        }
        for state in fresh {
            state.drain();
        }
        self.fewer_than(1).await;
    }

    /// Wakes whose time is up, for ever.
    pub(super) async fn keep_time(&self) {
        loop {
            match self.wake_overdue() {
                // Other limits wake it early.
                Some(wait) => {
                    let _ = tokio::time::timeout(wait.max(GRAIN), self.came.notified()).await;
                }
                None => self.came.notified().await,
            }
        }
    }

    /// Wakes whose time is up, and says when to look again, if there is anybody.
    fn wake_overdue(&self) -> Option<Duration> {
        let limits = &self.limits;
        let shortest_ns = limits.shortest_ns();
        let now_ns = nanoseconds(self.epoch.elapsed());
        let mut next_ns = now_ns.saturating_add(shortest_ns);
        let table = self.table();
        for state in table.all.values() {
            match state.deadline_ns(limits) {
                Some(deadline_ns) if deadline_ns <= now_ns => state.look_at_the_time(),
                Some(deadline_ns) => next_ns = next_ns.min(deadline_ns),
                None => {}
            }
        }
        let wait = Duration::from_nanos(next_ns.saturating_sub(now_ns));
        (!table.all.is_empty()).then_some(wait)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.table().all.remove(&self.number);
        if let Some(counts) = &self.connections.counted_in {
            counts.connection_closed();
        }
        self.connections.gone.notify_waiters();
    }
}
