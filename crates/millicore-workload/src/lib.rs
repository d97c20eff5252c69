//! CPU-heavy work that divides: what a busy endpoint does, in forms a scheduler can cut.
//!
//! Each kernel is a pure function of a sub-range and of read-only tables, so any core may compute
//! any part in any order, and the parts combine in range order to the same answer.
//!
//! - [`primes`]: counts primes with a segmented sieve; every chunk costs about the same.
//! - [`mandelbrot`]: draws the Mandelbrot set; one row can cost sixty times another.
//! - [`factorial`]: the same big product, step by step (preemptible, slow) or as a tree (divisible,
//!   fast, ending in one long multiplication).
//! - [`spin`]: burns a stated CPU time, or a calibrated amount of fixed work.
//! - [`divided`]: all of them as bodies of requests on an executor.
#![forbid(unsafe_code)]

pub mod primes;

pub mod mandelbrot;

pub mod factorial;

pub mod spin;

pub mod divided;
