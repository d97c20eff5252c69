//! Silent connections: they cost a descriptor and a deadline, no slot.

use super::accepted::Accepted;
use crate::poller::{Poller, Watch};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::time::Instant;

/// The connections that nobody has heard of yet.
#[derive(Debug)]
pub(super) struct Parking {
    poller: Arc<Poller>,
    first_token: u64,
    places: Vec<Option<Parked>>,
    free: Vec<usize>,
    /// By the time at which they have been silent too long.
    deadlines: BTreeSet<(Instant, usize)>,
}

#[derive(Debug)]
struct Parked {
    connection: Accepted,
    until: Instant,
}

impl Parking {
    pub(super) fn new(poller: &Arc<Poller>, first_token: u64) -> Self {
        Self {
            poller: Arc::clone(poller),
            first_token,
            places: Vec::new(),
            free: Vec::new(),
            deadlines: BTreeSet::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.deadlines.len()
    }

    /// Keeps a connection until it is readable or the time has come.
    pub(super) fn park(&mut self, connection: Accepted, until: Instant) -> io::Result<()> {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        let watched = self.poller.add(&connection, self.token(place), Watch::Once);
        if let Err(error) = watched {
            self.free.push(place);
            return Err(error);
        }
        self.deadlines.insert((until, place));
        self.places[place] = Some(Parked { connection, until });
        Ok(())
    }

    /// The connection with this token, which is parked no more.
    pub(super) fn take(&mut self, token: u64) -> Option<Accepted> {
        let place = usize::try_from(token.checked_sub(self.first_token)?).ok()?;
        let Parked { connection, until } = self.places.get_mut(place)?.take()?;
        self.deadlines.remove(&(until, place));
        self.free.push(place);
        // Other processes may have copies of it, so that closing it would not suffice.
        let _ = self.poller.remove(&connection);
        Some(connection)
    }

    /// When the first has been silent too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|&(until, _)| until)
    }

    /// The one that has the least time left, if it has none left or `in_any_case`.
    pub(super) fn take_first(&mut self, now: Instant, in_any_case: bool) -> Option<Accepted> {
        let &(until, place) = self.deadlines.first()?;
        (in_any_case || until <= now)
            .then(|| self.take(self.token(place)))
            .flatten()
    }

    /// The tokens of all.
    pub(super) fn tokens(&self) -> Vec<u64> {
        let places = self.deadlines.iter();
        places.map(|&(_, place)| self.token(place)).collect()
    }

    /// Whether the one with this token has brought a request before.
    pub(super) fn was_served(&self, token: u64) -> bool {
        let place = token.checked_sub(self.first_token);
        let place = place.and_then(|place| usize::try_from(place).ok());
        let parked = place.and_then(|place| self.places.get(place)?.as_ref());
        parked.is_some_and(|parked| parked.connection.was_served)
    }

    pub(super) fn descriptors(&self) -> impl Iterator<Item = i32> {
        let parked = self.places.iter().flatten();
        parked.map(|parked| parked.connection.as_fd().as_raw_fd())
    }

    fn token(&self, place: usize) -> u64 {
        self.first_token + u64::try_from(place).unwrap_or(u64::MAX - self.first_token)
    }
}
