//! How many descriptors this process may have: a connection takes one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of this process as far as it may without privileges, and says what it is then;
/// nothing if there is none.
#[must_use]
pub fn raise_descriptor_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // If that is refused, the limit in force is the answer.
    let _ = setrlimit(Resource::Nofile, raised);
    descriptor_limit()
}

pub(super) fn descriptor_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}
