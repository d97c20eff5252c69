//! What the system says of a server: its processes, their descriptors, CPU time and memory.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::fs;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// A test that would hang fails instead, after a time no machine needs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(40);

/// Lets others run until something has happened that nothing announces.
#[track_caller]
pub(crate) fn until(what: &str, mut has_happened: impl FnMut() -> bool) {
    let began = Instant::now();
    while !has_happened() {
        assert!(
            began.elapsed() < DEADLINE,
            "after {DEADLINE:?} still not: {what}"
        );
        std::thread::yield_now();
    }
}

/// A process that is not ours to wait for.
pub(crate) struct Process {
    pid: Pid,
    pidfd: OwnedFd,
}

impl Process {
    #[track_caller]
    pub(crate) fn of(id: u32) -> Self {
        let pid = Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
        Self { pid, pidfd }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }

    /// Waits until it has ended.
    #[track_caller]
    pub(crate) fn expect_end(&self) {
        let mut ends = [PollFd::new(&self.pidfd, PollFlags::IN)];
        let deadline = Timespec::try_from(DEADLINE).unwrap();
        let ended = poll(&mut ends, Some(&deadline)).unwrap();
        assert_eq!(ended, 1, "{:?} lives after {DEADLINE:?}", self.pid);
    }
}

/// The children of a process, those that nobody has waited for yet included.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let mut children = Vec::new();
    for thread in entries(&format!("/proc/{pid}/task")) {
        let list = read(&format!("/proc/{pid}/task/{thread}/children"));
        children.extend(list.split_whitespace().map(|it| it.parse::<u32>().unwrap()));
    }
    children
}

/// A server's processes: itself and its children.
fn family(pid: u32) -> Vec<u32> {
    let mut family = children(pid);
    family.push(pid);
    family
}

/// How many descriptors they have open together.
pub(crate) fn descriptors(pid: u32) -> usize {
    let open = |pid| entries(&format!("/proc/{pid}/fd")).len();
    family(pid).into_iter().map(open).sum()
}

/// Their CPU time and that of the children they have waited for, in ticks.
pub(crate) fn cpu_ticks(pid: u32) -> u64 {
    let ticks = |pid| {
        let stat = read(&format!("/proc/{pid}/stat"));
        // The name in parentheses may have spaces; what follows it has not.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let fields = fields.split_whitespace().skip(11).take(4);
        fields.map(|it| it.parse::<u64>().unwrap()).sum::<u64>()
    };
    family(pid).into_iter().map(ticks).sum()
}

/// The memory that they alone have, in KiB.
pub(crate) fn private_kib(pid: u32) -> u64 {
    let private = |pid| {
        let status = read(&format!("/proc/{pid}/status"));
        let line = status.lines().find(|line| line.starts_with("RssAnon:"));
        let size = line.and_then(|line| line.split_whitespace().nth(1));
        size.map_or(0, |size| size.parse::<u64>().unwrap())
    };
    family(pid).into_iter().map(private).sum()
}

fn entries(directory: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else {
        // The process has ended meanwhile.
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.collect()
}

fn read(file: &str) -> String {
    match fs::read_to_string(file) {
        Ok(text) => text,
        // As above.
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {
            String::new()
        }
        Err(error) => panic!("{file}: {error}"),
    }
}
