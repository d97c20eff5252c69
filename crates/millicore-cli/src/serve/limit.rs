//! The CPU limit while the server runs: an operator may give the container more or less.

use millicore_quota::{LimitWatch, ProcessLimit};
use millicore_server::scheduling::SchedulingSettings;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use tracing::{info, warn};

/// Looks at the limit from time to time, on a thread of its own, as long as somebody follows: `follow`
/// is told the settings, the limit of before and that of now, and says whether that changed anything.
pub(super) fn watch<E: fmt::Display>(
    followed: &Arc<Mutex<SchedulingSettings>>,
    limit: &ProcessLimit,
    follow: impl Fn(&SchedulingSettings, &ProcessLimit, &ProcessLimit) -> Option<Result<bool, E>>
    + Send
    + 'static,
) {
    let (followed, mut limit) = (Arc::clone(followed), limit.clone());
    let watching = move || {
        let mut watch = LimitWatch::begin();
        loop {
            thread::sleep(LimitWatch::EVERY);
            let _ = watch.changed();
            let now = watch.limit().clone();
            // Also what changed between its first reading and the beginning of the watch.
            if now == limit {
                continue;
            }
            // Locked as long as it is followed, so that settings that are read again come after.
            let settings = followed.lock().unwrap_or_else(PoisonError::into_inner);
            match follow(&settings, &limit, &now) {
                Some(Ok(true)) => {
                    info!("the CPU limit is {now} now; cores {}", settings.cores(&now));
                }
                Some(Ok(false)) => {}
                Some(Err(error)) => warn!("the CPU limit is {now} now: {error}"),
                None => return,
            }
            limit = now;
        }
    };
    let thread = thread::Builder::new().name("millicore-limit".to_owned());
    if let Err(error) = thread.spawn(watching) {
        warn!("the CPU limit is not read again: {error}");
    }
}
