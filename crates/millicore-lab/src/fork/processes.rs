//! Doubling by fork(2): a tree of processes that ends as a whole.
//!
//! 1. A process waits for its own children before it ends: none is left as a zombie, and a parent
//!    outlives its children, unless it is killed.
//! 2. A process whose parent dies is killed by the kernel. It asks for that first of all, and then
//!    looks whether the parent it should have is still there: that closes the time before it asked.
//! 3. So whoever is killed takes down everybody below, and what is above learns of it: its parent,
//!    which waits, tells. All ends of the pipe are closed then, and who listens reads its end.

use crate::fork::event::What;
use crate::fork::member::{Failed, Member, Shared};
use millicore_server::process::{Child, Exit, ForkError, fork};
use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};

/// It and all below it have done what they should.
const DONE: i32 = 0;
/// It or one below it has told what went wrong.
const TOLD: i32 = 4;

/// Forks the first process. `in_child` runs there before anything else.
pub(crate) fn start(shared: &Shared, in_child: impl FnOnce()) -> Result<Child, ForkError> {
    let parent = getpid();
    fork(|| {
        in_child();
        begin(shared, 0, parent)
    })
}

/// What went wrong, unless all is well or it was told already.
pub(crate) fn untold(exit: Exit) -> Option<String> {
    match exit {
        Exit::Status(DONE | TOLD) => None,
        Exit::Status(status) => Some(format!("exited with status {status}")),
        Exit::Signal(signal) => Some(format!("was killed by signal {signal}")),
    }
}

fn begin(shared: &Shared, round: u32, parent: Pid) -> i32 {
    let has_asked = set_parent_process_death_signal(Some(Signal::KILL)).is_ok();
    if !has_asked || getppid() != Some(parent) {
        return TOLD;
    }
    let member = Member {
        shared,
        id: getpid().as_raw_nonzero().get(),
        parent: parent.as_raw_nonzero().get(),
    };
    if round == 0 && member.keep_to_cores().is_err() {
        return TOLD;
    }
    match live(member, round) {
        Ok(()) => DONE,
        Err(Failed) => TOLD,
    }
}

fn live(member: Member<'_>, first_round: u32) -> Result<(), Failed> {
    let mut children = Vec::new();
    let own = member.live(first_round, |round| {
        let this = getpid();
        let child = fork(|| begin(member.shared, round, this))?;
        let id = child.pid().as_raw_nonzero().get();
        children.push(child);
        Ok::<_, ForkError>(Some(id))
    });
    let all: Vec<Result<(), Failed>> = children
        .iter_mut()
        .map(|child| wait_for(member, child))
        .collect();
    all.into_iter().fold(own, Result::and)
}

fn wait_for(member: Member<'_>, child: &mut Child) -> Result<(), Failed> {
    let id = child.pid().as_raw_nonzero();
    let last_round = member.shared.plan.rounds;
    match child.wait() {
        Ok(Exit::Status(DONE)) => Ok(()),
        Ok(exit) => {
            let Some(end) = untold(exit) else {
                return Err(Failed);
            };
            let reason = format!("process {id} {end}");
            member.tell(last_round, What::Failed { reason })?;
            Err(Failed)
        }
        Err(error) => {
            Err(member.fail(last_round, format!("cannot wait for process {id}: {error}")))
        }
    }
}
