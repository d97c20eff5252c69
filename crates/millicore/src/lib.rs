//! An executor for divisible CPU-heavy requests.
