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
    silence: Silence,
}

/// What a connection is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// It has said nothing.
    Whole,
    /// It has said a part of something.
    Partial,
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

    /// The connection with this token, and what it is waited for.
    pub(super) fn get(&self, token: u64) -> Option<(&Accepted, Silence)> {
        let place = usize::try_from(token.checked_sub(self.first_token)?).ok()?;
        let parked = self.places.get(place)?.as_ref()?;
        Some((&parked.connection, parked.silence))
    }

    /// Keeps a connection until more comes or the time has come.
    pub(super) fn park(
        &mut self,
        connection: Accepted,
        silence: Silence,
        until: Instant,
    ) -> io::Result<()> {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        let watch = match silence {
            Silence::Whole => Watch::Once,
            Silence::Partial => Watch::More,
        };
        let watched = self.poller.add(&connection, self.token(place), watch);
        if let Err(error) = watched {
            self.free.push(place);
            return Err(error);
        }
        self.deadlines.insert((until, place));
        self.places[place] = Some(Parked {
            connection,
            until,
            silence,
        });
        Ok(())
    }

    /// The connection with this token, which is parked no more.
    pub(super) fn take(&mut self, token: u64) -> Option<Accepted> {
        let place = usize::try_from(token.checked_sub(self.first_token)?).ok()?;
        let Parked {
            connection, until, ..
        } = self.places.get_mut(place)?.take()?;
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

    /// The token of the one that has the least time left.
    pub(super) fn first(&self) -> Option<u64> {
        let &(_, place) = self.deadlines.first()?;
        Some(self.token(place))
    }

    /// The tokens of all.
    pub(super) fn tokens(&self) -> Vec<u64> {
        let places = self.deadlines.iter();
        places.map(|&(_, place)| self.token(place)).collect()
    }

    pub(super) fn descriptors(&self) -> impl Iterator<Item = i32> {
        let parked = self.places.iter().flatten();
        parked.map(|parked| parked.connection.as_fd().as_raw_fd())
    }

    fn token(&self, place: usize) -> u64 {
        self.first_token + u64::try_from(place).unwrap_or(u64::MAX - self.first_token)
    }
}
