//! Socket and HTTP servers with every concurrency model.
//!
//! - [`model`]: how a server runs handlers: one by one, by threads, by processes, on the executor.
//! - [`process`]: forked processes that are waited for by descriptor. Unsafe code is here, because
//!   the operating system leaves no other way to fork.

pub mod model;

pub mod process;
