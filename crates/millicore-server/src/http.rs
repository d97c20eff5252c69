//! HTTP over every concurrency model: one handler, whatever runs it.
//!
//! - [`HttpService`]: what a handler is: a tower service such as an `axum::Router`. Start here.
//! - [`Body`], [`BodyError`]: what it is sent, in pieces that do not make it wait for ever.
//! - [`ResponseBody`], [`error_response`]: what it answers, and what an error becomes.
//! - [`exchange()`], [`Context`]: one request and its response, in every model alike.
//! - [`serve_blocking`]: the models `sync`, `threads`, `forks` and `prefork`, on poll(2).
//! - [`serve_scheduled`]: the model `scheduled`, on tokio and the executor.
//! - [`Hooks`], [`ServeError`]: what a server calls while it runs, and why it cannot go on.

mod answering;
mod blocking;
mod body;
mod exchange;
mod hooks;
mod response;
mod scheduled;
mod service;
mod strict;
mod version1;

pub use blocking::serve_blocking;
pub use body::{Body, BodyError};
pub use exchange::{Context, exchange};
pub use hooks::{Hooks, ServeError};
pub use response::{ResponseBody, body_error_response, error_response};
pub use scheduled::serve_scheduled;
pub use service::{BoxError, HttpService};
