//! CPU-heavy work that divides.
