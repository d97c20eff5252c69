//! The scheduling policies on a simulated machine.
