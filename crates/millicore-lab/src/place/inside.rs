//! A program in a place, listened to: what it says line by line, and how it ends.

use crate::stop::Stop;
use millicore_quota::{Enclosure, PlaceError, Program, Running};
use std::io::{BufRead, BufReader, Read};
use std::net::IpAddr;
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// How soon a stop is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A program whose output has ended ends at once, if nothing holds it.
const END_PATIENCE: Duration = Duration::from_secs(30);

/// A program that runs in an enclosure, which it is ended before.
#[derive(Debug)]
pub(crate) struct Listened {
    running: Box<dyn Running>,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    was_asked_to_stop: bool,
}

/// What is next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line of standard output.
    Said(String),
    /// None yet.
    Nothing,
    /// No more.
    End,
}

impl Listened {
    pub(crate) fn start(
        enclosure: &mut dyn Enclosure,
        program: &Program,
    ) -> Result<Self, PlaceError> {
        let mut running = enclosure.start(program)?;
        Ok(Self {
            stdout: lines(running.take_stdout()),
            stderr: lines(running.take_stderr()),
            running,
            was_asked_to_stop: false,
        })
    }

    /// The next line, or after a moment nothing. If there is to be a stop, the program is told.
    pub(crate) fn next(&mut self, stop: &Stop) -> Result<Line, PlaceError> {
        if stop.is_asked_for() {
            self.ask_to_stop()?;
        }
        Ok(next_of(&self.stdout))
    }

    /// The same of standard error, which has then been told.
    pub(crate) fn next_error(&mut self, stop: &Stop) -> Result<Line, PlaceError> {
        if stop.is_asked_for() {
            self.ask_to_stop()?;
        }
        Ok(next_of(&self.stderr))
    }

    /// Tells it to stop, once.
    pub(crate) fn ask_to_stop(&mut self) -> Result<(), PlaceError> {
        if !self.was_asked_to_stop {
            self.was_asked_to_stop = true;
            self.running.ask_to_stop()?;
        }
        Ok(())
    }

    /// Where its ports are reached.
    pub(crate) fn address(&self) -> IpAddr {
        self.running.address()
    }

    /// How it ended, if it did in time, and what it wrote to standard error.
    pub(crate) fn end(mut self) -> Result<(Option<ExitStatus>, String), PlaceError> {
        let status = self.running.wait(END_PATIENCE)?;
        // Ends it, if it has not, and so its output.
        drop(self.running);
        let said: Vec<String> = self.stderr.iter().collect();
        Ok((status, said.join("\n")))
    }
}

fn next_of(lines: &Receiver<String>) -> Line {
    match lines.recv_timeout(LOOK_EVERY) {
        Ok(line) => Line::Said(line),
        Err(RecvTimeoutError::Timeout) => Line::Nothing,
        Err(RecvTimeoutError::Disconnected) => Line::End,
    }
}

/// Reads to the end, so that nobody ever waits to write there.
fn lines(stream: Option<Box<dyn Read + Send>>) -> Receiver<String> {
    let (sender, receiver) = channel();
    if let Some(stream) = stream {
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                // Where nobody reads them any more, they are still read from the pipe.
                let _ = sender.send(line);
            }
        });
    }
    receiver
}
