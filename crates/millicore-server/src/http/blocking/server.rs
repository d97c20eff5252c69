//! The accepting loop: it lets connections in, keeps the silent ones, and hands out the others.

use super::accepted::Accepted;
use super::connection::{self, Shared, Wear};
use super::head::{Sign, look};
use super::parking::{Parking, Silence};
use super::stopping::Phase;
use crate::activity::Activity;
use crate::control::ControlSource;
use crate::draining::Draining;
use crate::http::version1::TOO_SLOW;
use crate::http::{Hooks, HttpService, ServeError};
use crate::listener::{Listener, is_exhausted};
use crate::model::ConcurrencyModel;
use crate::poller::{Poller, Watch};
use crate::process::Exit;
use crate::settings::ServerSettings;
use crate::slots::forks::{Forks, Keep};
use crate::slots::prefork::{Prefork, WorkerPlan};
use crate::slots::threads::Threads;
use crate::slots::{Ended, FIRST_TOKEN, Private, Slots, Work};
use rustix::process::{Resource, getrlimit};
use std::collections::VecDeque;
use std::io;
use std::num::NonZeroUsize;
use std::ops::RangeFrom;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Serves HTTP/1.1 on these listeners until it is told to stop: in `sync` by one thread, in
/// `threads` by a thread for each connection that sends something, in `forks` and `prefork` by
/// processes. Those two need a program that has no other thread.
///
/// Asked to terminate, it finishes what was accepted, the kernel's backlog included, for
/// `graceful_timeout` at most; then it returns.
///
/// # Errors
///
/// Where the system does not let it start or go on.
pub fn serve_blocking<S: HttpService>(
    listeners: Vec<Listener>,
    service: S,
    settings: &ServerSettings,
    control: impl ControlSource,
    mut hooks: Hooks,
) -> Result<(), ServeError> {
    let ready = hooks.ready.take();
    let server = BlockingServer::new(listeners, service, settings, control, hooks);
    let mut server = server.map_err(ServeError::to("start"))?;
    if let Some(ready) = ready {
        ready();
    }
    server.run().map_err(ServeError::to("go on"))
}

pub(super) struct BlockingServer<S> {
    pub(super) intake: Intake,
    pub(super) slots: Box<dyn Slots<Accepted>>,
    /// How many there are to be, where that is bounded.
    slot_count: Option<NonZeroUsize>,
    pub(super) shared: Arc<Shared<S>>,
    pub(super) settings: ServerSettings,
    pub(super) hooks: Hooks,
    pub(super) phase: Phase,
}

/// Everything that the loop waits for beside its slots.
pub(super) struct Intake {
    pub(super) poller: Arc<Poller>,
    control: Box<dyn ControlSource>,
    pub(super) listeners: Vec<Listener>,
    is_listening: bool,
    /// Until when nothing is accepted, because the system had no room for it.
    paused_until: Option<Instant>,
    pub(super) parking: Parking,
    /// Connections that have sent something, in the order in which they did.
    pub(super) ready: VecDeque<Accepted>,
    /// Whether processes are forked that last.
    has_lasting_processes: bool,
    /// The last descriptors that this process may have. A connection that is given one of them is
    /// the last for now, so that those that were accepted find descriptors for what serves them.
    spared: RangeFrom<i32>,
}

impl Intake {
    fn new(
        listeners: Vec<Listener>,
        control: Box<dyn ControlSource>,
        model: ConcurrencyModel,
    ) -> io::Result<Self> {
        let poller = Arc::new(Poller::new()?);
        poller.add(&control, CONTROL, Watch::Always)?;
        for (token, listener) in (FIRST_LISTENER..).zip(&listeners) {
            poller.add(listener, token, Watch::Always)?;
        }
        Ok(Self {
            parking: Parking::new(&poller, FIRST_PARKED),
            poller,
            control,
            listeners,
            is_listening: true,
            paused_until: None,
            ready: VecDeque::new(),
            has_lasting_processes: model == ConcurrencyModel::Prefork,
            spared: spared_descriptors(),
        })
    }

    /// What a forked process must not keep.
    fn descriptors(&self) -> Vec<i32> {
        let mut descriptors = vec![
            self.poller.as_fd().as_raw_fd(),
            self.control.as_fd().as_raw_fd(),
        ];
        descriptors.extend(self.listeners.iter().map(|it| it.as_fd().as_raw_fd()));
        // A process that lasts would keep their sockets; one that does not is not worth the time.
        if self.has_lasting_processes {
            descriptors.extend(self.parking.descriptors());
            descriptors.extend(self.ready.iter().map(|it| it.as_fd().as_raw_fd()));
        }
        descriptors
    }

    fn listen(&mut self, listens: bool) -> io::Result<()> {
        if listens != self.is_listening {
            let watch = if listens { Watch::Always } else { Watch::Never };
            for (token, listener) in (FIRST_LISTENER..).zip(&self.listeners) {
                self.poller.rearm(listener, token, watch)?;
            }
            self.is_listening = listens;
        }
        Ok(())
    }

    fn deadline(&self) -> Option<Instant> {
        let deadlines = [self.parking.deadline(), self.paused_until];
        deadlines.into_iter().flatten().min()
    }
}

/// A forked process costs its parent four for a moment.
const SPARED_DESCRIPTORS: u64 = 16;

fn spared_descriptors() -> RangeFrom<i32> {
    // No limit is beyond every descriptor.
    let most = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let first = most - SPARED_DESCRIPTORS.min(most / 4);
    i32::try_from(first).unwrap_or(i32::MAX)..
}

const CONTROL: u64 = 0;
const FIRST_LISTENER: u64 = 1;
const FIRST_PARKED: u64 = 1 << 32;

/// How many connections are accepted before others are looked after.
const ACCEPTS: usize = 64;

/// How long nothing is accepted after the system had no room: long enough not to spin.
const PAUSE: Duration = Duration::from_millis(50);

const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 40\r\nConnection: close\r\n\r\n\
    the server has no thread or process left";

impl<S: HttpService> BlockingServer<S> {
    fn new(
        listeners: Vec<Listener>,
        service: S,
        settings: &ServerSettings,
        control: impl ControlSource,
        hooks: Hooks,
    ) -> io::Result<Self> {
        let activity = match &hooks.activity {
            Some(activity) => Arc::clone(activity),
            None => Arc::new(Activity::new()?),
        };
        let intake = Intake::new(listeners, Box::new(control), settings.model)?;
        let shared = Arc::new(Shared {
            service: Mutex::new(service),
            settings: Mutex::new(Arc::new(settings.connection.clone())),
            activity: Arc::clone(&activity),
            // The processes of two of the models see no other.
            draining: Draining::shared(Arc::clone(&activity)),
            slots_are_threads: matches!(
                settings.model,
                ConcurrencyModel::Sync | ConcurrencyModel::Threads
            ),
            served: AtomicU64::new(0),
            wear: settings.max_requests.map(|max_requests| Wear {
                max_requests,
                jitter: settings.max_requests_jitter,
            }),
        });
        Ok(Self {
            slots: make_slots(&intake, &shared, settings)?,
            intake,
            slot_count: slot_count(settings),
            shared,
            settings: settings.clone(),
            hooks,
            phase: Phase::Serving,
        })
    }

    fn run(&mut self) -> io::Result<()> {
        let mut tokens = Vec::new();
        while !self.is_over() {
            self.dispatch();
            self.listen_if_there_is_room()?;
            self.tell();
            self.intake.poller.wait(&mut tokens, self.deadline())?;
            for &token in &tokens {
                self.on_ready(token)?;
            }
            self.on_time()?;
        }
        self.finish();
        Ok(())
    }

    fn on_ready(&mut self, token: u64) -> io::Result<()> {
        match token {
            CONTROL => {
                while let Some(signal) = self.intake.control.next()? {
                    self.on_control(signal)?;
                }
            }
            FIRST_LISTENER..FIRST_PARKED => self.accept(token),
            FIRST_PARKED..FIRST_TOKEN => self.on_parked(token),
            _ => {
                let Self { intake, slots, .. } = self;
                slots.on_ready(token, &Private(&|| intake.descriptors()))?;
            }
        }
        Ok(())
    }

    /// Lets connections in until there are none, or others are to be looked after.
    fn accept(&mut self, token: u64) {
        let listener = usize::try_from(token - FIRST_LISTENER).ok();
        for _ in 0..ACCEPTS {
            let Some(listener) = listener.and_then(|index| self.intake.listeners.get(index)) else {
                return;
            };
            match listener.accept() {
                Ok(Some((socket, peer))) => {
                    let is_last = self.intake.spared.contains(&socket.as_raw_fd());
                    let activity = &self.shared.activity;
                    self.sort(Accepted::new(socket, peer, activity));
                    if is_last && !self.make_room() {
                        return self.pause();
                    }
                }
                Ok(None) => return,
                Err(error) if is_exhausted(&error) && self.make_room() => {}
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted for a moment");
                    return self.pause();
                }
            }
        }
    }

    /// Accepts nothing for a while.
    fn pause(&mut self) {
        self.intake.paused_until = Instant::now().checked_add(PAUSE);
    }

    /// Gives up the silent connection that is nearest to its time-out; false if none is silent.
    pub(super) fn make_room(&mut self) -> bool {
        loop {
            let parking = &mut self.intake.parking;
            let Some(oldest) = parking.first().and_then(|token| parking.take(token)) else {
                return false;
            };
            if self.look(&oldest) == Sign::Head {
                // It has sent its request meanwhile.
                self.intake.ready.push_back(oldest);
                continue;
            }
            self.shared.activity.connection_refused();
            oldest.close();
            return true;
        }
    }

    /// A parked connection has sent something, or more of something.
    fn on_parked(&mut self, token: u64) {
        let Some((connection, silence)) = self.intake.parking.get(token) else {
            return;
        };
        let is_worth_a_slot = match silence {
            Silence::Whole => true,
            // It stays where it is, and so does its deadline.
            Silence::Partial => self.look(connection) != Sign::Part,
        };
        if is_worth_a_slot && let Some(connection) = self.intake.parking.take(token) {
            self.sort(connection);
        }
    }

    fn look(&self, connection: &Accepted) -> Sign {
        look(connection.as_fd(), self.settings.connection.max_head_bytes)
    }

    /// A connection that has sent the head of a request becomes ready; others are parked.
    pub(super) fn sort(&mut self, connection: Accepted) {
        match self.look(&connection) {
            Sign::Head => self.intake.ready.push_back(connection),
            Sign::Gone => connection.close(),
            Sign::Part => self.park(connection, Silence::Partial),
            Sign::Nothing => self.park(connection, Silence::Whole),
        }
    }

    fn park(&mut self, connection: Accepted, silence: Silence) {
        let Some(until) = self.silent_until(&connection, silence) else {
            return connection.close();
        };
        let parked = self.intake.parking.park(connection, silence, until);
        if let Err(error) = parked {
            tracing::warn!(%error, "a connection cannot be watched and is closed");
        }
    }

    /// Closes what has been silent too long.
    fn close_overdue(&mut self, now: Instant) {
        let parking = &mut self.intake.parking;
        while parking.deadline().is_some_and(|until| until <= now)
            && let Some(token) = parking.first()
        {
            let is_partial =
                parking.get(token).map(|(_, silence)| silence) == Some(Silence::Partial);
            if let Some(connection) = parking.take(token) {
                if is_partial {
                    connection.send(TOO_SLOW);
                }
                connection.close();
            }
        }
    }

    /// Hands ready connections to slots.
    pub(super) fn dispatch(&mut self) {
        for ended in self.slots.take_ended() {
            self.on_ended(ended);
        }
        let Self { intake, slots, .. } = self;
        while !intake.ready.is_empty() && slots.has_room() {
            let Some(connection) = intake.ready.pop_front() else {
                return;
            };
            let activity = &self.shared.activity;
            // Who serves it looks at how many wait behind it.
            activity.set_waiting(intake.ready.len());
            if let Err(refused) = slots.start(connection, &Private(&|| intake.descriptors())) {
                tracing::error!(error = %refused.error, "a request cannot be started");
                refused.job.send(BUSY);
                refused.job.close();
            } else {
                activity.slot_started();
            }
        }
    }

    fn on_ended(&mut self, ended: Ended<Accepted>) {
        let was_at_work = matches!(ended, Ended::Idle(_) | Ended::Over(Some(_), _));
        if was_at_work && !self.shared.slots_are_threads {
            let was_killed = matches!(ended, Ended::Over(_, Some((_, Exit::Signal(_)))));
            self.shared.activity.slot_ended(was_killed);
        }
        match ended {
            Ended::Idle(mut connection) => {
                connection.was_served = true;
                self.sort(connection);
            }
            Ended::Over(connection, process) => {
                if let Some((pid, exit)) = process {
                    self.on_exit(pid, exit);
                }
                if let Some(connection) = connection {
                    connection.close();
                }
            }
            Ended::Quit(_) => {}
        }
    }

    fn on_exit(&self, pid: u32, exit: Exit) {
        self.shared.activity.forget_process(pid);
        match exit {
            Exit::Status(0 | 1) => {}
            Exit::Status(status) => tracing::warn!(pid, status, "a process exited in its work"),
            Exit::Signal(signal) => tracing::warn!(pid, signal, "a process was killed"),
        }
    }

    fn listen_if_there_is_room(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let intake = &mut self.intake;
        intake.paused_until = intake.paused_until.filter(|&until| until > now);
        let open = intake.parking.len() + intake.ready.len();
        let most = self.settings.max_connections.get();
        // Slots that are asked how busy they are tell when they are less: that has a price.
        let has_room = most == usize::MAX || (open < most && self.slots.busy() < most - open);
        intake.listen(intake.paused_until.is_none() && has_room)
    }

    fn tell(&self) {
        let activity = &self.shared.activity;
        activity.set_parked(self.intake.parking.len());
        activity.set_waiting(self.intake.ready.len());
    }

    fn deadline(&self) -> Option<Instant> {
        let deadlines = [
            self.intake.deadline(),
            self.phase.deadline(Instant::now()),
            self.slots.deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    fn on_time(&mut self) -> io::Result<()> {
        let now = Instant::now();
        self.close_overdue(now);
        let Self { intake, slots, .. } = self;
        if slots.deadline().is_some_and(|deadline| deadline <= now) {
            slots.on_time(&Private(&|| intake.descriptors()))?;
        }
        self.on_phase(now)
    }

    /// Adds a slot or takes one away, where their number is bounded.
    pub(super) fn resize(&mut self, change: impl FnOnce(usize) -> usize) -> io::Result<()> {
        match self.slot_count {
            Some(count) => {
                let count = NonZeroUsize::new(change(count.get()));
                self.set_slots(Some(count.unwrap_or(NonZeroUsize::MIN)))
            }
            None => Ok(()),
        }
    }

    /// So many slots, or as many as are asked for.
    pub(super) fn set_slots(&mut self, count: Option<NonZeroUsize>) -> io::Result<()> {
        self.slot_count = count;
        let count = count.map_or(usize::MAX, NonZeroUsize::get);
        let Self { intake, slots, .. } = self;
        slots.resize(count, &Private(&|| intake.descriptors()))
    }
}

pub(super) fn slot_count(settings: &ServerSettings) -> Option<NonZeroUsize> {
    match settings.model {
        ConcurrencyModel::Sync | ConcurrencyModel::Scheduled => None,
        ConcurrencyModel::Threads => settings.max_threads,
        ConcurrencyModel::Forks => Some(settings.max_children),
        ConcurrencyModel::Prefork => Some(settings.workers),
    }
}

fn make_slots<S: HttpService>(
    intake: &Intake,
    shared: &Arc<Shared<S>>,
    settings: &ServerSettings,
) -> io::Result<Box<dyn Slots<Accepted>>> {
    let theirs = Arc::clone(shared);
    let work: Work<Accepted> = Arc::new(move |accepted| connection::serve(&theirs, accepted));
    let poller = &intake.poller;
    Ok(match settings.model {
        ConcurrencyModel::Sync => Box::new(Threads::one(work, poller)?),
        ConcurrencyModel::Threads => {
            Box::new(Threads::one_each(work, settings.max_threads, poller)?)
        }
        ConcurrencyModel::Forks => {
            let keep = Keep::Jobs;
            Box::new(Forks::new(work, settings.max_children, keep, poller))
        }
        ConcurrencyModel::Prefork => {
            let theirs = Arc::clone(shared);
            let plan = WorkerPlan {
                work,
                is_worn_out: Arc::new(move || theirs.is_worn_out()),
            };
            let private = || intake.descriptors();
            let private = Private(&private);
            Box::new(Prefork::new(plan, settings.workers, poller, &private)?)
        }
        ConcurrencyModel::Scheduled => {
            return Err(io::Error::other("the model `scheduled` does not block"));
        }
    })
}
