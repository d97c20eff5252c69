//! What can be planned, and what is refused.
