//! How a blocking server ends: what it finishes, for how long, and what is refused.
//!
//! 1. Asked to terminate, it says that it is not ready, and goes on for the drain delay.
//! 2. It accepts what is in the kernel's backlog, which closing the socket would reset, and refuses
//!    what comes later, in all processes that have the socket.
//! 3. Connections that wait for their next request are closed; those that never brought one have a
//!    moment, because their request may be on its way.
//! 4. It is over when nothing is at work, or the graceful timeout has passed.

use super::accepted::Accepted;
use super::parking::Silence;
use super::server::{BlockingServer, slot_count};
use crate::http::HttpService;
use crate::settings::ServerSettings;
use crate::signals::ControlSignal;
use std::io;
use std::time::{Duration, Instant};

/// How far a server is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Serving,
    /// It was asked to stop, and goes on accepting until then.
    Delaying {
        until: Instant,
    },
    /// It finishes what it has accepted.
    Draining {
        until: Instant,
        /// Until when connections that never brought a request are waited for.
        fresh_until: Instant,
    },
    /// It finishes nothing.
    Killed,
}

/// How long a connection that was accepted may take for its first request once the server stops.
const MOMENT: Duration = Duration::from_millis(500);

/// A time that is too far away is as good as never.
fn after(now: Instant, time: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
    now.checked_add(time).unwrap_or(now + FAR)
}

impl Phase {
    /// When the next phase, or a step in one, is to begin.
    pub(super) fn deadline(self, now: Instant) -> Option<Instant> {
        match self {
            Self::Serving | Self::Killed => None,
            Self::Delaying { until } => Some(until),
            Self::Draining { until, fresh_until } if fresh_until > now => {
                Some(until.min(fresh_until))
            }
            Self::Draining { until, .. } => Some(until),
        }
    }
}

impl<S: HttpService> BlockingServer<S> {
    pub(super) fn on_control(&mut self, signal: ControlSignal) -> io::Result<()> {
        match signal {
            ControlSignal::Quit => self.kill(),
            ControlSignal::Interrupt if self.phase != Phase::Serving => self.kill(),
            ControlSignal::Terminate | ControlSignal::Interrupt => self.stop()?,
            ControlSignal::HangUp => {
                if let Some(new) = self.hooks.reload() {
                    self.follow(&new)?;
                }
            }
            ControlSignal::MoreWorkers => self.resize(|count| count.saturating_add(1))?,
            ControlSignal::FewerWorkers => self.resize(|count| count.saturating_sub(1))?,
        }
        Ok(())
    }

    /// Follows what of other settings a server can that runs.
    fn follow(&mut self, new: &ServerSettings) -> io::Result<()> {
        self.shared.follow(&new.connection);
        let settings = &mut self.settings;
        settings.connection = new.connection.clone();
        settings.graceful_timeout = new.graceful_timeout;
        settings.drain_delay = new.drain_delay;
        let (was, wished) = (slot_count(settings), slot_count(new));
        settings.workers = new.workers;
        settings.max_children = new.max_children;
        settings.max_threads = new.max_threads;
        if was == wished {
            return Ok(());
        }
        self.set_slots(wished)
    }

    fn stop(&mut self) -> io::Result<()> {
        if self.phase != Phase::Serving {
            return Ok(());
        }
        let now = Instant::now();
        self.hooks.start_draining();
        self.shared.draining.start();
        self.phase = Phase::Delaying {
            until: after(now, self.settings.drain_delay),
        };
        self.on_phase(now)
    }

    fn kill(&mut self) {
        self.phase = Phase::Killed;
        self.slots.kill();
    }

    /// Goes on to the next phase if it is time.
    pub(super) fn on_phase(&mut self, now: Instant) -> io::Result<()> {
        match self.phase {
            Phase::Delaying { until } if until <= now => {
                self.refuse_further()?;
                self.phase = Phase::Draining {
                    until: after(now, self.settings.graceful_timeout),
                    fresh_until: now + MOMENT,
                };
                self.close_parked(|was_served| was_served);
            }
            Phase::Draining { until, fresh_until } => {
                if fresh_until <= now {
                    self.close_parked(|_| true);
                }
                if until <= now {
                    let unfinished = self.slots.busy() + self.intake.ready.len();
                    tracing::warn!(unfinished, "the graceful timeout has passed");
                    self.kill();
                }
            }
            Phase::Serving | Phase::Delaying { .. } | Phase::Killed => {}
        }
        Ok(())
    }

    /// Empties the kernel's backlog and refuses what comes later.
    fn refuse_further(&mut self) -> io::Result<()> {
        for listener in std::mem::take(&mut self.intake.listeners) {
            loop {
                match listener.accept() {
                    Ok(Some((socket, peer))) => {
                        self.sort(Accepted::new(socket, peer, &self.shared.activity));
                    }
                    // Where descriptors are lacking, silent connections make room for others.
                    Err(_) if self.make_room() => {}
                    Ok(None) | Err(_) => break,
                }
            }
            listener.refuse()?;
            self.intake.poller.remove(&listener)?;
        }
        Ok(())
    }

    /// Closes silent connections, except those that have just sent something.
    fn close_parked(&mut self, is_closed: impl Fn(bool) -> bool) {
        for token in self.intake.parking.tokens() {
            let parked = self.intake.parking.get(token);
            if parked.is_some_and(|(connection, _)| is_closed(connection.was_served))
                && let Some(connection) = self.intake.parking.take(token)
            {
                self.sort(connection);
            }
        }
    }

    /// Until when a connection may be silent; none if it is closed now.
    pub(super) fn silent_until(&self, connection: &Accepted, silence: Silence) -> Option<Instant> {
        let now = Instant::now();
        let settings = &self.settings.connection;
        let timeout = match silence {
            Silence::Whole => settings.idle_timeout,
            Silence::Partial => settings.header_timeout,
        };
        match self.phase {
            Phase::Serving | Phase::Delaying { .. } => Some(after(now, timeout)),
            Phase::Draining { fresh_until, .. } => {
                Some(fresh_until).filter(|&until| until > now && !connection.was_served)
            }
            Phase::Killed => None,
        }
    }

    /// Whether nothing is left to do.
    pub(super) fn is_over(&mut self) -> bool {
        match self.phase {
            Phase::Serving | Phase::Delaying { .. } => false,
            Phase::Draining { .. } => {
                if self.slots.busy() > 0 {
                    return false;
                }
                // Whoever has ended meanwhile may have given a connection back.
                self.dispatch();
                self.slots.busy() == 0
                    && self.intake.ready.is_empty()
                    && self.intake.parking.len() == 0
            }
            Phase::Killed => true,
        }
    }

    /// Lets workers end, and reaps them. Threads at work end with the program.
    pub(super) fn finish(&mut self) {
        self.slots.close();
        if !self.slots.processes().is_empty() {
            self.slots.wait();
        }
    }
}
