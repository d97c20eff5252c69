//! HTTP/1.1: one thread, one event loop, and per request a write and a read.
//!
//! A connection has one request at a time. In open loop a request takes an idle connection or opens
//! another one; it never waits for one.

mod burst;
mod connection;
mod deadlines;
mod poller;
mod pool;
pub(super) mod request;
pub(super) mod response;

use crate::load::failure::{Failure, Malformed};
use crate::load::plan::Arrivals;
use crate::load::recorder::Sample;
use crate::load::run::{Session, WakeAt};
use crate::load::schedule::Ticket;
use crate::load::target::Addresses;
use connection::{Connection, Job, Phase};
use deadlines::Deadlines;
use http::Method;
use poller::Poller;
use pool::Pool;
use rustix::io::Errno;
use std::io;

/// Larger answers take several reads.
const BUFFER_BYTES: usize = 64 * 1024;
/// More of a body is not kept.
pub(super) const MOST_BODY_BYTES: usize = 1024 * 1024;

pub(super) fn run(session: &mut Session<'_>, addresses: &Addresses) -> io::Result<()> {
    let plan = session.plan;
    let mut engine = Engine {
        messages: plan
            .targets
            .iter()
            .map(|it| request::message(plan, it))
            .collect(),
        poller: Poller::new()?,
        pool: Pool::new(addresses.distinct.len()),
        deadlines: Deadlines::new(plan.timeout_ns),
        buffer: vec![0; BUFFER_BYTES],
        is_holding: false,
        lost_before: Vec::new(),
        session,
        addresses,
    };
    if matches!(plan.arrivals, Arrivals::AtOnce { .. }) {
        engine.release_burst()?;
    }
    engine.run()
}

struct Engine<'a, 'b> {
    session: &'a mut Session<'b>,
    addresses: &'a Addresses,
    /// What is sent to each target.
    messages: Vec<Vec<u8>>,
    poller: Poller,
    pool: Pool,
    deadlines: Deadlines,
    buffer: Vec<u8>,
    /// Whether requests wait on their connections, to leave together.
    is_holding: bool,
    /// Requests whose connection failed before they were to leave.
    lost_before: Vec<(Job, Failure)>,
}

impl Engine<'_, '_> {
    fn run(&mut self) -> io::Result<()> {
        loop {
            let now_ns = self.session.clock.now_ns();
            if self.session.look(now_ns) {
                self.give_up();
                return Ok(());
            }
            self.expire(now_ns);
            self.start_due();
            if self.session.is_done(now_ns) {
                return Ok(());
            }
            let deadline_ns = self.deadlines.first().map_or(u64::MAX, |(_, at_ns)| at_ns);
            match self.session.wake_at() {
                WakeAt::Start(at_ns) => self.poller.wait_exactly(now_ns, at_ns.min(deadline_ns))?,
                WakeAt::Look(at_ns) => self.poller.wait_roughly(now_ns, at_ns.min(deadline_ns))?,
            }
            self.turn();
        }
    }

    /// Attends to every connection that is ready.
    fn turn(&mut self) {
        let mut index = 0;
        while let Some(token) = self.poller.token(index) {
            index += 1;
            // An event of a connection that was closed in this turn has no slot.
            if let Some(slot) = self.pool.slot(token) {
                self.attend(slot);
            }
        }
    }

    fn attend(&mut self, slot: usize) {
        let Some(connection) = self.pool.get(slot) else {
            return;
        };
        match connection.phase {
            Phase::Connecting => match connection.take_connected() {
                Ok(()) => self.connected(slot),
                Err(failure) => self.fail(slot, failure),
            },
            // A server that speaks unasked, or has closed.
            Phase::Idle => drop(self.pool.remove(slot)),
            Phase::Held => self.fail(slot, Failure::Closed),
            Phase::Receiving => self.receive(slot),
            Phase::Sending => {
                // An answer can come before the whole request has left.
                self.receive(slot);
                self.send(slot);
            }
        }
    }

    /// Starts every request that is due now.
    fn start_due(&mut self) {
        let now_ns = self.session.clock.now_ns();
        while let Some((ticket, target)) = self.session.due(now_ns) {
            self.start(ticket, target);
        }
    }

    fn start(&mut self, ticket: Ticket, target: usize) {
        let started_ns = self.session.clock.now_ns();
        let job = Job {
            ticket,
            target,
            started_ns,
            sent_ns: None,
            is_resent: false,
            body: self.session.plan.keep_bodies.then(Vec::new),
        };
        let idle = self.pool.take_idle(self.addresses.of_target[target]);
        let connection = idle.and_then(|slot| Some((slot, self.pool.get(slot)?)));
        match connection {
            Some((slot, connection)) => {
                connection.job = Some(job);
                self.deadlines.enter(slot, started_ns);
                self.begin(slot, started_ns);
            }
            None => self.connect(job),
        }
    }

    fn connect(&mut self, job: Job) {
        let address = self.addresses.of_target[job.target];
        let opened = Connection::open(self.addresses.distinct[address], address, job);
        let connection = match opened {
            Ok(connection) => connection,
            Err((job, failure)) => return self.end(job, Err(failure), 0),
        };
        self.session.connections_opened += 1;
        let slot = self.pool.insert(connection);
        self.deadlines.enter(slot, self.session.clock.now_ns());
        let token = self.pool.token(slot);
        let added = self
            .pool
            .get(slot)
            .map(|it| self.poller.add(&it.socket, token, it.interest));
        if let Some(Err(errno)) = added {
            self.fail(slot, Failure::from_errno(errno));
        }
    }

    fn connected(&mut self, slot: usize) {
        if !self.is_holding {
            self.begin(slot, self.session.clock.now_ns());
        } else if let Some(connection) = self.pool.get(slot) {
            connection.phase = Phase::Held;
            self.watch(slot);
        }
    }

    /// The request leaves now.
    fn begin(&mut self, slot: usize, now_ns: u64) {
        let is_head = self.session.plan.method == Method::HEAD;
        if let Some(connection) = self.pool.get(slot) {
            connection.begin(is_head, now_ns);
            self.send(slot);
        }
    }

    /// Sends what is left, if the connection is at that.
    fn send(&mut self, slot: usize) {
        let Some(connection) = self.pool.get(slot) else {
            return;
        };
        if let (Phase::Sending, Some(job)) = (connection.phase, &connection.job) {
            let message = &self.messages[job.target];
            connection.send(message);
            self.watch(slot);
        }
    }

    fn receive(&mut self, slot: usize) {
        loop {
            let Some(connection) = self.pool.get(slot) else {
                return;
            };
            let received = match connection.receive(&mut self.buffer) {
                Ok(0) => match connection.close() {
                    Ok(()) => return self.complete(slot, false),
                    Err(failure) => return self.fail(slot, failure),
                },
                Ok(received) => received,
                Err(Errno::AGAIN | Errno::INTR) => return,
                Err(errno) => return self.fail(slot, Failure::from_errno(errno)),
            };
            let bytes = &self.buffer[..received];
            let Connection { response, job, .. } = connection;
            let mut kept = job.as_mut().and_then(|job| job.body.as_mut());
            let fed = response.feed(bytes, &mut |data| {
                if let Some(body) = &mut kept {
                    let room = MOST_BODY_BYTES.saturating_sub(body.len());
                    body.extend_from_slice(&data[..data.len().min(room)]);
                }
            });
            match fed {
                Err(error) => return self.fail(slot, Failure::Malformed(Malformed::Http1(error))),
                Ok(fed) if fed.is_done => return self.complete(slot, fed.consumed == received),
                Ok(_) if received < BUFFER_BYTES => return,
                Ok(_) => {}
            }
        }
    }

    /// The response is whole; `is_exact` if the connection has nothing beside it.
    fn complete(&mut self, slot: usize, is_exact: bool) {
        self.deadlines.leave(slot);
        let Some(connection) = self.pool.get(slot) else {
            return;
        };
        let (status, body_bytes) = (
            connection.response.status(),
            connection.response.body_bytes(),
        );
        let address = connection.address;
        let has_sent_all = connection.phase == Phase::Receiving;
        let job = connection.job.take();
        if is_exact && has_sent_all && connection.response.keeps_alive() {
            connection.phase = Phase::Idle;
            connection.served += 1;
            self.pool.put_idle(slot, address);
        } else {
            self.pool.remove(slot);
        }
        if let Some(job) = job {
            self.end(job, Ok(status), body_bytes);
        }
        self.start_due();
    }

    fn fail(&mut self, slot: usize, failure: Failure) {
        self.deadlines.leave(slot);
        let Some(mut connection) = self.pool.remove(slot) else {
            return;
        };
        let Some(mut job) = connection.job.take() else {
            return;
        };
        let can_repeat = self.session.plan.method.is_idempotent() && !job.is_resent;
        if can_repeat && connection.is_stale(failure) {
            // RFC 9112, section 9.3.1: such a request is sent again, once.
            self.session.resent += 1;
            job.is_resent = true;
            return self.connect(job);
        }
        self.end(job, Err(failure), connection.response.body_bytes());
    }

    fn end(&mut self, job: Job, answer: Result<u16, Failure>, body_bytes: u64) {
        if self.is_holding {
            let failure = answer.err().unwrap_or(Failure::Closed);
            self.lost_before.push((job, failure));
            return;
        }
        self.session.record(Sample {
            ticket: job.ticket,
            target: job.target,
            started_ns: job.started_ns,
            sent_ns: job.sent_ns,
            ended_ns: self.session.clock.now_ns(),
            answer,
            body_bytes,
            body: job.body,
        });
    }

    fn expire(&mut self, now_ns: u64) {
        while let Some((slot, deadline_ns)) = self.deadlines.first() {
            if deadline_ns > now_ns {
                return;
            }
            self.fail(slot, Failure::Timeout);
        }
    }

    /// Nobody waits for the answers any more.
    fn give_up(&mut self) {
        for slot in 0..self.pool.slots() {
            self.fail(slot, Failure::Interrupted);
        }
    }

    /// Tells the poller what the connection waits for, if that has changed. If it does not take it,
    /// the request fails.
    fn watch(&mut self, slot: usize) {
        let token = self.pool.token(slot);
        let Some(connection) = self.pool.get(slot) else {
            return;
        };
        let wanted = connection.wanted();
        if wanted == connection.interest {
            return;
        }
        connection.interest = wanted;
        if let Err(errno) = self.poller.change(&connection.socket, token, wanted) {
            self.fail(slot, Failure::from_errno(errno));
        }
    }
}
