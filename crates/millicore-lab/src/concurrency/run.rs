//! The run: one server after the other is started, asked everything at once, and stopped.

use crate::concurrency::answer::{AnswerError, Response, responses};
use crate::concurrency::contender::{Contender, Part};
use crate::concurrency::ground::Ground;
use crate::concurrency::plan::Plan;
use crate::concurrency::server::{Server, ServerError};
use crate::concurrency::theory::last_ns;
use crate::load;
use crate::machine::{Watch, Watched};
use crate::place::PlaceRecord;
use crate::stop::Stop;
use millicore_quota::PlaceError;
use std::path::Path;

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Every burst that was answered, by time.
    pub rounds: Vec<Round>,
    /// What the machine did meanwhile.
    pub watched: Watched,
    /// Whether the run was stopped before its end.
    pub was_stopped: bool,
}

/// One burst, and what one contender answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// What was asked for.
    pub part: Part,
    /// Who was asked.
    pub contender: Contender,
    /// Which time, from 1.
    pub repeat: usize,
    /// The responses, in the order of the plan.
    pub responses: Vec<Response>,
    /// From the first to the last departure, in nanoseconds.
    pub spread_ns: u64,
    /// How long whoever sent the requests waited for a core, in nanoseconds; nothing where the
    /// kernel does not count it.
    pub sender_waited_ns: Option<u64>,
    /// The place of its server, and what was counted there from its first request to its last response;
    /// nothing if it was beside the lab.
    pub place: Option<PlaceRecord>,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// How many bursts are done.
    pub rounds_done: usize,
    /// What is asked for now.
    pub part: Part,
    /// Who is asked now.
    pub contender: Contender,
    /// Which time, from 1.
    pub repeat: usize,
    /// The process of its server, which listens, if it has a number here.
    pub pid: Option<i32>,
}

/// What a run failed by.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The servers' place cannot be used.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A burst.
    #[error("{}, {contender}: {source}", part.kind.name())]
    Burst {
        /// What was asked for.
        part: Part,
        /// Who was asked.
        contender: Contender,
        /// What became of it.
        source: BurstError,
    },
}

/// What a burst failed by.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct BurstError(Box<RoundError>);

#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Plan(#[from] load::PlanError),
    #[error(transparent)]
    Load(#[from] load::RunError),
    #[error(transparent)]
    Answer(#[from] AnswerError),
}

/// Runs the plan against `program`, which is the command that `serve` is a part of. Call it from a
/// thread that lasts as long as the run: the servers end with the thread that started them.
///
/// Contenders take turns, so that whatever changes on the machine changes for all of them. When the
/// run is stopped, what was done until then is the outcome. No server is left behind, whatever
/// ends the run.
///
/// # Errors
///
/// Says which contender could not be started, asked or stopped, and why.
pub fn run(
    plan: &Plan,
    program: &Path,
    stop: &Stop,
    watch: &mut dyn FnMut(Progress),
) -> Result<Outcome, RunError> {
    let ground = Ground::find(plan.site)?;
    let machine = Watch::begin();
    let mut rounds = Vec::with_capacity(plan.rounds());
    let mut was_stopped = false;
    'all: for &part in &plan.parts {
        for repeat in 1..=plan.repeats {
            for contender in plan.contenders(part.kind) {
                let rounds_done = rounds.len();
                let mut listens = |pid| {
                    watch(Progress {
                        rounds_done,
                        part,
                        contender,
                        repeat,
                        pid,
                    });
                };
                let asked = (part, contender);
                let burst = burst(plan, (program, &ground), asked, stop, &mut listens);
                let burst = burst.map_err(|source| RunError::Burst {
                    part,
                    contender,
                    source: BurstError(Box::new(source)),
                })?;
                let Some(burst) = burst else {
                    was_stopped = true;
                    break 'all;
                };
                rounds.push(Round { repeat, ..burst });
            }
        }
    }
    Ok(Outcome {
        rounds,
        watched: machine.end(),
        was_stopped,
    })
}

/// Starts a contender, asks it, and stops it; nothing if it was to stop before the last answer.
fn burst(
    plan: &Plan,
    (program, ground): (&Path, &Ground),
    (part, contender): (Part, Contender),
    stop: &Stop,
    listens: &mut dyn FnMut(Option<i32>),
) -> Result<Option<Round>, RoundError> {
    if stop.is_asked_for() {
        return Ok(None);
    }
    let cores = plan.cores.get();
    let mut plot = ground.open()?;
    let where_from = (program, &mut plot);
    let Some(server) = Server::start(where_from, &contender, plan.requests, cores, stop)? else {
        return Ok(None);
    };
    let counting = plot.count()?;
    listens(server.pid());
    let url = format!("{}{}", server.url, part.path());
    let load = load::Plan {
        order: plan.order,
        timeout_ns: patience_ns(plan, part, contender),
        ..load::Plan::at_once(&url, plan.requests)?
    };
    let outcome = load::run(&load, stop, &mut |_| ())?;
    if outcome.was_stopped {
        return Ok(None);
    }
    let responses = responses(&outcome.rows, outcome.began)?;
    // A container's group goes with its program, and with it what was counted.
    let place = plot.counted(counting)?;
    server.stop()?;
    plot.remove()?;
    Ok(Some(Round {
        part,
        contender,
        repeat: 0,
        responses,
        spread_ns: outcome.spread_ns.unwrap_or(0),
        sender_waited_ns: outcome.generator.waited_for_core_ns,
        place,
    }))
}

/// Longer than a machine takes that is so busy that nothing can be learnt from it.
fn patience_ns(plan: &Plan, part: Part, contender: Contender) -> u64 {
    const AT_LEAST_NS: u64 = 30_000_000_000;
    last_ns(plan, part, contender)
        .saturating_mul(10)
        .saturating_add(AT_LEAST_NS)
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::concurrency::{Plan, Wishes};
    use crate::stop::Stop;
    use millicore_quota::ProcessLimit;

    /// Instead of a server, this program is started.
    fn outcome(program: &str, stop: &Stop) -> Result<bool, String> {
        let plan = Plan::new(&Wishes::default(), &ProcessLimit::read()).unwrap();
        let outcome = run(&plan, program.as_ref(), stop, &mut |_| ());
        let outcome = outcome.map_err(|error| error.to_string())?;
        Ok(outcome.was_stopped && outcome.rounds.is_empty())
    }

    #[test]
    fn what_is_no_server_is_an_error() {
        let missing = outcome("/nowhere/millicore", &Stop::default()).unwrap_err();
        let expected = "sleep, sync: /nowhere/millicore cannot be started: ";
        assert!(missing.starts_with(expected), "{missing}");
        let other = outcome("/bin/sh", &Stop::default()).unwrap_err();
        let expected = "sleep, sync: the server ended before it listened (exit status: ";
        assert!(
            other.starts_with(expected) && other.contains("serve"),
            "{other}"
        );
    }

    #[test]
    fn who_stops_before_the_first_server_starts_none() {
        let stop = Stop::default();
        stop.ask();
        assert_eq!(outcome("/nowhere/millicore", &stop), Ok(true));
    }
}
