//! How a run is asked to stop: from another thread, such as that of a signal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks a run, from any thread, to stop. Clones ask the same run.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks; true if nobody had asked before.
    pub fn ask(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }

    /// Whether anybody asked.
    #[must_use]
    pub fn is_asked_for(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
