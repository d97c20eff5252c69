//! Whether a server is on its way out: readiness says no, connections are not kept.

use crate::activity::Activity;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a server has been asked to stop and finishes what it has accepted. Clones share it.
#[derive(Clone, Debug)]
pub struct Draining {
    flag: Flag,
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
            flag: Flag::Here(Arc::default()),
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
    pub const fn shared(activity: Arc<Activity>) -> Self {
        Self {
            flag: Flag::Shared(activity),
        }
    }

    /// Whether it was asked to stop.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        match &self.flag {
            Flag::Here(flag) => flag.load(Ordering::Relaxed),
            Flag::Shared(activity) => activity.is_draining(),
        }
    }

    /// It is asked to stop; there is no way back.
    pub fn start(&self) {
        match &self.flag {
            Flag::Here(flag) => flag.store(true, Ordering::Relaxed),
            Flag::Shared(activity) => activity.start_draining(),
        }
    }
}
