//! Doubling by threads of this process, for comparison with processes.

use crate::fork::member::{Failed, Member, Shared};
use rustix::thread::gettid;
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

/// A thread that ends when all that it has started have ended.
pub(crate) type Handle = JoinHandle<Result<(), Failed>>;

/// Starts the first thread.
pub(crate) fn start(shared: Shared) -> io::Result<Handle> {
    let parent = gettid().as_raw_nonzero().get();
    spawn(Arc::new(shared), 0, parent)
}

fn spawn(shared: Arc<Shared>, round: u32, parent: i32) -> io::Result<Handle> {
    let name = format!("round {round}");
    Builder::new()
        .name(name)
        .spawn(move || live(&shared, round, parent))
}

fn live(shared: &Arc<Shared>, first_round: u32, parent: i32) -> Result<(), Failed> {
    let member = Member {
        shared,
        id: gettid().as_raw_nonzero().get(),
        parent,
    };
    if first_round == 0 {
        member.keep_to_cores()?;
    }
    let mut handles = Vec::new();
    let own = member.live(first_round, |round| {
        handles.push(spawn(Arc::clone(shared), round, member.id)?);
        Ok::<_, io::Error>(None)
    });
    let all = handles.into_iter().map(|handle| match handle.join() {
        Ok(result) => result,
        Err(_) => Err(member.fail(shared.plan.rounds, "a thread panicked".to_owned())),
    });
    all.collect::<Vec<_>>().into_iter().fold(own, Result::and)
}
