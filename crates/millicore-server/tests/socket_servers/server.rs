//! A server under test as its test holds it: started, heard, asked, ended.

use crate::client::{Client, PATIENCE, Place};
use crate::observed::{eventually, is_asleep};
use crate::setup::Kind;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) place: Place,
    process: Child,
    input: ChildStdin,
    output: ChildStdout,
    unread: Vec<u8>,
    events: VecDeque<String>,
    path: PathBuf,
}

/// Numbers the paths of sockets.
static SERVERS: AtomicU32 = AtomicU32::new(0);

impl Server {
    /// Starts one that serves, told by words such as `model=forks max_children=2`.
    #[track_caller]
    pub(crate) fn start(kind: Kind, model: &str, words: &[&str]) -> Self {
        let mut server = Self::run(kind, model, words);
        let address = server.event();
        let address = address.strip_prefix("listening ").unwrap();
        if let Ok(address) = address.parse() {
            server.place = Place::Inet(address);
        }
        server
    }

    /// Starts one of which nothing is known.
    pub(crate) fn run(kind: Kind, model: &str, words: &[&str]) -> Self {
        let number = SERVERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("millicore-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let at = match kind {
            Kind::Tcp | Kind::Udp => "127.0.0.1:0".to_owned(),
            // A script that makes several puts a number in the place of this sign.
            _ if words.contains(&"script=starts") => format!("{}#", path.display()),
            _ => path.display().to_string(),
        };
        let mut process = Command::new(std::env::current_exe().unwrap())
            .arg("--serve")
            .args([format!("kind={kind}"), format!("model={model}")])
            .arg(format!("at={at}"))
            .args(words)
            // It panics when it is told to, and need not say from where.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            kind,
            place: Place::Path(path.clone()),
            input: process.stdin.take().unwrap(),
            output: process.stdout.take().unwrap(),
            process,
            unread: Vec::new(),
            events: VecDeque::new(),
            path,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.kind, &self.place).unwrap()
    }

    /// A client that has asked for something, unless it is turned away already.
    pub(crate) fn ask(&self, line: &str) -> Client {
        let mut client = self.client();
        match client.send(format!("{line}\n").as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            sent => sent.unwrap(),
        }
        client
    }

    /// Asks, and is answered with the same.
    #[track_caller]
    pub(crate) fn echoes(&self) {
        let answer = self.ask("hello world").answer().unwrap();
        assert_eq!(answer, "hello world\n");
    }

    /// The next thing that the server says; nothing once nobody can say any more.
    pub(crate) fn next_event(&mut self) -> Option<String> {
        while self.events.is_empty() {
            assert!(self.has_output(true), "the server says nothing");
            let mut buffer = [0; 4096];
            match self.output.read(&mut buffer).unwrap() {
                0 => return None,
                count => self.unread.extend(&buffer[..count]),
            }
            while let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                let line = String::from_utf8(line).unwrap();
                self.events.push_back(line.trim_end().to_owned());
            }
        }
        self.events.pop_front()
    }

    #[track_caller]
    pub(crate) fn event(&mut self) -> String {
        self.next_event().expect("the server goes on")
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, events: &[&str]) {
        for expected in events {
            assert_eq!(self.event(), *expected);
        }
    }

    /// Fails if the server has said something that was not heard.
    #[track_caller]
    pub(crate) fn expect_silence(&mut self) {
        if self.has_output(false) {
            panic!("it says {:?}", self.next_event());
        }
        assert!(self.events.is_empty(), "it said {:?}", self.events);
    }

    fn has_output(&self, waits: bool) -> bool {
        let until = match waits {
            true => Timespec::try_from(PATIENCE).unwrap(),
            false => Timespec::default(),
        };
        let mut output = [PollFd::new(&self.output, PollFlags::IN)];
        poll(&mut output, Some(&until)).unwrap() > 0
    }

    /// Lets one of the handlers that wait go on.
    pub(crate) fn release(&mut self) {
        self.input.write_all(b".").unwrap();
    }

    /// Waits until the server has done what it can do.
    #[track_caller]
    pub(crate) fn await_sleep(&self) {
        eventually("the server waits", || is_asleep(self.pid()));
    }

    pub(crate) fn terminate(&self) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
    }

    /// Stops it in the middle of nothing, and sees that it leaves nothing.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        self.terminate();
        while self.event() != "left" {}
        assert!(self.event().starts_with("active "));
        self.expect(&["closed 0 0", "children 0"]);
        self.end();
    }

    /// Waits for the end of the process.
    #[track_caller]
    pub(crate) fn end(mut self) {
        if let Some(event) = self.next_event() {
            panic!("it also says {event:?}");
        }
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}");
    }

    /// Whether a client can still reach it.
    pub(crate) fn is_refused(&self) -> bool {
        // The file of a Unix socket goes with it.
        let refused = |error: io::Error| {
            matches!(
                error.kind(),
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound
            )
        };
        match Client::connect(self.kind, &self.place) {
            Err(error) => refused(error),
            // A datagram is refused when it has arrived.
            Ok(mut client) => {
                let sent = client.send(b"anybody?\n");
                sent.and_then(|()| client.answer()).is_err_and(refused)
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended by itself is beyond both.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.path);
    }
}
