//! Whether a server is on its way out: readiness says no, connections are not kept.

use crate::activity::Activity;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a server has been asked to stop and finishes what it has accepted. Clones share it.
#[derive(Clone, Debug)]
pub struct Draining {
    /// Counted apart from what is shared: see [`Draining::of_connection`].
    flag: Arc<Flag>,
}

#[derive(Clone, Debug)]
enum Flag {
    /// Seen by the threads of this process.
    Here(Arc<AtomicBool>),
    /// Seen by the processes that share this as well.
    Shared(Arc<Activity>),
}

impl Default for Draining {
    fn default() -> Self {
        Self {
            flag: Arc::new(Flag::Here(Arc::default())),
        }
    }
}

impl Draining {
    /// A server that has not been asked to stop.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`Draining::new`], for a server whose processes share this activity.
    #[must_use]
    pub fn shared(activity: Arc<Activity>) -> Self {
        Self {
            flag: Arc::new(Flag::Shared(activity)),
        }
    }

    /// The same, for a connection, whose requests then do not count their clones where those of all
    /// others do.
    pub(crate) fn of_connection(&self) -> Self {
        Self {
            flag: Arc::new(Flag::clone(&self.flag)),
        }
    }

    /// Whether it was asked to stop.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        match &*self.flag {
            Flag::Here(flag) => flag.load(Ordering::Relaxed),
            Flag::Shared(activity) => activity.is_draining(),
        }
    }

    /// It is asked to stop; there is no way back.
    pub fn start(&self) {
        match &*self.flag {
            Flag::Here(flag) => flag.store(true, Ordering::Relaxed),
            Flag::Shared(activity) => activity.start_draining(),
        }
    }
}
