//! `threads`: a thread for each job. `sync`, beside a loop that must not be deaf: one for all.

use super::outbox::Outbox;
use super::reserve::Reserve;
use super::{Ended, Private, Refused, Slots, Verdict, Work};
use crate::poller::Poller;
use std::io;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;

pub(crate) struct Threads<J> {
    staff: Staff<J>,
    most: usize,
    outbox: Arc<Outbox<J>>,
}

enum Staff<J> {
    OneEach(Work<J>, Arc<Reserve<J>>),
    /// It lives as long as this sender.
    One(Sender<J>),
}

impl<J: Send + 'static> Threads<J> {
    /// A thread for each job, so many at once.
    pub(crate) fn one_each(
        work: Work<J>,
        max_threads: Option<NonZeroUsize>,
        poller: &Poller,
    ) -> io::Result<Self> {
        Ok(Self {
            staff: Staff::OneEach(work, Arc::new(Reserve::new())),
            most: max_threads.map_or(usize::MAX, NonZeroUsize::get),
            outbox: Outbox::new(poller)?,
        })
    }

    /// One thread that works on one job after the other.
    pub(crate) fn one(work: Work<J>, poller: &Poller) -> io::Result<Self> {
        let (jobs, inbox) = channel();
        let outbox = Outbox::new(poller)?;
        let theirs = Arc::clone(&outbox);
        Builder::new().name("sync".to_owned()).spawn(move || {
            for mut job in inbox {
                let verdict = work(&mut job);
                theirs.end(job, verdict);
            }
        })?;
        Ok(Self {
            staff: Staff::One(jobs),
            most: 1,
            outbox,
        })
    }

    fn start_one(
        &self,
        work: &Work<J>,
        reserve: &Arc<Reserve<J>>,
        job: J,
    ) -> Result<(), Refused<J>> {
        match reserve.hand(job) {
            Ok(()) => Ok(()),
            Err(job) => self.spawn(Arc::clone(work), Arc::clone(reserve), job),
        }
    }

    fn spawn(&self, work: Work<J>, reserve: Arc<Reserve<J>>, job: J) -> Result<(), Refused<J>> {
        let outbox = Arc::clone(&self.outbox);
        // A thread that does not start takes what it was given with it.
        let given = Arc::new(Mutex::new(Some(job)));
        let taken = Arc::clone(&given);
        let take =
            |given: &Mutex<Option<J>>| given.lock().unwrap_or_else(PoisonError::into_inner).take();
        let spawned = Builder::new().spawn(move || {
            let mut next = take(&taken);
            while let Some(mut job) = next {
                let verdict = work(&mut job);
                outbox.end(job, verdict);
                if let Verdict::Quit(_) = verdict {
                    return;
                }
                next = reserve.next();
            }
        });
        match spawned.map_err(|error| (error, take(&given))) {
            Err((error, Some(job))) => Err(Refused { job, error }),
            _ => Ok(()),
        }
    }
}

impl<J: Send + 'static> Slots<J> for Threads<J> {
    fn has_room(&mut self) -> bool {
        self.outbox.has_room(self.most)
    }

    fn start(&mut self, job: J, _private: &Private<'_>) -> Result<(), Refused<J>> {
        self.outbox.begin();
        let started = match &self.staff {
            Staff::OneEach(work, reserve) => self.start_one(work, reserve, job),
            Staff::One(jobs) => jobs.send(job).map_err(|unsent| Refused {
                job: unsent.0,
                error: io::ErrorKind::BrokenPipe.into(),
            }),
        };
        if started.is_err() {
            self.outbox.take_back();
        }
        started
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

    fn resize(&mut self, slots: usize, _private: &Private<'_>) -> io::Result<()> {
        if let Staff::OneEach(..) = self.staff {
            self.most = slots;
        }
        Ok(())
    }
}
