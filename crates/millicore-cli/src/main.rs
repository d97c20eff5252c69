//! The `millicore` command: arguments in, calls out.

fn main() {}
