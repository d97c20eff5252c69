//! Threads that have just become free wait a moment for another job: starting one costs more than
//! most small requests.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a thread waits before it ends.
const MOMENT: Duration = Duration::from_millis(10);

/// The threads that wait.
pub(crate) struct Reserve<J> {
    state: Mutex<State<J>>,
    called: Condvar,
}

struct State<J> {
    /// For each of them a waiting thread has been counted off.
    jobs: VecDeque<J>,
    /// How many more wait.
    threads: usize,
}

impl<J> Reserve<J> {
    pub(crate) const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                threads: 0,
            }),
            called: Condvar::new(),
        }
    }

    /// Hands a job to a thread that waits; gives it back if none does.
    pub(crate) fn hand(&self, job: J) -> Result<(), J> {
        let mut state = self.lock();
        if state.threads == 0 {
            return Err(job);
        }
        state.threads -= 1;
        state.jobs.push_back(job);
        drop(state);
        self.called.notify_one();
        Ok(())
    }

    /// Waits a moment for a job. One that comes here just then may be faster than the one that was
    /// called, which then waits in its place.
    pub(crate) fn next(&self) -> Option<J> {
        let mut state = self.lock();
        state.threads += 1;
        let waited = self
            .called
            .wait_timeout_while(state, MOMENT, |state| state.jobs.is_empty());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let job = state.jobs.pop_front();
        if job.is_none() {
            state.threads -= 1;
        }
        job
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Reserve;
    use std::sync::Arc;
    use std::thread;

    #[test]
    fn a_job_without_a_thread_comes_back() {
        let reserve = Reserve::new();
        assert_eq!(reserve.hand(1), Err(1));
        assert_eq!(reserve.next(), None);
        assert_eq!(reserve.hand(2), Err(2));
    }

    #[test]
    fn no_job_is_lost_however_threads_and_jobs_meet() {
        const JOBS: u32 = 2_000;
        let reserve = Arc::new(Reserve::new());
        let workers: Vec<_> = (0..3)
            .map(|_| {
                let reserve = Arc::clone(&reserve);
                thread::spawn(move || {
                    std::iter::from_fn(|| reserve.next())
                        .map(u64::from)
                        .sum::<u64>()
                })
            })
            .collect();
        let came_back: u64 = (1..=JOBS)
            .filter_map(|job| reserve.hand(job).err())
            .map(u64::from)
            .sum();
        let done: u64 = workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .sum::<u64>();
        assert_eq!(came_back + done, u64::from(JOBS) * u64::from(JOBS + 1) / 2);
    }
}
