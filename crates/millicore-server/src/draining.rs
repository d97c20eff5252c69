//! Whether a server is on its way out: readiness says no, connections are not kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a server has been asked to stop and finishes what it has accepted. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Draining {
    flag: Arc<AtomicBool>,
}

impl Draining {
    /// A server that has not been asked to stop.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it was asked to stop.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    /// It is asked to stop; there is no way back.
    pub fn start(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }
}
