//! `sync` beside a loop that must not be deaf: one thread that works on one job after the other.

use super::threads::Outbox;
use super::{Ended, Private, Refused, Slots, Work};
use crate::poller::Poller;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::Builder;

pub(crate) struct OneThread<J> {
    jobs: Sender<J>,
    outbox: Arc<Outbox<J>>,
}

impl<J: Send + 'static> OneThread<J> {
    pub(crate) fn new(work: Work<J>, poller: &Poller) -> io::Result<Self> {
        let (jobs, inbox) = channel();
        let outbox = Outbox::new(poller)?;
        let theirs = Arc::clone(&outbox);
        Builder::new().name("sync".to_owned()).spawn(move || {
            for mut job in inbox {
                let verdict = work(&mut job);
                theirs.end(job, verdict);
            }
        })?;
        Ok(Self { jobs, outbox })
    }
}

impl<J: Send + 'static> Slots<J> for OneThread<J> {
    fn has_room(&mut self) -> bool {
        self.outbox.has_room(1)
    }

    fn start(&mut self, job: J, _private: &Private<'_>) -> Result<(), Refused<J>> {
        self.outbox.begin();
        // Its thread lives as long as this sender.
        self.jobs.send(job).map_err(|unsent| Refused {
            job: unsent.0,
            error: io::ErrorKind::BrokenPipe.into(),
        })
    }

    fn on_ready(&mut self, _token: u64, _private: &Private<'_>) -> io::Result<()> {
        self.outbox.clear_wake();
        Ok(())
    }

    fn take_ended(&mut self) -> Vec<Ended<J>> {
        self.outbox.take_ended()
    }

    fn busy(&self) -> usize {
        self.outbox.await_end();
        self.outbox.active()
    }

    fn wait(&mut self) {
        self.outbox.wait();
    }

    fn resize(&mut self, _slots: usize, _private: &Private<'_>) -> io::Result<()> {
        Ok(())
    }
}
