//! The features of the executor, each through one `check`, on real threads and in virtual time.

mod deadline;
mod seeded;

mod accounts;
mod admission;
mod control;
mod endings;
mod handles;
mod limits;
mod loops;
mod order;
mod panics;
mod stress;
mod threads;
mod wakes;
