//! HTTP/2 without TLS: a task a request, on one thread, with the client of hyper.
//!
//! Requests share connections, up to a hundred on each; another is opened when all are full.

mod connection;
mod exchange;

use crate::load::alarm::{self, Alarm};
use crate::load::failure::Failure;
use crate::load::plan::Arrivals;
use crate::load::recorder::Sample;
use crate::load::run::{Session, WakeAt};
use crate::load::schedule::Ticket;
use crate::load::target::Addresses;
use connection::{MOST_STREAMS, Pool};
use exchange::{Exchange, Message};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use tokio::net::unix::pipe;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

pub(super) fn run(session: &mut Session<'_>, addresses: &Addresses) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    // What is under way when it is stopped ends with the runtime.
    runtime.block_on(async { Driver::new(session, addresses)?.run().await })
}

struct Driver<'a, 'b> {
    session: &'a mut Session<'b>,
    of_target: &'a [usize],
    /// What is sent to each target.
    messages: Vec<Arc<Message>>,
    pools: Vec<Pool>,
    under_way: BTreeMap<u64, (Ticket, usize, u64)>,
    tell: UnboundedSender<Sample>,
    told: UnboundedReceiver<Sample>,
    /// A descriptor like any other that can be read from; tokio has no type of its own for it.
    alarm: pipe::Receiver,
}

impl<'a, 'b> Driver<'a, 'b> {
    fn new(session: &'a mut Session<'b>, addresses: &'a Addresses) -> io::Result<Self> {
        let plan = session.plan;
        let (tell, told) = unbounded_channel();
        let messages = plan.targets.iter().map(|target| Message::new(plan, target));
        Ok(Self {
            messages: messages.map(Arc::new).collect(),
            of_target: &addresses.of_target,
            pools: addresses.distinct.iter().map(|to| Pool::new(*to)).collect(),
            under_way: BTreeMap::new(),
            tell,
            told,
            alarm: pipe::Receiver::from_owned_fd_unchecked(Alarm::new()?.into_fd())?,
            session,
        })
    }

    async fn run(mut self) -> io::Result<()> {
        if let Arrivals::AtOnce { requests } = self.session.plan.arrivals {
            self.connect_for(requests).await;
            self.session.restart();
        }
        loop {
            let now_ns = self.session.clock.now_ns();
            if self.session.look(now_ns) {
                self.give_up();
                break;
            }
            while let Some((ticket, target)) = self.session.due(now_ns) {
                self.start(ticket, target);
            }
            if self.session.is_done(now_ns) {
                break;
            }
            self.wait(now_ns).await?;
        }
        let opened = self.pools.iter().map(Pool::opened).sum();
        self.session.connections_opened = opened;
        Ok(())
    }

    /// Until a request has ended or the next one is due.
    async fn wait(&mut self, now_ns: u64) -> io::Result<()> {
        let (WakeAt::Start(at_ns) | WakeAt::Look(at_ns)) = self.session.wake_at();
        alarm::set(&self.alarm, at_ns.saturating_sub(now_ns))?;
        tokio::select! {
            biased;
            Some(sample) = self.told.recv() => {
                self.record(sample);
                while let Ok(sample) = self.told.try_recv() {
                    self.record(sample);
                }
            }
            // How often it went off does not matter.
            is_ready = self.alarm.readable() => is_ready.map(|()| drop(self.alarm.try_read(&mut [0; 8])))?,
        }
        Ok(())
    }

    fn start(&mut self, ticket: Ticket, target: usize) {
        let started_ns = self.session.clock.now_ns();
        self.under_way
            .insert(ticket.index, (ticket, target, started_ns));
        let exchange = Exchange {
            ticket,
            target,
            started_ns,
            clock: self.session.clock,
            timeout_ns: self.session.plan.timeout_ns,
            keeps_body: self.session.plan.keep_bodies,
            connection: self.pools[self.of_target[target]].choose(),
            message: Arc::clone(&self.messages[target]),
        };
        let tell = self.tell.clone();
        tokio::spawn(async move {
            // Nobody listens only if the run was stopped.
            let _ = tell.send(exchange.run().await);
        });
    }

    fn record(&mut self, sample: Sample) {
        self.under_way.remove(&sample.ticket.index);
        self.session.record(sample);
    }

    fn give_up(&mut self) {
        let ended_ns = self.session.clock.now_ns();
        for (_, (ticket, target, started_ns)) in std::mem::take(&mut self.under_way) {
            self.session.record(Sample {
                ticket,
                target,
                started_ns,
                sent_ns: Some(started_ns),
                ended_ns,
                answer: Err(Failure::Interrupted),
                body_bytes: 0,
                body: None,
            });
        }
    }

    /// Opens the connections that a burst needs. What cannot be opened is found out again by the
    /// requests themselves.
    async fn connect_for(&mut self, requests: usize) {
        for pool in &mut self.pools {
            let opening = pool.reserve(requests.div_ceil(MOST_STREAMS));
            for connection in opening {
                let _ = connection.sender().await;
            }
        }
    }
}
