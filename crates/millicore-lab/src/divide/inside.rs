//! A run inside of a place: this program again, with the place's limit around it.

use crate::divide::message::{Message, Results};
use crate::divide::plan::Plan;
use crate::divide::run::{Outcome, Progress};
use crate::machine::{Watch, Watched};
use crate::place::{Counting, Line, Listened, PlaceRecord};
use crate::stop::Stop;
use millicore_quota::{Capabilities, Enclosure, PlaceError, Program};
use std::path::Path;
use std::process::ExitStatus;

/// Why a run inside of a place has no outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InsideError {
    /// The place refused something.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The program inside ended before it was done.
    #[error("what runs in {enclosure} ended before it was done ({}): {said}", how(*status))]
    Ended {
        /// Where.
        enclosure: String,
        /// How it ended; nothing if it did not.
        status: Option<ExitStatus>,
        /// What it wrote to standard error.
        said: String,
    },
    /// It said something else.
    #[error("what runs in {enclosure} said {line:?}, which is not understood: {source}")]
    NotUnderstood {
        /// Where.
        enclosure: String,
        /// What it said.
        line: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

fn how(status: Option<ExitStatus>) -> String {
    status.map_or_else(|| "it still runs".to_owned(), |status| status.to_string())
}

/// Runs the plan in its place by starting `program`, which is the command that `lab divide` is a
/// part of, with [`Plan::arguments`] and `--tell`; nothing if it was stopped before its first round.
/// Call it from a thread that lasts as long as the run: what runs in a group ends with the thread
/// that started it.
///
/// The counters are those of the rounds: from the moment at which the cores were calibrated.
///
/// # Errors
///
/// Says why the place cannot be used, or what became of the program. Nothing is left behind.
pub fn run_inside(
    plan: &Plan,
    program: &Path,
    stop: &Stop,
    watch: &mut dyn FnMut(Progress),
) -> Result<Option<Outcome>, InsideError> {
    let place = plan.site.find()?;
    let mut enclosure = plan.site.open(&*place, "divide")?;
    let arguments = ["lab", "divide", "--tell"].map(str::to_owned).into_iter();
    let program = Program {
        executable: program.to_owned(),
        arguments: arguments.chain(plan.arguments()).map(Into::into).collect(),
        environment: Vec::new(),
    };
    let mut inside = Listened::start(&mut *enclosure, &program)?;
    let capabilities = place.capabilities();
    let heard = hear(plan, &mut inside, &*enclosure, &capabilities, stop, watch)?;
    if heard.is_none() && stop.is_asked_for() {
        // It may not listen to a signal yet, and has nothing to say: it is ended, not waited for.
        drop(inside);
        enclosure.remove()?;
        return Ok(None);
    }
    let (status, said) = inside.end()?;
    let outcome = match heard {
        Some((results, place, watched)) => Some(Outcome {
            repeats: results.repeats(),
            was_stopped: results.was_stopped,
            work: results.work,
            watched,
            place,
        }),
        None => {
            return Err(InsideError::Ended {
                enclosure: enclosure.name().to_owned(),
                status,
                said,
            });
        }
    };
    enclosure.remove()?;
    Ok(outcome)
}

type Heard = (Results, PlaceRecord, Watched);

/// Listens to the end of the output; nothing if it was not told what was measured.
fn hear(
    plan: &Plan,
    inside: &mut Listened,
    enclosure: &dyn Enclosure,
    capabilities: &Capabilities,
    stop: &Stop,
    watch: &mut dyn FnMut(Progress),
) -> Result<Option<Heard>, InsideError> {
    let (mut begun, mut done, mut progress) = (None, None, None);
    loop {
        let line = match inside.next(stop)? {
            Line::Said(line) => line,
            Line::Nothing if begun.is_none() && done.is_none() && stop.is_asked_for() => {
                return Ok(None);
            }
            Line::Nothing => {
                progress.into_iter().for_each(&mut *watch);
                continue;
            }
            Line::End => return Ok(done),
        };
        let message = serde_json::from_str(&line).map_err(|source| InsideError::NotUnderstood {
            enclosure: enclosure.name().to_owned(),
            line: line.chars().take(60).collect(),
            source,
        })?;
        match message {
            Message::Calibrated => {
                let counting = Counting::begin(plan.site, capabilities.clone(), enclosure)?;
                begun = Some((counting, Watch::begin()));
            }
            Message::Round {
                rounds_done,
                policy,
                repeat,
            } => {
                let policy = plan.policies.get(policy);
                progress = policy.map(|&policy| Progress {
                    rounds_done,
                    policy,
                    repeat,
                });
                progress.into_iter().for_each(&mut *watch);
            }
            Message::Done(results) => {
                if let Some((counting, watching)) = begun.take() {
                    let watched = watching.end();
                    // Read while the program is still there: a container's group goes with it.
                    done = Some((results, counting.end(enclosure)?, watched));
                }
                inside.ask_to_stop()?;
            }
        }
    }
}
