//! A server under test: `millicore serve` in a process of its own.

use crate::client::{Answer, Client};
use crate::processes::{self, DEADLINE, Process, children, until};
use rustix::process::Signal;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

pub(crate) struct Server {
    child: Child,
    /// What it says on standard error. It is read at once: a server that logs must not wait.
    lines: Receiver<String>,
    /// Where it listens.
    pub(crate) urls: Vec<String>,
}

/// What gives a model one slot, so that requests are served one after the other.
pub(crate) fn one_slot(model: &str) -> String {
    let slots = match model {
        "sync" => "",
        "threads" => "--max-threads 1",
        "forks" => "--max-children 1",
        "prefork" => "--workers 1",
        _ => "--policy fifo --cores 1",
    };
    format!("--model {model} {slots}")
}

/// Of a file that a test makes.
pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

pub(crate) fn serve(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millicore"));
    command.arg("serve").args(arguments.split_whitespace());
    command.stdin(Stdio::null());
    command
}

/// As [`serve`], with so many descriptors at most.
pub(crate) fn serve_with_descriptors(most: u32, arguments: &str) -> Command {
    let mut command = Command::new("sh");
    let script = format!("ulimit -n {most}; exec \"$0\" serve {arguments}");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_millicore")]);
    command.stdin(Stdio::null());
    command
}

impl Server {
    /// Starts one on a free port.
    #[track_caller]
    pub(crate) fn with(arguments: &str) -> Self {
        Self::start(serve(&format!("--bind 127.0.0.1:0 {arguments}")), 1)
    }

    /// Starts one and waits until it listens on so many sockets.
    #[track_caller]
    pub(crate) fn start(mut command: Command, sockets: usize) -> Self {
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(|it| it.starts_with("MILLICORE_")) {
                command.env_remove(name);
            }
        }
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            // Until nobody can say anything any more.
            for line in errors.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut server = Self {
            child,
            lines,
            urls: Vec::new(),
        };
        for _ in 0..sockets {
            let line = server.line_with("listening on ");
            let url = line.strip_prefix("listening on ").unwrap();
            server.urls.push(url.to_owned());
        }
        server
    }

    /// The next line on standard error that has this in it.
    #[track_caller]
    pub(crate) fn line_with(&self, part: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(DEADLINE) {
                Ok(line) if line.contains(part) => return line,
                Ok(line) => seen.push(line),
                Err(error) => panic!("no `{part}`, {error}: {seen:#?}"),
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    #[track_caller]
    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.urls[0])
    }

    /// A client that has asked for this.
    #[track_caller]
    pub(crate) fn asked(&self, path: &str) -> Client {
        let mut client = self.client();
        client.get(path);
        client
    }

    /// What a client of its own is answered.
    #[track_caller]
    pub(crate) fn ask(&self, path: &str) -> Answer {
        self.client().ask(path)
    }

    /// Fails unless it answers.
    #[track_caller]
    pub(crate) fn expect_health(&self) {
        let answer = self.ask("/healthz");
        assert_eq!((answer.status, &*answer.body), (200, "ok\n"));
    }

    pub(crate) fn signal(&self, signal: Signal) {
        Process::of(self.pid()).signal(signal);
    }

    /// Waits until it refuses connections.
    #[track_caller]
    pub(crate) fn expect_refusal(&self) {
        until("connections are refused", || {
            Client::try_connect(&self.urls[0]).is_err()
        });
    }

    /// Waits until it works on a request that needs CPU time.
    #[track_caller]
    pub(crate) fn expect_work(&self) {
        let before = processes::cpu_ticks(self.pid());
        until("the server computes", || {
            processes::cpu_ticks(self.pid()) > before + 3
        });
    }

    /// Waits until it has so many children.
    #[track_caller]
    pub(crate) fn expect_children(&self, count: usize) -> Vec<u32> {
        let mut seen = Vec::new();
        until(&format!("{count} children"), || {
            seen = children(self.pid());
            seen.len() == count
        });
        seen
    }

    /// Waits until it has ended, and answers with its exit status.
    #[track_caller]
    pub(crate) fn status(&mut self) -> Option<i32> {
        Process::of(self.pid()).expect_end();
        self.child.wait().unwrap().code()
    }

    /// Tells it to terminate, which it does when it has finished what it has to do.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.status(), Some(0));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
