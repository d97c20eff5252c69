//! What a program gives to a socket server: a handler of requests, hooks, and how they fail.

use crate::address::Peer;
use crate::socket::request::SocketRequest;
use std::error::Error;
use std::fmt;
use std::io::{self, Write};

/// Handles requests. It is shared by all of them: what belongs to one request is a local variable.
///
/// A closure `Fn(&mut R) -> Result<(), Failure>` is a handler without preparation.
pub trait Handler<R: SocketRequest>: Send + Sync + 'static {
    /// Prepares. Where it fails, neither of the others is called.
    ///
    /// # Errors
    ///
    /// Whatever keeps the request from being handled.
    fn setup(&self, request: &mut R) -> Result<(), Failure> {
        let _ = request;
        Ok(())
    }

    /// Does all the work.
    ///
    /// # Errors
    ///
    /// Whatever went wrong: it is reported to [`Hooks::handle_error`], and the server goes on.
    fn handle(&self, request: &mut R) -> Result<(), Failure>;

    /// Cleans up, also after a `handle` that failed or panicked.
    ///
    /// # Errors
    ///
    /// As `handle`.
    fn finish(&self, request: &mut R) -> Result<(), Failure> {
        let _ = request;
        Ok(())
    }
}

impl<R, F> Handler<R> for F
where
    R: SocketRequest,
    F: Fn(&mut R) -> Result<(), Failure> + Send + Sync + 'static,
{
    fn handle(&self, request: &mut R) -> Result<(), Failure> {
        self(request)
    }
}

/// How a handler or a hook fails.
#[derive(Debug)]
pub enum Failure {
    /// With an error.
    Error(Box<dyn Error + Send + Sync>),
    /// By a panic, with what it said.
    Panic(String),
    /// It asks the program to exit with this status, as `SystemExit` of Python does: no error is
    /// reported. `sync` ends serving with it; elsewhere the thread or the process of the request
    /// ends.
    Exit(i32),
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Panic(message) => write!(f, "panicked: {message}"),
            Self::Exit(status) => write!(f, "exit with status {status}"),
        }
    }
}

/// What else a program may do at certain moments. A hook that panics is reported and has no other
/// effect.
pub trait Hooks: Send + Sync + 'static {
    /// Whether a request is to be handled; where not, it is closed.
    fn verify_request(&self, peer: &Peer) -> bool {
        let _ = peer;
        true
    }

    /// A request failed, or a hook, which may be of no request. Says so on standard error by default.
    fn handle_error(&self, peer: Option<&Peer>, failure: &Failure) {
        report(peer, failure);
    }

    /// Once in each turn of [`serve_forever`](crate::socket::SocketServer::serve_forever), after
    /// the request.
    fn service_actions(&self) {}

    /// No request came within the timeout of
    /// [`handle_request`](crate::socket::SocketServer::handle_request).
    fn handle_timeout(&self) {}
}

/// No hooks.
#[derive(Clone, Copy, Debug)]
pub struct NoHooks;

impl Hooks for NoHooks {}

/// In one write, so that the reports of several processes do not mix.
pub(crate) fn report(peer: Option<&Peer>, failure: &Failure) {
    let during = peer.map_or("a hook".to_owned(), |peer| {
        format!("processing of request from {peer}")
    });
    let rule = "-".repeat(40);
    let mut causes = String::new();
    if let Failure::Error(error) = failure {
        let mut source = error.source();
        while let Some(cause) = source {
            causes.push_str(&format!("caused by: {cause}\n"));
            source = cause.source();
        }
    }
    let text = format!("{rule}\nError occurred during {during}\n{failure}\n{causes}{rule}\n");
    // Where nobody takes it there is nobody left to tell.
    let _ = io::stderr().write_all(text.as_bytes());
}
