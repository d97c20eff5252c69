//! The blocking models: `sync`, `threads`, `forks`, `prefork`.
//!
//! One loop accepts connections and keeps those that are silent. A connection takes a slot once
//! the head of a request waits on it, is served there by a loop of its own, and comes back when it is idle. So ten
//! thousand silent connections hold no thread and no process, and a slow request keeps nobody but
//! those who wait for its slot.
//!
//! - `server`: the accepting loop. Start here.
//! - `accepted`, `parking`, `head`: connections between requests, and when one is worth a slot.
//! - `stopping`: how it ends.
//! - `connection`: the loop of one connection in its slot.
//! - `polled_socket`, `timers`, `woken`: sockets, timers and wakers on poll(2).

mod server;

mod accepted;
mod head;
mod parking;

mod stopping;

mod connection;

mod polled_socket;
mod timers;
mod woken;

pub use server::serve_blocking;
