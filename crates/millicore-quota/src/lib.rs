//! Millicores, and the CPU limit of this process.
