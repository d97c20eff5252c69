//! The run: requests out, answers in, until the plan is done or it is stopped.

use crate::load::failure::Malformed;
use crate::load::generator::{GeneratorUse, Watch};
use crate::load::latency::Latencies;
use crate::load::plan::{Arrivals, Order, Plan, Protocol};
use crate::load::recorder::{Recorder, Row, Sample};
use crate::load::schedule::{Schedule, Ticket};
use crate::load::target::{Addresses, LookupError, Mix};
use crate::load::{http1, http2};
use crate::stop::Stop;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::time::{Duration, Instant, SystemTime};

/// Puts the load on the server, from the calling thread.
///
/// `watch` hears of the progress about ten times a second. When the run is stopped, no further
/// request starts and those under way are given up; what was done until then is the outcome.
///
/// # Errors
///
/// Says which name cannot be looked up, or what the operating system refused. A request that fails
/// is not an error but part of the outcome.
pub fn run(plan: &Plan, stop: &Stop, watch: &mut dyn FnMut(Progress)) -> Result<Outcome, RunError> {
    let timeout = Duration::from_nanos(plan.timeout_ns);
    let addresses = Addresses::look_up(&plan.targets, timeout)?;
    let generator = Watch::begin();
    let mut session = Session::new(plan, stop, watch);
    match plan.protocol {
        Protocol::Http1 => http1::run(&mut session, &addresses)?,
        Protocol::Http2 => http2::run(&mut session, &addresses)?,
    }
    Ok(session.into_outcome(generator.read()))
}

/// What both versions of HTTP have in common while a run goes on.
pub(super) struct Session<'a> {
    pub(super) plan: &'a Plan,
    pub(super) clock: Clock,
    schedule: Schedule,
    mix: Mix,
    recorder: Recorder,
    /// Tickets handed out whose requests have not ended.
    in_flight: usize,
    /// In closed loop: until when those rest that had no connection for their last request.
    resting_until_ns: VecDeque<u64>,
    pub(super) connections_opened: u64,
    pub(super) resent: u64,
    stop: &'a Stop,
    was_stopped: bool,
    watch: &'a mut dyn FnMut(Progress),
    next_look_ns: u64,
}

/// How often the progress is told, and a stop noticed.
pub(super) const LOOK_EVERY_NS: u64 = 100_000_000;

/// How long a closed loop waits where it could not connect: an attempt can fail at once, and all
/// that could be learnt from more of them is how fast this machine is at that.
const REST_NS: u64 = 10_000_000;

impl<'a> Session<'a> {
    fn new(plan: &'a Plan, stop: &'a Stop, watch: &'a mut dyn FnMut(Progress)) -> Self {
        Self {
            plan,
            clock: Clock::start(),
            schedule: Schedule::new(&plan.arrivals, &plan.extent),
            mix: Mix::new(&plan.targets),
            recorder: Recorder::new(plan.most_rows),
            in_flight: 0,
            resting_until_ns: VecDeque::new(),
            connections_opened: 0,
            resent: 0,
            stop,
            was_stopped: false,
            watch,
            next_look_ns: 0,
        }
    }

    /// The next request that is due and its target, if there is room for it.
    pub(super) fn due(&mut self, now_ns: u64) -> Option<(Ticket, usize)> {
        let has_room = match self.plan.arrivals {
            Arrivals::Closed { connections } => {
                let resting = &mut self.resting_until_ns;
                while resting.pop_front_if(|it| *it <= now_ns).is_some() {}
                self.in_flight + resting.len() < connections
            }
            Arrivals::AtOnce { .. } | Arrivals::Constant { .. } | Arrivals::Poisson { .. } => true,
        };
        if !has_room || self.was_stopped {
            return None;
        }
        let ticket = self.schedule.due(now_ns)?;
        self.in_flight += 1;
        Some((ticket, self.mix.choose()))
    }

    pub(super) fn record(&mut self, sample: Sample) {
        self.in_flight -= 1;
        let is_closed = matches!(self.plan.arrivals, Arrivals::Closed { .. });
        if is_closed && sample.sent_ns.is_none() {
            self.resting_until_ns
                .push_back(sample.ended_ns.saturating_add(REST_NS));
        }
        self.recorder.record(sample);
    }

    /// Whether nothing is under way and nothing is to come.
    pub(super) fn is_done(&self, now_ns: u64) -> bool {
        self.in_flight == 0 && self.schedule.is_over(now_ns)
    }

    /// Tells the progress if it is time; true if the run is to be stopped.
    pub(super) fn look(&mut self, now_ns: u64) -> bool {
        if now_ns >= self.next_look_ns {
            self.next_look_ns = now_ns + LOOK_EVERY_NS;
            (self.watch)(Progress {
                asked: self.plan.extent.requests,
                duration_ns: self.plan.extent.duration_ns,
                started: self.schedule.issued(),
                ended: self.recorder.ended(),
                ok: self.recorder.ok,
                elapsed_ns: now_ns,
            });
            self.was_stopped |= self.stop.is_asked_for();
        }
        self.was_stopped
    }

    /// From now on, this moment is 0.
    pub(super) fn restart(&mut self) {
        self.clock = Clock::start();
        self.next_look_ns = 0;
    }

    /// When something has to be done even if nothing happens.
    pub(super) fn wake_at(&self) -> WakeAt {
        match self.schedule.next_ns() {
            Some(start_ns) if !self.was_stopped && start_ns < self.next_look_ns => {
                WakeAt::Start(start_ns)
            }
            _ => {
                let rested_ns = self.resting_until_ns.front().copied();
                WakeAt::Look(self.next_look_ns.min(rested_ns.unwrap_or(u64::MAX)))
            }
        }
    }

    fn into_outcome(self, generator: GeneratorUse) -> Outcome {
        let recorder = self.recorder;
        let is_burst = matches!(self.plan.arrivals, Arrivals::AtOnce { .. });
        let spread = || recorder.last_sent_ns.checked_sub(recorder.first_sent_ns);
        let mut rows = recorder.rows;
        if self.plan.order == Order::Sent {
            rows.sort_unstable_by_key(|row| row.index);
        }
        Outcome {
            asked: match (self.plan.extent.requests, self.was_stopped) {
                (Some(requests), _) if self.plan.extent.duration_ns.is_none() => requests,
                _ => self.schedule.issued(),
            },
            sent: recorder.sent,
            ok: recorder.ok,
            failed: recorder.failed,
            began: self.clock.began_on_the_wall,
            wall_ns: recorder.last_ended_ns,
            spread_ns: is_burst.then(spread).flatten(),
            latency: recorder.latency,
            latency_from_send: recorder.latency_from_send,
            lateness: recorder.lateness,
            body_bytes: recorder.body_bytes,
            first_malformed: recorder.first_malformed,
            rows,
            rows_left_out: recorder.rows_left_out,
            connections_opened: self.connections_opened,
            resent: self.resent,
            was_stopped: self.was_stopped,
            generator,
        }
    }
}

/// What a run waits for when nothing happens, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WakeAt {
    /// A request is due, and every microsecond late is one of latency.
    Start(u64),
    /// A look whether to go on.
    Look(u64),
}

/// The time since the run began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    began: Instant,
    began_on_the_wall: SystemTime,
}

impl Clock {
    fn start() -> Self {
        Self {
            began: Instant::now(),
            began_on_the_wall: SystemTime::now(),
        }
    }

    pub(super) fn now_ns(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many requests there will be, if that is known.
    pub asked: Option<u64>,
    /// How long requests start, if that is known.
    pub duration_ns: Option<u64>,
    /// How many have started.
    pub started: u64,
    /// How many have ended.
    pub ended: u64,
    /// How many of those were answered with 2xx or 3xx.
    pub ok: u64,
    /// How long it has been going on.
    pub elapsed_ns: u64,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// How many requests there should have been: those of the plan, or as many as fitted into its
    /// duration.
    pub asked: u64,
    /// How many left.
    pub sent: u64,
    /// How many were answered with 2xx or 3xx.
    pub ok: u64,
    /// How many were not, by kind.
    pub failed: BTreeMap<String, u64>,
    /// The moment from which all times count, by the clock on the wall.
    pub began: SystemTime,
    /// From the start to the end of the last request, in nanoseconds.
    pub wall_ns: u64,
    /// From the first to the last departure of a burst, in nanoseconds.
    pub spread_ns: Option<u64>,
    /// From the intended start to the end.
    pub latency: Latencies,
    /// From the actual departure to the end.
    pub latency_from_send: Latencies,
    /// From the intended start until the generator turned to the request.
    pub lateness: Latencies,
    /// How many bytes the bodies of all answers had.
    pub body_bytes: u64,
    /// What was wrong with the first malformed answer.
    pub first_malformed: Option<Malformed>,
    /// A row for each request, in the order of the plan; none if there are too many.
    pub rows: Vec<Row>,
    /// How many requests have no row.
    pub rows_left_out: u64,
    /// How many connections were opened.
    pub connections_opened: u64,
    /// How many requests were sent again, because the server had closed a connection that was kept.
    pub resent: u64,
    /// Whether the run was stopped before its end.
    pub was_stopped: bool,
    /// What the generator did.
    pub generator: GeneratorUse,
}

impl Outcome {
    /// How many requests failed.
    #[must_use]
    pub fn failed_count(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Answers with 2xx or 3xx in each second of the run.
    #[must_use]
    pub fn rate_per_s(&self) -> f64 {
        self.ok as f64 * 1e9 / self.wall_ns.max(1) as f64
    }

    /// Whether the server said anything at all.
    #[must_use]
    pub fn has_answers(&self) -> bool {
        self.ok > 0 || self.failed.keys().any(|kind| kind.starts_with("status "))
    }
}

/// What a run failed by.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A name that cannot be looked up.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The operating system refused what the generator itself needs.
    #[error("the generator could not be set up: {0}")]
    System(#[from] io::Error),
}
