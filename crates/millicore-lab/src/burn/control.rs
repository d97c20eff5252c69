//! Burning that another process begins: many groups are compared over one window only if all of
//! them run before it opens.
//!
//! 1. The burner starts its threads, listens, and says where on standard output.
//! 2. Whoever controls it connects, and sends `start` and a moment of the monotonic clock.
//! 3. The burner burns from then on, and sends what came of it as a line of JSON.
//! 4. It ends once the connection does: a container ends with it, and its counters are gone.
//!
//! If the connection ends before that, so does the burner: nobody waits for it any more.

use crate::burn::burnt::Burnt;
use crate::burn::team::Team;
use crate::stop::Stop;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// Nobody leaves a burner waiting for so long who still wants it.
const PATIENCE_S: i64 = 300;
/// How soon a burner that is done notices that it may end.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Where a burner is told to begin.
#[derive(Debug)]
pub struct Control {
    listener: TcpListener,
}

/// What whoever controls sends.
#[must_use]
pub fn start_line(at_ns: u64) -> String {
    format!("start {at_ns}\n")
}

impl Control {
    /// Listens there.
    ///
    /// # Errors
    ///
    /// Says that the address cannot be had.
    pub fn listen(address: SocketAddr) -> Result<Self, ControlError> {
        let listener = TcpListener::bind(address)
            .map_err(|source| ControlError::Listen { address, source })?;
        Ok(Self { listener })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// Says what the system said.
    pub fn address(&self) -> Result<SocketAddr, ControlError> {
        Ok(self.listener.local_addr()?)
    }

    /// Waits to be told to begin, burns, and sends what came of it; nothing if nobody wants it any
    /// more.
    ///
    /// # Errors
    ///
    /// Says that nobody came, or what was said instead.
    pub fn burn(self, team: Team, stop: &Stop) -> Result<Option<Burnt>, ControlError> {
        let ready = &mut [PollFd::new(&self.listener, PollFlags::IN)];
        let patience = Timespec {
            tv_sec: PATIENCE_S,
            tv_nsec: 0,
        };
        if poll(ready, Some(&patience)).map_err(io::Error::from)? == 0 {
            return Err(ControlError::Nobody);
        }
        let mut connection = BufReader::new(self.listener.accept()?.0);
        let mut line = String::new();
        if connection.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let start_ns = line.trim_end().strip_prefix("start ");
        let start_ns = start_ns.and_then(|it| it.parse().ok());
        let Some(start_ns) = start_ns else {
            return Err(ControlError::NoStart { line });
        };
        let connection = connection.into_inner();
        stop_with(connection.try_clone()?, stop.clone());
        let burnt = team.burn(Some(start_ns));
        let json = burnt.to_json().map_err(io::Error::from)?;
        (&connection).write_all((json + "\n").as_bytes())?;
        // Whoever reads to the end has read it all; one that is gone has no end.
        let _ = connection.shutdown(Shutdown::Write);
        while !stop.is_asked_for() {
            thread::sleep(LOOK_EVERY);
        }
        Ok(Some(burnt))
    }
}

/// Asks for a stop once the connection ends.
fn stop_with(mut connection: TcpStream, stop: Stop) {
    thread::spawn(move || {
        while matches!(connection.read(&mut [0; 64]), Ok(1..)) {}
        stop.ask();
    });
}

/// Why nothing was burnt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The address cannot be had.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody connected.
    #[error("nobody connected within {PATIENCE_S} s")]
    Nobody,
    /// Something else than a start came.
    #[error("expected `start` and a time in nanoseconds, but got {line:?}")]
    NoStart {
        /// What came.
        line: String,
    },
    /// The connection broke.
    #[error("the connection: {0}")]
    Connection(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use super::{Control, start_line};
    use crate::burn::{Burnt, Plan, Team, Wishes};
    use crate::stop::Stop;
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpStream};
    use std::thread;

    /// A burner is sent this, and this comes of it: what it answers, and how it ends.
    fn answers(line: &str, time: Option<&str>) -> (String, Result<bool, String>) {
        let wishes = Wishes {
            time: time.map(str::to_owned),
            ..Wishes::default()
        };
        let (plan, stop) = (Plan::new(&wishes).unwrap(), Stop::default());
        let team = Team::gather(&plan, &stop).unwrap();
        let control = Control::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let mut client = TcpStream::connect(control.address().unwrap()).unwrap();
        let burner = thread::spawn(move || control.burn(team, &stop));
        client.write_all(line.as_bytes()).unwrap();
        if time.is_none() {
            client.shutdown(Shutdown::Write).unwrap();
        }
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        drop(client);
        let end = burner.join().unwrap();
        (
            answer,
            end.map(|it| it.is_some()).map_err(|it| it.to_string()),
        )
    }

    #[test]
    fn a_start_is_answered_with_what_came_of_it() {
        let (answer, end) = answers(&start_line(0), Some("1ms"));
        assert_eq!(end, Ok(true));
        let burnt: Burnt = serde_json::from_str(&answer).unwrap();
        assert_eq!(burnt.threads.len(), 1);
    }

    #[test]
    fn whoever_is_left_alone_ends() {
        assert_eq!(answers("", None), (String::new(), Ok(false)));
        // It would burn for ever.
        let (_, end) = answers(&start_line(0), None);
        assert_eq!(end, Ok(true));
    }

    #[test]
    fn what_is_no_start_is_refused() {
        let expected = r#"expected `start` and a time in nanoseconds, but got "begin\n""#;
        let (_, end) = answers("begin\n", None);
        assert_eq!(end, Err(expected.to_owned()));
    }
}
