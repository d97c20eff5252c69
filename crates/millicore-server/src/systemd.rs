//! What systemd and a service of it say to each other, without its library: sockets that it opened,
//! and a datagram when the service is ready.
//!
//! The environment is an argument, so that whoever starts a server decides whose it is. Nothing is
//! taken out of it: `LISTEN_PID` names one process, and so its children know that the sockets are
//! not theirs.

use crate::address::Bind;
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, sendto};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

/// The first descriptor that is handed over: `SD_LISTEN_FDS_START`.
const FIRST_DESCRIPTOR: i32 = 3;

/// The variables are not what systemd writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}={value:?} in the environment is not a number of sockets: {FORM}")]
pub struct ActivationError {
    variable: &'static str,
    value: OsString,
}

const FORM: &str = "a service manager sets LISTEN_PID to the process and LISTEN_FDS to how many";

/// The sockets that this process was started with, see `sd_listen_fds(3)`: none if it was not, or
/// if they are for another process.
///
/// # Errors
///
/// Says which variable is not a number.
pub fn given_sockets(
    variable: impl Fn(&str) -> Option<OsString>,
    own_pid: u32,
) -> Result<Vec<Bind>, ActivationError> {
    let Some(pid) = number(&variable, "LISTEN_PID")? else {
        return Ok(Vec::new());
    };
    if pid != own_pid {
        return Ok(Vec::new());
    }
    let count = number(&variable, "LISTEN_FDS")?.unwrap_or(0);
    let last = i32::try_from(count)
        .ok()
        .and_then(|count| FIRST_DESCRIPTOR.checked_add(count))
        .ok_or_else(|| ActivationError {
            variable: "LISTEN_FDS",
            value: count.to_string().into(),
        })?;
    Ok((FIRST_DESCRIPTOR..last).map(Bind::Descriptor).collect())
}

fn number(
    variable: impl Fn(&str) -> Option<OsString>,
    name: &'static str,
) -> Result<Option<u32>, ActivationError> {
    let Some(value) = variable(name).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let number = value.to_str().and_then(|value| value.parse().ok());
    number.map(Some).ok_or(ActivationError {
        variable: name,
        value,
    })
}

/// What a service says about itself, see `sd_notify(3)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceState {
    /// It accepts connections.
    Ready,
    /// It reads its settings again, since this time of the monotonic clock in microseconds; it says
    /// that it is ready when it is done.
    Reloading {
        /// When it began.
        monotonic_us: u64,
    },
    /// It finishes what it accepted and exits.
    Stopping,
}

impl ServiceState {
    /// It begins to read its settings again now.
    #[must_use]
    pub fn reloading_now() -> Self {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        let nanoseconds = u64::try_from(now.tv_nsec).unwrap_or(0);
        Self::Reloading {
            monotonic_us: seconds * 1_000_000 + nanoseconds / 1_000,
        }
    }
}

/// The way to the service manager.
#[derive(Debug)]
pub struct Notifier {
    socket: OwnedFd,
    manager: SocketAddrUnix,
}

impl Notifier {
    /// The way that `NOTIFY_SOCKET` names, if there is one.
    ///
    /// # Errors
    ///
    /// What the system said, or that the variable is neither a path nor an abstract name.
    pub fn new(notify_socket: Option<&OsStr>) -> io::Result<Option<Self>> {
        let Some(name) = notify_socket.filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let manager = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddrUnix::new_abstract_name(name)?,
            [b'/', ..] => SocketAddrUnix::new(name)?,
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        };
        let socket = rustix::net::socket_with(
            AddressFamily::UNIX,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )?;
        Ok(Some(Self { socket, manager }))
    }

    /// Tells the service manager. A manager that does not listen any more is no reason to stop: the
    /// caller warns and goes on.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn tell(&self, state: ServiceState) -> io::Result<()> {
        let message = match state {
            ServiceState::Ready => "READY=1".to_owned(),
            ServiceState::Reloading { monotonic_us } => {
                format!("RELOADING=1\nMONOTONIC_USEC={monotonic_us}")
            }
            ServiceState::Stopping => "STOPPING=1".to_owned(),
        };
        sendto(
            &self.socket,
            message.as_bytes(),
            SendFlags::NOSIGNAL,
            &self.manager,
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Notifier, ServiceState, given_sockets};
    use crate::address::Bind;
    use std::ffi::{OsStr, OsString};
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    #[track_caller]
    fn check_sockets(pid: &str, count: &str, expected: Result<&[i32], &str>) {
        let variable = |name: &str| -> Option<OsString> {
            let value = if name == "LISTEN_PID" { pid } else { count };
            (value != "absent").then(|| value.into())
        };
        let sockets = given_sockets(variable, 42).map_err(|error| error.to_string());
        match (sockets, expected) {
            (Ok(sockets), Ok(expected)) => {
                let expected: Vec<Bind> = expected.iter().map(|it| Bind::Descriptor(*it)).collect();
                assert_eq!(sockets, expected);
            }
            (Err(error), Err(expected)) => assert!(error.contains(expected), "{error}"),
            (sockets, expected) => panic!("{sockets:?} is not {expected:?}"),
        }
    }

    #[test]
    fn sockets_are_given_to_one_process() {
        check_sockets("42", "2", Ok(&[3, 4]));
        check_sockets("42", "0", Ok(&[]));
        check_sockets("41", "2", Ok(&[]));
        check_sockets("absent", "2", Ok(&[]));
        check_sockets("", "2", Ok(&[]));
        check_sockets("42", "absent", Ok(&[]));
        check_sockets("42", "two", Err("LISTEN_FDS=\"two\""));
        check_sockets("42", "-1", Err("LISTEN_FDS=\"-1\""));
        check_sockets("42", "2147483647", Err("LISTEN_FDS=\"2147483647\""));
        check_sockets("me", "2", Err("LISTEN_PID=\"me\""));
    }

    #[track_caller]
    fn check_told(manager: &UnixDatagram, notify_socket: &str, states: &[(ServiceState, &str)]) {
        let notifier = Notifier::new(Some(OsStr::new(notify_socket)))
            .unwrap()
            .unwrap();
        for (state, expected) in states {
            notifier.tell(*state).unwrap();
            let mut message = [0; 100];
            let length = manager.recv(&mut message).unwrap();
            assert_eq!(&message[..length], expected.as_bytes());
        }
    }

    const STATES: [(ServiceState, &str); 3] = [
        (ServiceState::Ready, "READY=1"),
        (
            ServiceState::Reloading { monotonic_us: 7 },
            "RELOADING=1\nMONOTONIC_USEC=7",
        ),
        (ServiceState::Stopping, "STOPPING=1"),
    ];

    #[test]
    fn a_manager_at_a_path_is_told() {
        let path = std::env::temp_dir().join(format!("millicore-notify-{}", std::process::id()));
        let manager = UnixDatagram::bind(&path).unwrap();
        check_told(&manager, path.to_str().unwrap(), &STATES);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_manager_with_an_abstract_name_is_told() {
        let name = format!("millicore-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        check_told(&manager, &format!("@{name}"), &STATES);
    }

    #[test]
    fn without_a_manager_nobody_is_told() {
        assert!(Notifier::new(None).unwrap().is_none());
        assert!(Notifier::new(Some(OsStr::new(""))).unwrap().is_none());
        assert!(Notifier::new(Some(OsStr::new("relative"))).is_err());
    }

    #[test]
    fn a_manager_that_is_gone_is_an_error_to_warn_of() {
        let notifier = Notifier::new(Some(OsStr::new("/nonexistent/notify")))
            .unwrap()
            .unwrap();
        assert!(notifier.tell(ServiceState::Ready).is_err());
    }
}
