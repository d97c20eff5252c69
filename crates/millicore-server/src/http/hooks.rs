//! What a server calls, and why it ends with an error.

use crate::draining::Draining;
use std::fmt;
use std::io;

/// What a server calls or shares while it runs. Nothing by default.
#[derive(Default)]
pub struct Hooks {
    /// Whether the server is on its way out: shared with whoever answers for its readiness.
    pub draining: Draining,
    /// Called once the server accepts.
    pub ready: Option<Box<dyn FnOnce() + Send>>,
    /// Called when the configuration should be read again.
    pub reload: Option<Box<dyn FnMut() + Send>>,
}

/// Why a server could not go on.
#[derive(Debug, thiserror::Error)]
#[error("the server cannot {what}")]
pub struct ServeError {
    what: &'static str,
    source: io::Error,
}

impl ServeError {
    /// For `map_err`: what it could not do.
    pub(crate) fn to(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { what, source }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("draining", &self.draining)
            .finish_non_exhaustive()
    }
}
