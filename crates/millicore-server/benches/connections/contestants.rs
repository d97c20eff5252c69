//! The servers that are compared, each in a process of its own.

use millicore_server::socket::{Failure, SocketModel, SocketOptions, SocketServer, Stream};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) struct Contestant {
    pub(crate) who: &'static str,
    /// None where it is not installed.
    pub(crate) running: Option<Running>,
}

pub(crate) struct Running {
    process: Child,
    port: u16,
}

/// What a process has and may not get more of.
pub(crate) struct Holds {
    descriptors: usize,
    children: usize,
    memory_kib: i64,
    /// CPU time of the process and of its children that were reaped.
    cpu: Duration,
}

const PYTHON: &str = "
import socketserver, sys
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(self.rfile.readline())
kind = {'threads': socketserver.ThreadingTCPServer, 'forks': socketserver.ForkingTCPServer}[sys.argv[1]]
kind.request_queue_size = 128
with kind(('127.0.0.1', 0), Echo) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
";

impl Contestant {
    pub(crate) fn start(who: &'static str, model: &str) -> Self {
        let command = match who {
            "python" => {
                let mut command = Command::new("python3");
                command.args(["-c", PYTHON, model]);
                command
            }
            _ => {
                let this = std::env::current_exe().expect("it runs");
                let mut command = Command::new(this);
                command.arg("--serve").arg(format!("{who} {model}"));
                command
            }
        };
        let running = Running::start(command);
        Self { who, running }
    }

    pub(crate) fn holds(&self) -> Option<Holds> {
        self.running.as_ref().map(Running::holds)
    }
}

impl Running {
    fn start(mut command: Command) -> Option<Self> {
        let mut process = command.stdout(Stdio::piped()).spawn().ok()?;
        let mut line = String::new();
        let output = process.stdout.take().expect("it is a pipe");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("it talks");
        let port = line.trim().parse().expect("it says its port");
        Some(Self { process, port })
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    fn holds(&self) -> Holds {
        let pid = self.process.id();
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd"));
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = resident.and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok());
        Holds {
            descriptors: descriptors.map_or(0, Iterator::count),
            children: children.unwrap_or_default().split_whitespace().count(),
            memory_kib: kib.unwrap_or(0),
            cpu: cpu_time(pid),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Holds {
    /// CPU microseconds of each request.
    pub(crate) fn cpu_each(&self, before: &Self, requests: usize) -> String {
        let used = self.cpu.saturating_sub(before.cpu);
        format!("{:.0}", used.as_secs_f64() * 1e6 / requests as f64)
    }

    pub(crate) fn grown_since(&self, before: &Self) -> [String; 3] {
        let grown =
            |now: usize, then: usize| format!("{:+}", now.cast_signed() - then.cast_signed());
        [
            grown(self.descriptors, before.descriptors),
            grown(self.children, before.children),
            format!("{:+}", self.memory_kib - before.memory_kib),
        ]
    }
}

/// From `/proc/PID/stat`, whose fields after the name in parentheses begin with the third.
fn cpu_time(pid: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let (_, fields) = text.rsplit_once(')').unwrap_or_default();
    let times = fields.split_whitespace().skip(11).take(4);
    let ticks: u64 = times.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    let ticks_per_second = rustix::param::clock_ticks_per_second();
    Duration::from_micros(ticks * 1_000_000 / ticks_per_second)
}

pub(crate) fn python_version() -> String {
    let output = Command::new("python3").arg("--version").output();
    output.map_or_else(
        |_| "no Python".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// Serves until it is killed.
pub(crate) fn serve(name: &str) {
    match name {
        "millicore threads" => millicore(SocketModel::Threads),
        "millicore forks" => millicore(SocketModel::Forks),
        "bare threads" => bare_threads(),
        "bare forks" => bare_forks(),
        other => println!("{other} is no contestant"),
    }
}

fn millicore(model: SocketModel) {
    let echo = |stream: &mut Stream| -> Result<(), Failure> {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line)?;
        Ok(stream.write_all(&line)?)
    };
    let mut options = SocketOptions::new(model);
    options.request_queue_size = 128;
    let server = SocketServer::tcp("127.0.0.1:0", options, echo);
    let mut server = server.expect("a port is free");
    println!("{}", server.tcp_address().expect("it is TCP").port());
    server.serve_forever().expect("it serves");
}

fn bare_listener() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    println!("{}", listener.local_addr().expect("it is bound").port());
    listener
}

fn echo(mut connection: TcpStream) {
    let mut line = [0; 512];
    let count = connection.read(&mut line).expect("a client writes");
    connection
        .write_all(&line[..count])
        .expect("a client reads");
}

fn bare_threads() {
    let listener = bare_listener();
    loop {
        let (connection, _) = listener.accept().expect("a client comes");
        std::thread::spawn(move || echo(connection));
    }
}

fn bare_forks() {
    let listener = bare_listener();
    loop {
        let (connection, _) = listener.accept().expect("a client comes");
        // SAFETY: this process has no other thread.
        #[expect(unsafe_code, reason = "there is no safe way to fork")]
        match unsafe { fork() }.expect("a child is forked") {
            ForkResult::Child => {
                echo(connection);
                // SAFETY: _exit(2) takes any status and does not return.
                unsafe { nix::libc::_exit(0) }
            }
            ForkResult::Parent { .. } => drop(connection),
        }
        while waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG))
            .is_ok_and(|status| status != WaitStatus::StillAlive)
        {}
    }
}
