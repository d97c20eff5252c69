//! Why a request failed.

use crate::load::http1::response::MalformedResponse;
use rustix::io::Errno;
use std::fmt;
use std::io;

/// Why a request failed. Its text is the kind under which it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// Nobody listens at the address.
    Refused,
    /// No way to the address.
    Unreachable,
    /// This process has no descriptor left for a connection.
    Descriptors,
    /// This machine has no port left for a connection.
    Ports,
    /// The server broke the connection off.
    Reset,
    /// The server closed the connection before the answer was complete.
    Closed,
    /// The answer did not come in time.
    Timeout,
    /// The answer is not what HTTP prescribes.
    Malformed(Malformed),
    /// The run was stopped before the answer came.
    Interrupted,
    /// The server answered with a status that is neither 2xx nor 3xx.
    Status(u16),
    /// Anything else that the operating system can say.
    Other(io::ErrorKind),
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// In HTTP/1.1.
    #[error(transparent)]
    Http1(#[from] MalformedResponse),
    /// In HTTP/2, by the error code of RFC 9113.
    #[error("the server broke the rules of HTTP/2, or does not speak it")]
    Http2,
}

impl Failure {
    /// Whether an answer may still have been on its way: then the time it took is a lower bound of
    /// its latency.
    #[must_use]
    pub fn is_censored(self) -> bool {
        matches!(self, Self::Timeout | Self::Interrupted)
    }

    pub(super) fn from_errno(errno: Errno) -> Self {
        match errno {
            Errno::CONNREFUSED => Self::Refused,
            Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::NETDOWN | Errno::ACCESS => {
                Self::Unreachable
            }
            Errno::MFILE | Errno::NFILE => Self::Descriptors,
            Errno::ADDRNOTAVAIL => Self::Ports,
            Errno::CONNRESET | Errno::PIPE | Errno::CONNABORTED => Self::Reset,
            Errno::TIMEDOUT => Self::Timeout,
            other => Self::Other(other.kind()),
        }
    }

    pub(super) fn from_io(error: &io::Error) -> Self {
        match Errno::from_io_error(error) {
            Some(errno) => Self::from_errno(errno),
            None if error.kind() == io::ErrorKind::UnexpectedEof => Self::Closed,
            None => Self::Other(error.kind()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.pad("refused"),
            Self::Unreachable => f.pad("unreachable"),
            Self::Descriptors => f.pad("descriptors"),
            Self::Ports => f.pad("ports"),
            Self::Reset => f.pad("reset"),
            Self::Closed => f.pad("closed"),
            Self::Timeout => f.pad("timeout"),
            Self::Malformed(_) => f.pad("malformed"),
            Self::Interrupted => f.pad("interrupted"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Other(kind) => write!(f, "{kind}"),
        }
    }
}
