//! A server as a process: started, listened to, and stopped; it does not outlive its value, nor,
//! however it ends, the process of its value.

use crate::affinity;
use crate::concurrency::contender::Contender;
use crate::concurrency::ground::{Plot, Started};
use crate::stop::Stop;
use millicore_quota::{PlaceError, Running};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, getpid, kill_process_group, pidfd_open};
use std::io::{self, BufRead, BufReader, Read};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A server that listens.
#[derive(Debug)]
pub(super) struct Server {
    process: Process,
    /// What it writes to standard error, line by line, for as long as it can.
    lines: Receiver<String>,
    /// Where it listens.
    pub(super) url: String,
}

#[derive(Debug)]
enum Process {
    /// A child, its number, and what is readable once it has ended.
    Child(Child, Pid, OwnedFd),
    /// A container's program.
    Contained(Box<dyn Running>),
}

/// Why a server cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The program could not be started.
    #[error("{} cannot be started: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It ended instead of listening.
    #[error("the server ended before it listened ({status}): {said}")]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to standard error.
        said: String,
    },
    /// It said nothing for too long.
    #[error("the server did not listen within {} s: {said}", START_PATIENCE.as_secs())]
    Silent {
        /// What it wrote to standard error.
        said: String,
    },
    /// It stopped, but not as it should.
    #[error("the server did not stop as it should ({status}): {said}")]
    Stopped {
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to standard error.
        said: String,
    },
    /// Its place refused something.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// It could not be watched.
    #[error("the server cannot be watched: {0}")]
    Watch(#[from] io::Error),
}

/// A busy machine takes its time to start a process.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// A server that has answered everything stops at once; so long one may take that hangs.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// How soon a stop is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What every server says once it accepts.
const LISTENS: &str = "listening on ";

impl Server {
    /// Starts `program serve` as this contender, held to so many cores, and waits until it listens;
    /// nothing if it was to stop before.
    pub(super) fn start(
        (program, plot): (&Path, &mut Plot),
        contender: &Contender,
        requests: usize,
        cores: usize,
        stop: &Stop,
    ) -> Result<Option<Self>, ServerError> {
        let mut command = command(program, plot.is_a_container());
        command.args(contender.arguments(requests, cores));
        let mask = affinity::keep_to(cores)?;
        let started = plot.start(&mut command);
        affinity::restore(&mask)?;
        Self::listen(started?, stop)
    }

    fn listen(started: Started, stop: &Stop) -> Result<Option<Self>, ServerError> {
        let (process, lines, address) = match started {
            Started::Child(mut child) => {
                let (pid, ended) = descriptor(&mut child)?;
                let lines = lines(child.stderr.take());
                (Process::Child(child, pid, ended), lines, None)
            }
            Started::Contained(mut running) => {
                let (lines, address) = (lines(running.take_stderr()), running.address());
                (Process::Contained(running), lines, Some(address))
            }
        };
        let mut server = Self {
            process,
            lines,
            url: String::new(),
        };
        let patient_until = Instant::now() + START_PATIENCE;
        let mut said = Vec::new();
        loop {
            match server.lines.recv_timeout(LOOK_EVERY) {
                Ok(line) => match line.strip_prefix(LISTENS) {
                    Some(url) => {
                        server.url = reached_at(url, address);
                        return Ok(Some(server));
                    }
                    None => said.push(line),
                },
                Err(RecvTimeoutError::Disconnected) => {
                    let status = server.end(Signal::TERM)?;
                    let said = said.join("\n");
                    return Err(ServerError::Ended { status, said });
                }
                Err(RecvTimeoutError::Timeout) if stop.is_asked_for() => return Ok(None),
                Err(RecvTimeoutError::Timeout) if Instant::now() > patient_until => {
                    let said = said.join("\n");
                    return Err(ServerError::Silent { said });
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Tells it to stop, and waits until it has.
    pub(super) fn stop(mut self) -> Result<(), ServerError> {
        let status = self.end(Signal::TERM)?;
        if status.success() {
            return Ok(());
        }
        let said: Vec<String> = self.lines.try_iter().collect();
        Err(ServerError::Stopped {
            status,
            said: said.join("\n"),
        })
    }

    /// Its process; the number of one in a container is of no use outside.
    pub(super) fn pid(&self) -> Option<i32> {
        match &self.process {
            Process::Child(_, pid, _) => Some(pid.as_raw_nonzero().get()),
            Process::Contained(_) => None,
        }
    }

    /// Sends it a signal, and if that does not end it in time, ends it and all its processes.
    fn end(&mut self, signal: Signal) -> Result<ExitStatus, ServerError> {
        match &mut self.process {
            Process::Child(child, pid, ended) => Ok(end_child(child, *pid, ended, signal)?),
            Process::Contained(running) => {
                running.ask_to_stop()?;
                let status = running.wait(STOP_PATIENCE)?;
                // Its container is removed with all that is in it.
                status.ok_or_else(|| io::Error::from(io::ErrorKind::TimedOut).into())
            }
        }
    }
}

fn end_child(
    child: &mut Child,
    pid: Pid,
    ended: &OwnedFd,
    signal: Signal,
) -> io::Result<ExitStatus> {
    if let Some(status) = child.try_wait()? {
        return Ok(status);
    }
    let _ = rustix::process::kill_process(pid, signal);
    if !is_readable_within(ended, STOP_PATIENCE) {
        // Not reaped yet, so that the number of its group is still its own.
        let _ = kill_process_group(pid, Signal::KILL);
    }
    child.wait()
}

fn is_readable_within(descriptor: &OwnedFd, time: Duration) -> bool {
    let timeout = Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(time.subsec_nanos()),
    };
    let mut descriptors = [PollFd::new(descriptor, PollFlags::IN)];
    loop {
        match poll(&mut descriptors, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => {}
            answer => return answer == Ok(1),
        }
    }
}

/// What listens on every address of a container is reached at that of the container.
fn reached_at(url: &str, address: Option<IpAddr>) -> String {
    let port = url.rsplit_once(':').map(|(_, port)| port);
    match (address, port) {
        (Some(address), Some(port)) => {
            let port = port.trim_end_matches('/').parse().unwrap_or(0);
            format!("http://{}", SocketAddr::new(address, port))
        }
        _ => url.to_owned(),
    }
}

impl Drop for Server {
    /// One that was not stopped has nothing to finish any more.
    fn drop(&mut self) {
        if let Process::Child(..) = self.process {
            let _ = self.end(Signal::QUIT);
        }
        // One in a container may not listen to a signal yet; it is ended with its container.
    }
}

/// `program serve` on a free port, whatever the environment says, with an end if this process ends.
fn command(program: &Path, is_for_a_container: bool) -> Command {
    /// Where it finds settings, beside its own variables.
    const OTHERS: [&str; 4] = [
        "WEB_CONCURRENCY",
        "LISTEN_FDS",
        "LISTEN_PID",
        "NOTIFY_SOCKET",
    ];
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("MILLICORE_") || OTHERS.contains(&&*text) {
            command.env_remove(&name);
        }
    }
    let bind = if is_for_a_container {
        "0.0.0.0:0"
    } else {
        "127.0.0.1:0"
    };
    command
        .args(["serve", "--bind", bind, "--log-level", "warn"])
        // By then nobody waits for an answer any more.
        .args(["--graceful-timeout", "1s"])
        // A group of its own: Ctrl-C is for this process, which stops the server.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    if !is_for_a_container {
        // In a container this process has no number.
        let parent = getpid().as_raw_nonzero().to_string();
        command.args(["--parent", &parent]);
    }
    command
}

/// The number of a child, and a descriptor that is readable once it has ended. Without those it
/// could not be watched, and is ended.
fn descriptor(child: &mut Child) -> io::Result<(Pid, OwnedFd)> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(io::ErrorKind::InvalidData)?;
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(ended) => Ok((pid, ended)),
        Err(error) => {
            child.kill()?;
            child.wait()?;
            Err(error.into())
        }
    }
}

/// Reads until the server, and whoever else has its standard error, has ended, so that nobody ever
/// waits to write there.
fn lines(stderr: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = channel();
    if let Some(stderr) = stderr {
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // Where nobody reads them any more, they are still read from the pipe.
                let _ = sender.send(line);
            }
        });
    }
    receiver
}

#[cfg(test)]
mod tests {
    use super::reached_at;

    #[test]
    fn a_container_is_reached_at_its_own_address() {
        let check = |url: &str, address: Option<&str>, expected: &str| {
            let address = address.map(|address| address.parse().unwrap());
            assert_eq!(reached_at(url, address), expected);
        };
        check("http://127.0.0.1:80", None, "http://127.0.0.1:80");
        check(
            "http://0.0.0.0:8080",
            Some("10.0.0.2"),
            "http://10.0.0.2:8080",
        );
        check("http://[::]:8080", Some("fd00::2"), "http://[fd00::2]:8080");
    }
}
