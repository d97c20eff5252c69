//! HUP: the settings are read again, and what can change while the server runs does.

use super::Wished;
use super::changes::{Applicable, applicable, not_now};
use super::plan::Plan;
use crate::failure::Failure;
use millicore_quota::ProcessLimit;
use millicore_server::settings::ServerSettings;
use std::fmt;
use tracing::{error, info, warn};

/// What is needed to read the settings again, and who follows them.
pub(super) struct Reload {
    wished: Wished,
    /// What was started, to which it is compared what cannot change.
    started: Plan,
    latest: Plan,
    /// Who follows what does not concern the server itself.
    follow: Box<dyn FnMut(&Applicable) + Send>,
}

impl Reload {
    pub(super) fn new(
        wished: Wished,
        started: Plan,
        follow: Box<dyn FnMut(&Applicable) + Send>,
    ) -> Self {
        Self {
            wished,
            latest: started.clone(),
            started,
            follow,
        }
    }

    /// Reads the settings again, and answers with what a server is to follow, if that is something
    /// else. Where there is a mistake in them, nothing changes.
    pub(super) fn again(&mut self) -> Option<ServerSettings> {
        let new = match self.wished.plan(&ProcessLimit::read()) {
            Ok(new) => new,
            Err(Failure::Usage(message) | Failure::Run(message)) => {
                error!("the settings stay as they are: {message}");
                return None;
            }
            Err(_) => return None,
        };
        for change in not_now(&self.started, &new) {
            warn!("{change}");
        }
        if new.server.model != self.started.server.model {
            return None;
        }
        let changes = applicable(&self.latest, &new);
        (self.follow)(&changes);
        self.latest = new;
        info!("the settings were read again");
        changes.server
    }
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload")
            .field("latest", &self.latest)
            .finish_non_exhaustive()
    }
}
