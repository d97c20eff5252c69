//! `millicore lab divide` inside of a place: what it measures is told to the lab that has started it.

use crate::failure::Failure;
use crate::lab::divide::failed;
use crate::lab::output;
use millicore_lab::divide::{Message, Plan, Progress, Work, run as run_plan};
use millicore_lab::stop::Stop;
use std::thread;
use std::time::{Duration, Instant};

pub(super) fn run(plan: &Plan, stop: &Stop) -> Result<(), Failure> {
    let Some(work) = Work::calibrate(plan, stop).map_err(failed)? else {
        return Err(Failure::Interrupted);
    };
    tell(&Message::Calibrated)?;
    let mut told = None;
    let mut watch = |progress: Progress| {
        // Once for each round: telling takes CPU time of what is measured.
        if told.replace(progress.rounds_done) == Some(progress.rounds_done) {
            return;
        }
        let mut policies = plan.policies.iter();
        let policy = policies.position(|it| *it == progress.policy);
        // Who does not hear of a round still hears of the end, or of its failure.
        let _ = tell(&Message::Round {
            rounds_done: progress.rounds_done,
            policy: policy.unwrap_or(0),
            repeat: progress.repeat,
        });
    };
    let outcome = run_plan(plan, &work, stop, &mut watch).map_err(failed)?;
    tell(&Message::done(&outcome))?;
    stay(stop);
    Ok(())
}

/// Stays until the lab has read what was counted here, and says so: the group of a container goes
/// with its program. A lab that has ended meanwhile says nothing.
fn stay(stop: &Stop) {
    const AT_MOST: Duration = Duration::from_secs(10);
    const LOOK_EVERY: Duration = Duration::from_millis(5);
    let told = Instant::now();
    while !stop.is_asked_for() && told.elapsed() < AT_MOST {
        thread::sleep(LOOK_EVERY);
    }
}

fn tell(message: &Message) -> Result<(), Failure> {
    output::print(&(message.to_line().map_err(failed)? + "\n"))
}
