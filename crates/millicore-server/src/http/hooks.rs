//! What a server calls, and why it ends with an error.

use crate::activity::Activity;
use crate::draining::Draining;
use crate::settings::ServerSettings;
use std::fmt;
use std::io;
use std::sync::Arc;

/// What a server calls or shares while it runs. Nothing by default.
#[derive(Default)]
pub struct Hooks {
    /// Whether the server is on its way out: shared with whoever answers for its readiness.
    pub draining: Draining,
    /// What connections are counted in; in nothing that anybody sees without.
    pub activity: Option<Arc<Activity>>,
    /// Called once the server accepts.
    pub ready: Option<Box<dyn FnOnce() + Send>>,
    /// Called when the settings should be read again; what it answers is followed from then on, as
    /// far as a server can that runs: how many workers it has, how it stops, and what connections may
    /// do that come from then on.
    pub reload: Option<Box<dyn FnMut() -> Option<ServerSettings> + Send>>,
    /// Called once the server is on its way out.
    pub stopping: Option<Box<dyn FnOnce() + Send>>,
}

impl Hooks {
    /// The server is on its way out, if it was not before.
    pub(crate) fn start_draining(&mut self) {
        self.draining.start();
        if let Some(stopping) = self.stopping.take() {
            stopping();
        }
    }

    /// The settings to be followed from now on, if there are others.
    pub(crate) fn reload(&mut self) -> Option<ServerSettings> {
        self.reload.as_mut().and_then(|reload| reload())
    }
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
