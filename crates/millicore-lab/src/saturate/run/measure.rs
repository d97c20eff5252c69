//! One window over all groups of a case: from the setting of the limits to what came of it.

use crate::burn::monotonic_ns;
use crate::load;
use crate::saturate::case::{Case, Workload};
use crate::saturate::client;
use crate::saturate::group::{Group, GroupError};
use crate::saturate::run::GroupResult;
use crate::saturate::window::{Meanwhile, wait_out};
use crate::stop::Stop;
use millicore_quota::{Bandwidth, Counters, Enclosure};
use std::thread;
use std::time::Duration;

/// Below this limit a burner that has ended would need seconds to tell.
const WIDENED_BELOW_M: u32 = 50;
/// All are told to begin so long before they do, and so much longer for each: by then the last has
/// heard it.
const NOTICE_NS: u64 = 300_000_000;
const NOTICE_FOR_EACH_NS: u64 = 3_000_000;

/// Each group, the group around them, and the machine.
pub(super) type Measured = (Vec<GroupResult>, Option<Counters>, Meanwhile);

/// Of all groups, and of the one around them.
type Counted = (Vec<Counters>, Option<Counters>);
/// What was counted during the window, if it came to its end.
type Watched = Option<(Counted, Meanwhile)>;

/// Measures groups that are ready; nothing if there was to be a stop before the end.
pub(super) fn measure(
    case: &Case,
    groups: &mut [Group],
    parent: Option<&dyn Enclosure>,
    stop: &Stop,
) -> Result<Option<Measured>, GroupError> {
    for group in &mut *groups {
        group.limit_to(Some(Bandwidth::of(case.limit)))?;
    }
    let start_ns = monotonic_ns() + NOTICE_NS + NOTICE_FOR_EACH_NS * groups.len() as u64;
    let (watched, outcomes) = with_clients(case, groups, start_ns, |groups| {
        watch(case, groups, parent, (start_ns, stop))
    });
    let Some(((counters, parent), meanwhile)) = watched? else {
        return Ok(None);
    };
    if case.limit.get() < WIDENED_BELOW_M {
        for group in &mut *groups {
            // One that has ended has told already, or is missed below.
            let _ = group.limit_to(None);
        }
    }
    let mut outcomes = outcomes.into_iter();
    let mut results = Vec::with_capacity(groups.len());
    for (group, counters) in groups.iter_mut().zip(counters) {
        let burnt = match (case.workload, outcomes.next()) {
            (Workload::Serve, Some(outcome)) => Some(client::served(case, &outcome?, &counters)?),
            _ => group.answer(Duration::ZERO, stop)?,
        };
        let Some(burnt) = burnt else {
            return Ok(None);
        };
        results.push(GroupResult { burnt, counters });
    }
    Ok(Some((results, parent, meanwhile)))
}

type Asked = Result<load::Outcome, GroupError>;

/// Does that while clients ask the servers, if the groups have some.
fn with_clients<R>(
    case: &Case,
    groups: &mut [Group],
    start_ns: u64,
    does: impl FnOnce(&mut [Group]) -> R,
) -> (R, Vec<Asked>) {
    let over = Stop::default();
    thread::scope(|scope| {
        let servers: Vec<_> = groups.iter().filter_map(Group::server).collect();
        let over = &over;
        let clients: Vec<_> = servers
            .into_iter()
            .map(|server| scope.spawn(move || client::ask(case, server, start_ns, over)))
            .collect();
        let done = does(groups);
        over.ask();
        let asked = clients.into_iter().map(|client| match client.join() {
            Ok(asked) => asked,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        (done, asked.collect())
    })
}

/// What was counted from the beginning to the end.
fn watch(
    case: &Case,
    groups: &mut [Group],
    parent: Option<&dyn Enclosure>,
    (start_ns, stop): (u64, &Stop),
) -> Result<Watched, GroupError> {
    for group in &mut *groups {
        group.begin_at(start_ns)?;
    }
    let before = counted(groups, parent)?;
    let Some(meanwhile) = wait_out(start_ns, start_ns + case.window_ns, stop) else {
        return Ok(None);
    };
    let after = counted(groups, parent)?;
    let each = after.0.iter().zip(before.0);
    let each = each.map(|(after, before)| after.since(before)).collect();
    let around = after.1.zip(before.1);
    let around = around.map(|(after, before)| after.since(before));
    Ok(Some(((each, around), meanwhile)))
}

fn counted(groups: &[Group], parent: Option<&dyn Enclosure>) -> Result<Counted, GroupError> {
    let of_groups: Result<Vec<Counters>, GroupError> = groups.iter().map(Group::counters).collect();
    let of_parent = parent.map(Enclosure::counters).transpose()?;
    Ok((of_groups?, of_parent.flatten()))
}
