//! What the system says of a process: its state, children, threads and descriptors.

use rustix::event::poll;
use rustix::time::Timespec;
use std::fs;

/// Waits for what no descriptor tells of; fails if it does not come about.
#[track_caller]
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let moment = Timespec {
        tv_sec: 0,
        tv_nsec: 2_000_000,
    };
    for _ in 0..10_000 {
        if is_so() {
            return;
        }
        let _ = poll(&mut [], Some(&moment));
    }
    panic!("it never came about: {what}");
}

/// Whether a process waits for something.
pub(crate) fn is_asleep(pid: u32) -> bool {
    field(pid, 0).is_some_and(|state| state == "S")
}

/// The children of a process, those that have ended and were not reaped included.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap();
    let names = processes.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let pids = names.filter_map(|name| name.parse().ok());
    let parent = pid.to_string();
    pids.filter(|&child| field(child, 1).as_ref() == Some(&parent))
        .collect()
}

/// From `/proc/PID/stat`, counted from its state on, which follows the name in parentheses.
fn field(pid: u32, position: usize) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    fields.split_whitespace().nth(position).map(str::to_owned)
}

pub(crate) fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

pub(crate) fn threads(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).unwrap().count()
}
