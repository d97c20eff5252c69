//! `sync`: a job is worked on where it is started; nothing else happens meanwhile.

use super::{Ended, Private, Refused, Slots, Verdict, Work};
use std::io;

pub(crate) struct Inline<J> {
    work: Work<J>,
    ended: Vec<Ended<J>>,
}

impl<J> Inline<J> {
    pub(crate) fn new(work: Work<J>) -> Self {
        Self {
            work,
            ended: Vec::new(),
        }
    }
}

impl<J> Slots<J> for Inline<J> {
    fn has_room(&mut self) -> bool {
        self.ended.is_empty()
    }

    fn start(&mut self, mut job: J, _private: &Private<'_>) -> Result<(), Refused<J>> {
        let verdict = (self.work)(&mut job);
        self.ended.push(match verdict {
            Verdict::Done | Verdict::Failed => Ended::Over(Some(job), None),
            Verdict::Idle => Ended::Idle(job),
            Verdict::Quit(status) => Ended::Quit(status),
        });
        Ok(())
    }

    fn on_ready(&mut self, _token: u64, _private: &Private<'_>) -> io::Result<()> {
        Ok(())
    }

    fn take_ended(&mut self) -> Vec<Ended<J>> {
        std::mem::take(&mut self.ended)
    }

    fn busy(&self) -> usize {
        0
    }

    fn wait(&mut self) {}

    fn resize(&mut self, _slots: usize, _private: &Private<'_>) -> io::Result<()> {
        Ok(())
    }
}
