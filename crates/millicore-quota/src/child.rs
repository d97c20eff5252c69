//! A program started on this machine: in its groups before its first instruction, and ended with the
//! thread that started it.

use crate::place::{PlaceError, Program, Running};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, getpid, getppid, kill_process, kill_process_group, pidfd_open,
    set_parent_process_death_signal,
};
use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often it is asked for, where the kernel has no descriptor to wait for.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Lets the command join the groups whose open `cgroup.procs` these are, before it becomes the
/// program; and die when the thread that starts it ends, so that nobody is left behind by a kill.
pub(crate) fn prepare(command: &mut Command, groups: Vec<File>) {
    let parent = getpid();
    let join = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // Asked first and looked at then, so that it cannot end unnoticed in between.
        if getppid() != Some(parent) {
            return Err(Errno::SRCH);
        }
        for group in &groups {
            // 0 is the process that writes.
            rustix::io::write(group, b"0")?;
        }
        Ok(())
    };
    let join = move || join().map_err(|error| marked(error.raw_os_error()));
    // SAFETY: the closure runs between fork and exec in the child of a process that may have other
    // threads, so it must not allocate, lock or unwind. It makes four kinds of system calls through
    // rustix, which enters the kernel directly, and builds an `io::Error` from a number, which does
    // not allocate. The files stay open as long as the command has the closure.
    #[expect(unsafe_code, reason = "no safe interface runs code before exec")]
    unsafe {
        command.pre_exec(join);
    }
}

/// An error of the child before it became the program. All that comes from it is a number, and that of
/// a program that cannot be executed could be the same.
fn marked(error: i32) -> io::Error {
    io::Error::from_raw_os_error(JOINING + error)
}

/// Above all numbers of errors that the kernel has.
const JOINING: i32 = 1 << 16;

/// Starts a prepared command. What fails before the program's own start is no failure of the program.
pub(crate) fn spawn(command: &mut Command, enclosure: &str) -> Result<Child, PlaceError> {
    command.spawn().map_err(|source| {
        let number = source.raw_os_error().and_then(|it| it.checked_sub(JOINING));
        match number {
            Some(number) if number >= 0 => PlaceError::Failed {
                doing: format!("joining {enclosure}"),
                source: io::Error::from_raw_os_error(number),
            },
            _ => PlaceError::Start {
                executable: PathBuf::from(command.get_program()),
                enclosure: enclosure.to_owned(),
                source,
            },
        }
    })
}

/// Starts a program in the groups whose `cgroup.procs` these are, with pipes to read what it says.
///
/// It leads a process group, so that an interrupt typed at the terminal is left to who started it.
pub(crate) fn start(
    program: &Program,
    groups: Vec<File>,
    enclosure: &str,
) -> Result<LocalProgram, PlaceError> {
    let mut command = Command::new(&program.executable);
    command
        .args(&program.arguments)
        .envs(
            program
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    prepare(&mut command, groups);
    let child = spawn(&mut command, enclosure)?;
    Ok(LocalProgram::new(
        child,
        program.executable.display().to_string(),
    ))
}

/// A child of this process, which its enclosure can end as well.
#[derive(Debug, Clone)]
pub(crate) struct LocalProgram {
    name: String,
    pid: Option<Pid>,
    child: Arc<Mutex<Child>>,
    /// Readable once it has ended.
    ended: Option<Arc<OwnedFd>>,
}

impl LocalProgram {
    fn new(child: Child, name: String) -> Self {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let ended = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        Self {
            name,
            pid,
            child: Arc::new(Mutex::new(child)),
            ended: ended.map(Arc::new),
        }
    }

    /// Ends it and its process group, and waits for it.
    pub(crate) fn end(&self) -> io::Result<()> {
        let mut child = self.lock();
        // Until it is waited for, its number is nobody else's.
        if child.try_wait()?.is_none() {
            self.pid
                .map_or(Ok(()), |pid| kill_process_group(pid, Signal::KILL))
                .or_else(|_| child.kill())?;
            child.wait()?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, doing: &str, source: io::Error) -> PlaceError {
        PlaceError::Failed {
            doing: format!("{doing} {}", self.name),
            source,
        }
    }
}

/// The end of a program that its owner lets go of.
#[derive(Debug)]
pub(crate) struct RunningProgram(pub(crate) LocalProgram);

impl Running for RunningProgram {
    fn address(&self) -> IpAddr {
        Ipv4Addr::LOCALHOST.into()
    }

    fn take_stdout(&mut self) -> Option<Box<dyn Read + Send>> {
        let pipe = self.0.lock().stdout.take()?;
        Some(Box::new(pipe))
    }

    fn take_stderr(&mut self) -> Option<Box<dyn Read + Send>> {
        let pipe = self.0.lock().stderr.take()?;
        Some(Box::new(pipe))
    }

    fn ask_to_stop(&mut self) -> Result<(), PlaceError> {
        let mut child = self.0.lock();
        let ended = child
            .try_wait()
            .map_err(|error| self.0.failed("waiting for", error))?;
        match (ended, self.0.pid) {
            (None, Some(pid)) => kill_process(pid, Signal::TERM)
                .map_err(|error| self.0.failed("asking to stop", error.into())),
            _ => Ok(()),
        }
    }

    fn wait(&mut self, at_most: Duration) -> Result<Option<ExitStatus>, PlaceError> {
        let until = Instant::now().checked_add(at_most);
        loop {
            let ended = self.0.lock().try_wait();
            let ended = ended.map_err(|error| self.0.failed("waiting for", error))?;
            // An end too far to be told is an hour at a time.
            let left = until.map_or(Duration::from_secs(3600), |until| {
                until.saturating_duration_since(Instant::now())
            });
            if ended.is_some() || left.is_zero() {
                return Ok(ended);
            }
            match &self.0.ended {
                Some(ended) => wait_for(ended, left),
                None => thread::sleep(left.min(BETWEEN_LOOKS)),
            }
        }
    }
}

impl Drop for RunningProgram {
    fn drop(&mut self) {
        // There is nobody to tell; the enclosure ends what is left, and tells.
        let _ = self.0.end();
    }
}

fn wait_for(ended: &OwnedFd, at_most: Duration) {
    let timeout = Timespec::try_from(at_most).ok();
    // An interrupted wait is one more look.
    let _ = poll(&mut [PollFd::new(ended, PollFlags::IN)], timeout.as_ref());
}

#[cfg(test)]
mod tests {
    use super::{prepare, spawn};
    use std::fs::OpenOptions;
    use std::process::Command;

    /// Starts a program that joins by writing to this file.
    #[track_caller]
    fn check(program: &str, file: &str, expected: &str) {
        let group = OpenOptions::new().write(true).open(file).unwrap();
        let mut command = Command::new(program);
        prepare(&mut command, vec![group]);
        match spawn(&mut command, "the group") {
            Ok(mut child) => assert_eq!(child.wait().unwrap().to_string(), expected),
            Err(error) => assert_eq!(error.to_string(), expected),
        }
    }

    #[test]
    fn a_group_that_cannot_be_joined_is_no_failure_of_the_program() {
        check("true", "/dev/null", "exit status: 0");
        check(
            "true",
            "/dev/full",
            "joining the group: No space left on device (os error 28)",
        );
        check(
            "/",
            "/dev/null",
            "/ cannot be started in the group: Permission denied (os error 13)",
        );
        check(
            "/no/such",
            "/dev/null",
            "/no/such cannot be started in the group: No such file or directory (os error 2)",
        );
    }
}
