//! Many groups at once: an engine works on several containers meanwhile.

use crate::place::PlaceKind;
use crate::saturate::group::{Group, GroupError};
use crate::saturate::occupant::Occupant;
use crate::stop::Stop;
use millicore_quota::Place;
use std::thread;

/// More would only wait for the engine.
const AT_ONCE: usize = 8;

/// Starts so many, and waits until all of them are ready; nothing if there was to
/// be a stop before. What was started is gone after an error or a stop.
pub(super) fn start(
    place: &dyn Place,
    inside: Option<&str>,
    occupant: &Occupant,
    count: usize,
    stop: &Stop,
) -> Result<Option<Vec<Group>>, GroupError> {
    let start = || Group::start(place, inside, occupant);
    let mut groups = match occupant.place {
        PlaceKind::Docker => started_at_once(&start, count, stop)?,
        // They end with the thread that starts them.
        PlaceKind::Process | PlaceKind::Cgroup => (0..count)
            .take_while(|_| !stop.is_asked_for())
            .map(|_| start())
            .collect::<Result<_, _>>()?,
    };
    for group in &mut groups {
        if !group.become_ready(stop)? {
            return Ok(None);
        }
    }
    Ok((groups.len() == count).then_some(groups))
}

fn started_at_once(
    start: &(dyn Fn() -> Result<Group, GroupError> + Sync),
    count: usize,
    stop: &Stop,
) -> Result<Vec<Group>, GroupError> {
    let some = |first: usize| -> Result<Vec<Group>, GroupError> {
        let numbers = (first..count).step_by(AT_ONCE);
        let numbers = numbers.take_while(|_| !stop.is_asked_for());
        numbers.map(|_| start()).collect()
    };
    at_once((0..AT_ONCE).collect(), &some)
}

/// Removes all of them; the first error is told once all others are gone.
pub(super) fn remove(groups: Vec<Group>, kind: PlaceKind) -> Result<(), GroupError> {
    let all = |groups: Vec<Group>| -> Result<Vec<()>, GroupError> {
        let ends: Vec<Result<(), GroupError>> = groups.into_iter().map(Group::remove).collect();
        ends.into_iter().collect()
    };
    if kind != PlaceKind::Docker {
        return all(groups).map(|_| ());
    }
    let mut shares: Vec<Vec<Group>> = (0..AT_ONCE).map(|_| Vec::new()).collect();
    for (number, group) in groups.into_iter().enumerate() {
        shares[number % AT_ONCE].push(group);
    }
    at_once(shares, &all).map(|_| ())
}

/// Does it to all of them on a thread each.
fn at_once<T: Send, R: Send>(
    all: Vec<T>,
    does: &(dyn Fn(T) -> Result<Vec<R>, GroupError> + Sync),
) -> Result<Vec<R>, GroupError> {
    thread::scope(|scope| {
        let threads: Vec<_> = all
            .into_iter()
            .map(|one| scope.spawn(move || does(one)))
            .collect();
        let ends: Vec<Result<Vec<R>, GroupError>> = threads
            .into_iter()
            .map(|thread| match thread.join() {
                Ok(end) => end,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect();
        let done: Result<Vec<Vec<R>>, GroupError> = ends.into_iter().collect();
        Ok(done?.into_iter().flatten().collect())
    })
}
