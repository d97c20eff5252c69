//! A program in a place: started without a limit, told to begin, and asked what came of it.

use crate::burn::{Burnt, start_line};
use crate::load::{self, Failure};
use crate::place::{Line, Listened};
use crate::saturate::case::Workload;
use crate::saturate::occupant::Occupant;
use crate::stop::Stop;
use millicore_quota::{Bandwidth, Counters, Enclosure, Limits, Place, PlaceError, Spec};
use millicore_sim::SimulateError;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// A busy machine takes its time to start a process, and an engine to start a container.
const START_PATIENCE: Duration = Duration::from_secs(120);
/// A burner answers at the end of its time, later by what a small limit makes of that.
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);
/// A burner that listens can be reached at once, or almost.
const CONNECT_PATIENCE: Duration = Duration::from_secs(20);
/// How soon a stop is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What a program says once it can be told to begin.
const LISTENS: &str = "listening on ";

/// An enclosure with a program in it.
#[derive(Debug)]
pub(super) struct Group {
    // Ended before the enclosure that it runs in is removed.
    listened: Option<Listened>,
    enclosure: Box<dyn Enclosure>,
    workload: Workload,
    contact: Contact,
}

/// How the program in it is reached.
#[derive(Debug)]
enum Contact {
    /// Not yet.
    None,
    /// A burner is told when to begin.
    Burner(TcpStream),
    /// A server is asked by clients.
    Server(SocketAddr),
}

impl Group {
    /// Makes an enclosure without a limit, under which a start would take long, and starts the
    /// program in it.
    pub(super) fn start(
        place: &dyn Place,
        inside: Option<&str>,
        occupant: &Occupant,
    ) -> Result<Self, GroupError> {
        let spec = Spec {
            label: "saturate".to_owned(),
            limits: Limits::default(),
            inside: inside.map(str::to_owned),
        };
        let mut enclosure = place.open(&spec)?;
        let listened = Listened::start(&mut *enclosure, &occupant.program)?;
        Ok(Self {
            listened: Some(listened),
            enclosure,
            workload: occupant.workload,
            contact: Contact::None,
        })
    }

    /// Waits until the program listens, and connects to it if it is a burner; false if there was to
    /// be a stop before.
    pub(super) fn become_ready(&mut self, stop: &Stop) -> Result<bool, GroupError> {
        let patient_until = Instant::now() + START_PATIENCE;
        let Some(listened) = &mut self.listened else {
            return Ok(false);
        };
        loop {
            if stop.is_asked_for() {
                return Ok(false);
            }
            let line = match self.workload {
                Workload::Spin => listened.next(stop)?,
                Workload::Serve => listened.next_error(stop)?,
            };
            match line {
                Line::Said(line) => {
                    let Some(port) = port(&line) else {
                        if self.workload == Workload::Serve {
                            // A warning.
                            continue;
                        }
                        return Err(GroupError::Answer { said: line });
                    };
                    let address = SocketAddr::new(listened.address(), port);
                    self.contact = match self.workload {
                        Workload::Spin => Contact::Burner(connect(address)?),
                        Workload::Serve => Contact::Server(address),
                    };
                    return Ok(true);
                }
                Line::End => return Err(self.ended()),
                Line::Nothing if Instant::now() > patient_until => {
                    return Err(GroupError::Silent);
                }
                Line::Nothing => {}
            }
        }
    }

    /// Where its server is reached, if that is what it has.
    pub(super) const fn server(&self) -> Option<SocketAddr> {
        match self.contact {
            Contact::Server(address) => Some(address),
            Contact::Burner(_) | Contact::None => None,
        }
    }

    fn ended(&mut self) -> GroupError {
        let end = self.listened.take().map(Listened::end);
        let said = match end {
            Some(Ok((_, said))) => said,
            Some(Err(error)) => error.to_string(),
            None => String::new(),
        };
        GroupError::Ended { said }
    }

    pub(super) fn limit_to(&mut self, bandwidth: Option<Bandwidth>) -> Result<(), GroupError> {
        Ok(self.enclosure.set_limits(&Limits {
            bandwidth,
            weight: None,
        })?)
    }

    pub(super) fn counters(&self) -> Result<Counters, GroupError> {
        Ok(self.enclosure.counters()?.unwrap_or_default())
    }

    /// Tells the burner to begin at this moment of the monotonic clock.
    pub(super) fn begin_at(&mut self, start_ns: u64) -> Result<(), GroupError> {
        if let Contact::Burner(connection) = &mut self.contact {
            connection.write_all(start_line(start_ns).as_bytes())?;
        }
        Ok(())
    }

    /// What came of it, within this time and some patience; nothing if there was to be a stop.
    pub(super) fn answer(
        &mut self,
        within: Duration,
        stop: &Stop,
    ) -> Result<Option<Burnt>, GroupError> {
        let Contact::Burner(connection) = &self.contact else {
            return Ok(None);
        };
        connection.set_read_timeout(Some(LOOK_EVERY))?;
        let patient_until = Instant::now() + within + ANSWER_PATIENCE;
        let mut reader = BufReader::new(connection);
        let mut line = Vec::new();
        loop {
            match reader.read_until(b'\n', &mut line) {
                Ok(_) if line.ends_with(b"\n") => {
                    return match serde_json::from_slice(&line) {
                        Ok(burnt) => Ok(Some(burnt)),
                        Err(_) => Err(GroupError::Answer {
                            said: String::from_utf8_lossy(&line).into_owned(),
                        }),
                    };
                }
                Ok(_) => return Err(self.ended()),
                Err(error) if is_timeout(&error) => {}
                Err(error) => return Err(error.into()),
            }
            if stop.is_asked_for() {
                return Ok(None);
            }
            if Instant::now() > patient_until {
                return Err(GroupError::Silent);
            }
        }
    }

    /// Ends the burner, and removes the enclosure.
    pub(super) fn remove(self) -> Result<(), GroupError> {
        drop(self.contact);
        drop(self.listened);
        Ok(self.enclosure.remove()?)
    }
}

/// Of `listening on 127.0.0.1:8000`, with or without `http://`.
fn port(line: &str) -> Option<u16> {
    let address = line.strip_prefix(LISTENS)?;
    address.rsplit_once(':')?.1.parse().ok()
}

/// A container that listens may not be reached for a moment longer: the bridge between has to learn
/// of its address, which may be one that another container had just before.
fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let patient_until = Instant::now() + CONNECT_PATIENCE;
    loop {
        match TcpStream::connect_timeout(&address, CONNECT_PATIENCE) {
            Ok(connection) => {
                connection.set_nodelay(true)?;
                return Ok(connection);
            }
            Err(error) if Instant::now() > patient_until => return Err(error),
            Err(_) => thread::sleep(LOOK_EVERY),
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

/// What became of a group instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// The place refused something.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The connection to the burner broke.
    #[error("the connection to a burner: {0}")]
    Connection(#[from] io::Error),
    /// It ended before its time.
    #[error("a program ended before its time: {said}")]
    Ended {
        /// What it wrote to standard error.
        said: String,
    },
    /// It said something else than was expected.
    #[error("a program said {said:?}")]
    Answer {
        /// What it said.
        said: String,
    },
    /// A server did not answer as it should.
    #[error("a server did not answer: {failure}")]
    Unanswered {
        /// What became of the request.
        failure: Failure,
    },
    /// It cannot be asked.
    #[error(transparent)]
    Ask(#[from] load::PlanError),
    /// Asking it failed.
    #[error(transparent)]
    Load(#[from] load::RunError),
    /// What should come of it cannot be predicted.
    #[error(transparent)]
    Predict(#[from] SimulateError),
    /// It said nothing for too long.
    #[error("a program said nothing for too long")]
    Silent,
}
