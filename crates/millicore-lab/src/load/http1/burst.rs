//! Everything at once: connections first, then a moment at which all requests leave.

use crate::load::http1::Engine;
use crate::load::http1::connection::Phase;
use crate::load::run::LOOK_EVERY_NS;
use std::io;

/// A server whose queue of connections is shorter than the burst takes no more of them until it has
/// answered; those requests leave when their connection opens.
const PATIENCE_NS: u64 = 1_000_000_000;

impl Engine<'_, '_> {
    /// Opens a connection for each request, and sends all when all are open.
    pub(super) fn release_burst(&mut self) -> io::Result<()> {
        self.is_holding = true;
        while let Some((ticket, target)) = self.session.due(0) {
            self.start(ticket, target);
        }
        let goes_on = self.wait_for_connections()?;
        self.is_holding = false;
        // From here on, time counts: the intended start of every request is 0.
        self.session.restart();
        for slot in 0..self.pool.slots() {
            let now_ns = self.session.clock.now_ns();
            if let Some(connection) = self.pool.get(slot) {
                let is_held = connection.phase == Phase::Held;
                if let Some(job) = &mut connection.job {
                    job.started_ns = if is_held { now_ns } else { 0 };
                }
                if is_held && goes_on {
                    self.begin(slot, now_ns);
                }
            }
        }
        for slot in 0..self.pool.slots() {
            if self.pool.get(slot).is_some() {
                self.deadlines.enter(slot, 0);
            }
        }
        for (mut job, failure) in std::mem::take(&mut self.lost_before) {
            job.started_ns = 0;
            self.end(job, Err(failure), 0);
        }
        Ok(())
    }

    /// False if the run is to be stopped.
    fn wait_for_connections(&mut self) -> io::Result<bool> {
        let patience_ns = PATIENCE_NS.min(self.session.plan.timeout_ns);
        loop {
            let now_ns = self.session.clock.now_ns();
            let mut slots = 0..self.pool.slots();
            let is_waiting = slots.any(|slot| {
                let connection = self.pool.get(slot);
                connection.is_some_and(|it| it.phase == Phase::Connecting)
            });
            if self.session.look(now_ns) {
                return Ok(false);
            }
            if !is_waiting || now_ns >= patience_ns {
                return Ok(true);
            }
            let look_ns = now_ns + LOOK_EVERY_NS;
            self.poller.wait_roughly(now_ns, patience_ns.min(look_ns))?;
            self.turn();
        }
    }
}
