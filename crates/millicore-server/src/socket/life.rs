//! The life of a request in its slot, in which a panic ends nothing but the request.

use crate::address::Peer;
use crate::slots::Verdict;
use crate::socket::handler::{Failure, Handler, Hooks};
use crate::socket::options::SocketOptions;
use crate::socket::request::SocketRequest;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// From its reception to its end, failures reported.
pub(crate) fn live<R: SocketRequest>(
    handler: &dyn Handler<R>,
    hooks: &dyn Hooks,
    options: &SocketOptions,
    request: &mut R,
) -> Verdict {
    let verdict = match handle(handler, options, request) {
        Ok(()) => Verdict::Done,
        Err(Failure::Exit(status)) => Verdict::Quit(status),
        Err(failure) => {
            let peer = request.peer();
            let report = || hooks.handle_error(Some(&peer), &failure);
            guarded(hooks, Some(&peer), report);
            Verdict::Failed
        }
    };
    request.close();
    verdict
}

fn handle<R: SocketRequest>(
    handler: &dyn Handler<R>,
    options: &SocketOptions,
    request: &mut R,
) -> Result<(), Failure> {
    request.open(options)?;
    caught(|| handler.setup(request))?;
    let handled = caught(|| handler.handle(request));
    let finished = caught(|| handler.finish(request));
    let replied = request.reply().map_err(Failure::from);
    handled.and(finished).and(replied)
}

fn caught(work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome,
        Err(payload) => Err(Failure::Panic(said(&*payload))),
    }
}

fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic that says nothing readable")
        .to_owned()
}

/// Calls a hook; nothing if it panics, which is reported like the failure of a request.
pub(crate) fn guarded<T>(
    hooks: &dyn Hooks,
    peer: Option<&Peer>,
    hook: impl FnOnce() -> T,
) -> Option<T> {
    catch_unwind(AssertUnwindSafe(hook))
        .map_err(|payload| {
            let failure = Failure::Panic(said(&*payload));
            let report = || hooks.handle_error(peer, &failure);
            // A reporter that panics too has nobody to report to.
            let _ = catch_unwind(AssertUnwindSafe(report));
        })
        .ok()
}
