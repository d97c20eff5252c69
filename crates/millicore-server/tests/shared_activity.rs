//! What forked processes count is counted together. It has a main function of its own, because a
//! process is forked while it has one thread, and a test harness has several.

#![expect(clippy::print_stdout, reason = "it reports as a test harness does")]
#![expect(
    clippy::expect_used,
    reason = "it is a test, though not to a test harness"
)]

use millicore_server::activity::Activity;
use millicore_server::process::{Child, Exit, fork};
use rustix::process::Signal;
use std::io::{PipeReader, Read, Write};
use std::sync::Arc;

fn main() {
    counts_of_children_are_the_parents();
    requests_of_a_killed_child_are_forgotten();
    println!("test result: ok. 2 passed; 0 failed");
}

fn counts_of_children_are_the_parents() {
    const CHILDREN: u64 = 4;
    const REQUESTS: u64 = 5_000;
    let activity = Arc::new(Activity::new().expect("memory to share"));
    let serve = || {
        for _ in 0..REQUESTS {
            activity.connection_opened();
            let number = activity.next_number();
            activity.begin(number, "GET", "/", "id").answered(200);
            activity.connection_closed();
        }
        0
    };
    let children: Vec<Child> = (0..CHILDREN)
        .map(|_| fork(serve).expect("a child"))
        .collect();
    for mut child in children {
        assert_eq!(child.wait().expect("its end"), Exit::Status(0));
    }
    let counted = activity.snapshot();
    assert_eq!(counted.answered, [0, CHILDREN * REQUESTS, 0, 0, 0]);
    assert_eq!(counted.latency.count, CHILDREN * REQUESTS);
    assert_eq!(counted.connections_accepted, CHILDREN * REQUESTS);
    assert_eq!(
        (counted.connections_open, counted.requests_in_flight),
        (0, 0)
    );
    assert_eq!(activity.next_number(), CHILDREN * REQUESTS + 1);
}

fn requests_of_a_killed_child_are_forgotten() {
    let activity = Arc::new(Activity::new().expect("memory to share"));
    let mine = activity.begin(activity.next_number(), "GET", "/mine", "id");
    let (mut reader, mut writer) = std::io::pipe().expect("a pipe");
    let (stays, never) = std::io::pipe().expect("a pipe");
    let serve = || {
        let _one = activity.begin(activity.next_number(), "GET", "/one", "id-1");
        let _two = activity.begin(activity.next_number(), "GET", "/two", "id-2");
        writer.write_all(b"!").expect("the parent reads");
        wait_for_ever(&stays);
        0
    };
    let mut child = fork(serve).expect("a child");
    reader.read_exact(&mut [0]).expect("the child writes");
    let pid = child.pid().as_raw_nonzero().get().unsigned_abs();
    let rows = activity.live_requests();
    let seen: Vec<(u32, &str)> = rows
        .iter()
        .map(|row| (row.pid, row.path.as_str()))
        .collect();
    let own = std::process::id();
    assert_eq!(seen, [(own, "/mine"), (pid, "/one"), (pid, "/two")]);

    child.signal(Signal::KILL).expect("it lives");
    assert_eq!(child.wait().expect("its end"), Exit::Signal(9));
    activity.forget_process(pid);
    assert_eq!(activity.live_requests().len(), 1);
    let counted = activity.snapshot();
    assert_eq!((counted.requests_lost, counted.requests_in_flight), (2, 1));
    drop((mine, never));
    assert_eq!(activity.snapshot().requests_in_flight, 0);
}

/// Until it is killed: the other end is kept open.
fn wait_for_ever(mut stays: &PipeReader) {
    // Whatever comes, nothing follows.
    let _ = stays.read(&mut [0]);
}
