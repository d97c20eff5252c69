//! Why a request has no result.

use millicore_policy::admission::{Expiry, Refusal};
use std::time::Duration;

/// Why a request has no result. Unless it says otherwise, no CPU time was spent on it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Its handle was dropped or its cancellation was asked for. Chunks may have run.
    #[error("the request was cancelled")]
    Cancelled,
    /// One of its chunks or its body panicked; other requests are not affected.
    #[error("the request panicked: {message}")]
    Panicked {
        /// What the panic said, or a note that it said nothing readable.
        message: String,
    },
    /// Too many requests wait already.
    #[error("{waiting} requests wait already; come back in {retry_after:?}")]
    QueueFull {
        /// How many wait for their first chunk.
        waiting: u32,
        /// How long those will take to start, judged by how fast others did.
        retry_after: Duration,
    },
    /// It waited for its first chunk as long as a request may.
    #[error("the request waited too long for its first chunk; come back in {retry_after:?}")]
    WaitedTooLong {
        /// How long those who wait now will take to start.
        retry_after: Duration,
    },
    /// Its deadline passed before its first chunk.
    #[error("the deadline passed before the request could start")]
    DeadlinePassed,
    /// The policy orders by size, the request states none, and its class has no history.
    #[error(
        "the policy `{policy}` orders by size: state one with `Request::size`, or a class that \
         has completed requests with `Request::class`"
    )]
    SizeUnknown {
        /// The policy in force.
        policy: String,
    },
    /// The executor does not know the tenant.
    #[error("no tenant is named {name:?}: add it with `Builder::tenant` or `Executor::set_tenant`")]
    UnknownTenant {
        /// The name that the request gave.
        name: String,
    },
    /// The executor is shutting down, or was shut down before the request was done.
    #[error("the executor is shut down")]
    ShutDown,
}

impl Error {
    pub(crate) fn from_refusal(refusal: Refusal, policy: &dyn std::fmt::Display) -> Self {
        match refusal {
            Refusal::SizeUnknown => Self::SizeUnknown {
                policy: policy.to_string(),
            },
            Refusal::DeadlinePassed => Self::DeadlinePassed,
            Refusal::QueueFull {
                waiting,
                retry_after_ns,
            } => Self::QueueFull {
                waiting,
                retry_after: Duration::from_nanos(retry_after_ns),
            },
            // Only a tenant that was never added, or four billion live requests, come here.
            _ => Self::QueueFull {
                waiting: u32::MAX,
                retry_after: Duration::ZERO,
            },
        }
    }

    pub(crate) const fn from_expiry(expiry: Expiry) -> Self {
        match expiry {
            Expiry::DeadlinePassed => Self::DeadlinePassed,
            Expiry::WaitedTooLong { retry_after_ns } => Self::WaitedTooLong {
                retry_after: Duration::from_nanos(retry_after_ns),
            },
        }
    }
}
