//! Socket and HTTP servers with every concurrency model.
//!
//! - [`model`]: how a server runs handlers: one by one, by threads, by processes, on the executor.
//! - [`settings`]: what a server is told: how many slots it has, how long it waits.
//! - [`scheduling`]: the executor of the model `scheduled`.
//! - [`compute`]: where a handler's work is done, the same to it in every model.
//! - [`http`]: HTTP over every model: one handler, whatever runs it.
//! - [`draining`]: whether a server is on its way out.
//! - [`address`], [`listener`], `socket_file`: where a server listens.
//! - [`signals`], [`control`]: what controls a server: signals, or the program itself.
//! - [`systemd`], [`descriptors`]: what the system gives a server: sockets, a manager to tell, how many
//!   files it may open.
//! - [`socket`]: servers of connections and datagrams.
//! - `slots`: where requests are worked on: threads, processes.
//! - `poller`: waiting for many descriptors at once.
//! - [`activity`]: what a server counts and whom it serves, shared by its processes.
//! - [`observe`]: request ids, traces, who the client is, and the logs.
//! - [`application`]: the demonstration application.
//! - [`process`]: forked processes that are waited for by descriptor. Unsafe code is here,
//!   in `activity`, in `listener` and where `http` hands descriptors to tokio, because nothing else
//!   forks, shares memory, takes a descriptor by its number, or vouches for one.

pub mod model;

pub mod scheduling;
pub mod settings;

pub mod compute;

pub mod http;

pub mod draining;

pub mod address;
pub mod listener;
mod socket_file;

pub mod control;
pub mod signals;

pub mod descriptors;
pub mod systemd;

pub mod socket;

mod poller;
mod slots;

pub mod activity;
pub mod observe;

pub mod application;

pub mod process;
