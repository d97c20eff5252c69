//! How many files and connections this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;

/// Raises the limit on open descriptors to the most that this process may have, and answers with
/// it; `None` is no limit.
///
/// The usual soft limit, 1024, is for programs that call `select(2)`, which fails beyond it; a
/// server does not.
///
/// # Errors
///
/// What the system said; the limit is as it was.
pub fn raise_limit() -> io::Result<Option<u64>> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        setrlimit(Resource::Nofile, raised)?;
    }
    Ok(limit.maximum)
}

/// How many descriptors this process may have open now; `None` is no limit.
#[must_use]
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

#[cfg(test)]
mod tests {
    use super::{limit, raise_limit};
    use rustix::process::{Resource, getrlimit};

    #[test]
    fn the_limit_is_the_most_that_is_allowed() {
        let most = getrlimit(Resource::Nofile).maximum;
        assert_eq!(raise_limit().unwrap(), most);
        assert_eq!(limit(), most);
        assert_eq!(raise_limit().unwrap(), most);
    }
}
