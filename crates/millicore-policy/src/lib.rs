//! Decides which request a core works on next.
