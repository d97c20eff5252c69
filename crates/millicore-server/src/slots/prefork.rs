//! `prefork`: processes forked beforehand, each handed one job at a time.
//!
//! A worker has a socket to the parent. Over it come a connection's descriptor and, back, what
//! became of it. The parent keeps its own copy of the descriptor meanwhile, so that a connection
//! whose worker died is not lost track of. The end of the socket is the end of the worker: a parent
//! that is killed leaves no worker behind.

use super::{Ended, FIRST_TOKEN, Private, Refused, Slots, Verdict, Work};
use crate::poller::{Poller, Watch};
use crate::process::{self, Child, Exit, ForkError};
use crate::signals;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A job that can be handed to another process: a descriptor and some words about it.
pub(crate) trait Handover: Sized {
    fn descriptor(&self) -> BorrowedFd<'_>;
    /// At most [`MAX_WORDS`] bytes.
    fn words(&self) -> Vec<u8>;
    fn from_parts(descriptor: OwnedFd, words: &[u8]) -> Self;
}

pub(crate) const MAX_WORDS: usize = 64;

pub(crate) struct Prefork<J> {
    plan: WorkerPlan<J>,
    workers_wanted: usize,
    poller: Arc<Poller>,
    /// By the token of its descriptor; that of its socket is one more.
    workers: BTreeMap<u64, Worker<J>>,
    idle: VecDeque<u64>,
    next_token: u64,
    /// When workers that died young are replaced.
    respawn_at: Option<Instant>,
    ended: Vec<Ended<J>>,
}

/// What a worker does.
pub(crate) struct WorkerPlan<J> {
    pub(crate) work: Work<J>,
    /// Asked in the worker after each job: whether it is to be replaced.
    pub(crate) is_worn_out: Arc<dyn Fn() -> bool + Send + Sync>,
}

struct Worker<J> {
    child: Child,
    /// None: it is to end after its job.
    socket: Option<OwnedFd>,
    job: Option<J>,
    has_worked: bool,
    began: Instant,
}

/// A worker that lives shorter and is given no job is not replaced at once, nor is one that the
/// system does not fork: no loop of forks. Who worked is replaced: a job is the rate of that.
const YOUNG: Duration = Duration::from_secs(1);

const DONE: u8 = 0;
const IDLE: u8 = 1;
const FAILED: u8 = 2;
/// Added to the others by a worker that ends.
const WORN_OUT: u8 = 16;

impl<J: Handover> Prefork<J> {
    pub(crate) fn new(
        plan: WorkerPlan<J>,
        workers: NonZeroUsize,
        poller: &Arc<Poller>,
        private: &Private<'_>,
    ) -> io::Result<Self> {
        let mut slots = Self {
            plan,
            workers_wanted: workers.get(),
            poller: Arc::clone(poller),
            workers: BTreeMap::new(),
            idle: VecDeque::new(),
            next_token: FIRST_TOKEN,
            respawn_at: None,
            ended: Vec::new(),
        };
        if let Err(error) = slots.fill(private) {
            slots.wait();
            return Err(error);
        }
        Ok(slots)
    }

    /// Workers that are to stay.
    fn lasting(&self) -> usize {
        let workers = self.workers.values();
        workers.filter(|worker| worker.socket.is_some()).count()
    }

    fn fill(&mut self, private: &Private<'_>) -> io::Result<()> {
        while self.lasting() < self.workers_wanted {
            self.spawn(private)?;
        }
        Ok(())
    }

    /// As `fill`, of a server that serves: what the system refuses now it may grant later.
    fn refill(&mut self, private: &Private<'_>) -> io::Result<()> {
        match self.fill(private) {
            Err(error) if error.get_ref().is_some_and(|inner| inner.is::<ForkError>()) => {
                Err(error)
            }
            Err(_) => {
                self.respawn_at = Some(Instant::now() + YOUNG);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn spawn(&mut self, private: &Private<'_>) -> io::Result<()> {
        let (ours, theirs) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?;
        let not_theirs = || {
            let mut descriptors = (private.0)();
            descriptors.push(ours.as_raw_fd());
            for worker in self.workers.values() {
                descriptors.push(worker.child.as_fd().as_raw_fd());
                descriptors.extend(worker.socket.as_ref().map(AsRawFd::as_raw_fd));
                let job = worker.job.as_ref();
                descriptors.extend(job.map(|job| job.descriptor().as_raw_fd()));
            }
            // A client is told of the end of its worker when the last copy is closed.
            let ended = self.ended.iter().filter_map(Ended::job);
            descriptors.extend(ended.map(|job| job.descriptor().as_raw_fd()));
            descriptors
        };
        let forked = process::fork(|| {
            process::close_all(not_theirs());
            run_worker(&self.plan, &theirs)
        });
        let mut child = forked.map_err(|error| match error {
            ForkError::System(error) => error,
            not_alone @ ForkError::NotAlone { .. } => io::Error::other(not_alone),
        })?;
        let token = self.next_token;
        self.next_token += 2;
        let watched = self.poller.add(&child, token, Watch::Always);
        let watched = watched.and_then(|()| self.poller.add(&ours, token + 1, Watch::Always));
        if let Err(error) = watched {
            // Nobody would hear of it: it ends with its socket.
            drop(ours);
            let _ = child.wait();
            return Err(error);
        }
        let worker = Worker {
            child,
            socket: Some(ours),
            job: None,
            has_worked: false,
            began: Instant::now(),
        };
        self.workers.insert(token, worker);
        self.idle.push_back(token);
        Ok(())
    }

    /// Lets a worker end once its job is done.
    fn retire(&mut self, token: u64) {
        self.idle.retain(|&idle| idle != token);
        if let Some(worker) = self.workers.get_mut(&token)
            && worker.job.is_none()
            && let Some(socket) = worker.socket.take()
        {
            let _ = self.poller.remove(&socket);
        }
    }

    /// What a worker says of its job.
    fn hear(&mut self, token: u64) {
        let Some(worker) = self.workers.get_mut(&token) else {
            return;
        };
        let Some(socket) = &worker.socket else {
            return;
        };
        let mut said = [0];
        match rustix::net::recv(socket, &mut said, RecvFlags::DONTWAIT) {
            Ok((_, 1)) => {}
            Err(Errno::AGAIN | Errno::INTR) => return,
            // It ends. Its descriptor tells how, and only then is it replaced.
            Ok(_) | Err(_) => {
                let _ = self.poller.remove(socket);
                self.idle.retain(|&idle| idle != token);
                return;
            }
        }
        let [said] = said;
        if let Some(job) = worker.job.take() {
            self.ended.push(match said & !WORN_OUT {
                IDLE => Ended::Idle(job),
                _ => Ended::Over(Some(job), None),
            });
        }
        let is_surplus = self.lasting() > self.workers_wanted;
        if said & WORN_OUT != 0 || is_surplus {
            self.retire(token);
        } else {
            self.idle.push_back(token);
        }
    }

    fn reap(&mut self, token: u64) {
        let Some(worker) = self.workers.get_mut(&token) else {
            return;
        };
        let exit = match worker.child.try_wait() {
            Ok(None) => return,
            Ok(Some(exit)) => exit,
            Err(_) => Exit::Status(1),
        };
        // What it said last is still to be heard.
        self.hear(token);
        self.bury(token, exit);
    }

    fn bury(&mut self, token: u64, exit: Exit) {
        self.idle.retain(|&idle| idle != token);
        let Some(worker) = self.workers.remove(&token) else {
            return;
        };
        let _ = self.poller.remove(&worker.child);
        if let Some(socket) = &worker.socket {
            let _ = self.poller.remove(socket);
        }
        let is_expected = exit == Exit::Status(0);
        if !is_expected && !worker.has_worked && worker.began.elapsed() < YOUNG {
            self.respawn_at = Some(Instant::now() + YOUNG);
        }
        if worker.job.is_some() || !is_expected {
            let process = Some((worker.child.id(), exit));
            self.ended.push(Ended::Over(worker.job, process));
        }
    }

    fn give(&mut self, token: u64, job: J) -> Result<(), Refused<J>> {
        let Some(worker) = self.workers.get_mut(&token) else {
            let error = io::ErrorKind::NotFound.into();
            return Err(Refused { job, error });
        };
        let Some(socket) = &worker.socket else {
            let error = io::ErrorKind::BrokenPipe.into();
            return Err(Refused { job, error });
        };
        match send(socket, &job) {
            Ok(()) => {
                worker.job = Some(job);
                worker.has_worked = true;
                Ok(())
            }
            Err(error) => Err(Refused { job, error }),
        }
    }
}

impl<J: Handover> Slots<J> for Prefork<J> {
    fn has_room(&mut self) -> bool {
        !self.idle.is_empty()
    }

    fn start(&mut self, mut job: J, _private: &Private<'_>) -> Result<(), Refused<J>> {
        let mut error = io::ErrorKind::NotFound.into();
        while let Some(token) = self.idle.pop_front() {
            match self.give(token, job) {
                Ok(()) => return Ok(()),
                // It has just died; another may live.
                Err(refused) if is_end(&refused.error) => {
                    (job, error) = (refused.job, refused.error);
                }
                Err(refused) => {
                    self.idle.push_front(token);
                    return Err(refused);
                }
            }
        }
        Err(Refused { job, error })
    }

    fn on_ready(&mut self, token: u64, private: &Private<'_>) -> io::Result<()> {
        if (token - FIRST_TOKEN) % 2 == 1 {
            self.hear(token - 1);
        } else {
            self.reap(token);
        }
        match self.respawn_at {
            Some(_) => Ok(()),
            None => self.refill(private),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.respawn_at
    }

    fn on_time(&mut self, private: &Private<'_>) -> io::Result<()> {
        self.respawn_at = None;
        self.refill(private)
    }

    fn take_ended(&mut self) -> Vec<Ended<J>> {
        std::mem::take(&mut self.ended)
    }

    fn busy(&self) -> usize {
        let workers = self.workers.values();
        workers.filter(|worker| worker.job.is_some()).count()
    }

    fn processes(&self) -> Vec<u32> {
        let workers = self.workers.values();
        workers.map(|worker| worker.child.id()).collect()
    }

    fn kill(&mut self) {
        self.close();
        for worker in self.workers.values() {
            let _ = worker.child.kill();
        }
    }

    fn close(&mut self) {
        self.workers_wanted = 0;
        self.respawn_at = None;
        let tokens: Vec<u64> = self.workers.keys().copied().collect();
        for token in tokens {
            self.retire(token);
        }
    }

    fn wait(&mut self) {
        self.close();
        let tokens: Vec<u64> = self.workers.keys().copied().collect();
        for token in tokens {
            if let Some(worker) = self.workers.get_mut(&token) {
                // The end of its socket is its end, after its job.
                if let Some(socket) = worker.socket.take() {
                    let _ = self.poller.remove(&socket);
                }
                let exit = worker.child.wait().unwrap_or(Exit::Status(1));
                self.bury(token, exit);
            }
        }
    }

    fn resize(&mut self, slots: usize, private: &Private<'_>) -> io::Result<()> {
        self.workers_wanted = slots;
        let surplus = self.lasting().saturating_sub(slots);
        for token in self.idle.iter().copied().take(surplus).collect::<Vec<_>>() {
            self.retire(token);
        }
        self.fill(private)
    }
}

/// Whether the other end of a socket is closed.
fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected};
    matches!(error.kind(), BrokenPipe | ConnectionReset | NotConnected)
}

fn send<J: Handover>(socket: &OwnedFd, job: &J) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = [job.descriptor()];
    control.push(SendAncillaryMessage::ScmRights(&descriptors));
    let words = job.words();
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    sendmsg(socket, &[IoSlice::new(&words)], &mut control, flags)?;
    Ok(())
}

/// The next job; none once the parent has closed its end.
fn receive<J: Handover>(socket: &OwnedFd) -> io::Result<Option<J>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut words = [0; MAX_WORDS];
    let length = loop {
        let mut buffers = [IoSliceMut::new(&mut words)];
        match recvmsg(socket, &mut buffers, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            other => break other?.bytes,
        }
    };
    if length == 0 {
        return Ok(None);
    }
    let descriptor = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    // The kernel drops a descriptor for which this process has no place.
    let descriptor = descriptor.ok_or(Errno::MFILE)?;
    let words = words.get(..length).unwrap_or_default();
    Ok(Some(J::from_parts(descriptor, words)))
}

/// The life of a worker, from one job to the next.
fn run_worker<J: Handover>(plan: &WorkerPlan<J>, socket: &OwnedFd) -> i32 {
    // A worker that cannot unblock its signals still works.
    let _ = signals::unblock_terminate();
    loop {
        let mut job: J = match receive(socket) {
            Ok(Some(job)) => job,
            Ok(None) => return 0,
            Err(_) => return 1,
        };
        let verdict = (plan.work)(&mut job);
        drop(job);
        let said = match verdict {
            Verdict::Done => DONE,
            Verdict::Failed => FAILED,
            Verdict::Idle => IDLE,
            Verdict::Quit(_) => DONE | WORN_OUT,
        };
        let worn_out = if (plan.is_worn_out)() { WORN_OUT } else { 0 };
        let said = said | worn_out;
        let is_heard = rustix::net::send(socket, &[said], SendFlags::NOSIGNAL).is_ok();
        if !is_heard || said & WORN_OUT != 0 {
            return 0;
        }
    }
}
