//! What a caller says of a request: its size, class, priority, tenant, deadline.

use std::num::NonZeroU32;
use std::time::Duration;

/// What a caller says of a request. Everything has a default.
///
/// ```
/// use millicore::Request;
/// use std::time::Duration;
///
/// let request = Request::new()
///     .class("/report")
///     .size(Duration::from_millis(300))
///     .priority(1)
///     .deadline(Duration::from_secs(2));
/// # let _ = request;
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Request {
    pub(crate) size: Option<Duration>,
    pub(crate) class: Option<Box<str>>,
    pub(crate) tenant: Option<Box<str>>,
    pub(crate) priority: i32,
    pub(crate) weight: Option<NonZeroU32>,
    pub(crate) max_cores: Option<NonZeroU32>,
    pub(crate) deadline: Option<Duration>,
}

/// The greatest weight a request or tenant may have.
pub const MAX_WEIGHT: u32 = 10_000;

impl Request {
    /// A request of nobody's, of unknown size, with priority 0 and weight 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// The CPU time it takes, as well as it is known.
    pub const fn size(mut self, size: Duration) -> Self {
        self.size = Some(size);
        self
    }

    /// What kind of request it is, such as its route: a request of unknown size is taken to be as
    /// large as its class has been.
    pub fn class(mut self, class: impl Into<Box<str>>) -> Self {
        self.class = Some(class.into());
        self
    }

    /// Whose it is.
    pub fn tenant(mut self, name: impl Into<Box<str>>) -> Self {
        self.tenant = Some(name.into());
        self
    }

    /// A higher priority goes before everything below, inside a tenant. 0 by default.
    pub const fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Its share under `fair`, beside others; more than [`MAX_WEIGHT`] counts as that. 1 by default.
    pub const fn weight(mut self, weight: NonZeroU32) -> Self {
        self.weight = Some(weight);
        self
    }

    /// The most cores it can use at once.
    pub const fn max_cores(mut self, cores: NonZeroU32) -> Self {
        self.max_cores = Some(cores);
        self
    }

    /// When it should be done, from its submission on. It orders under `edf`; a request that could
    /// not start before its deadline is refused.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }
}
