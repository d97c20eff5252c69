//! `millicore serve` as it runs: every model answers, signals and the service manager are heard.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

const MODELS: [&str; 5] = ["sync", "threads", "forks", "prefork", "scheduled"];

/// A server that runs until it is told to stop or the test is over.
struct Server {
    child: Child,
    errors: BufReader<ChildStderr>,
    /// Where it listens, as it says.
    urls: Vec<String>,
}

impl Server {
    /// Starts it and waits until it listens on so many sockets.
    fn start(mut command: Command, sockets: usize) -> Self {
        for (name, _) in env::vars_os() {
            if name
                .to_str()
                .is_some_and(|name| name.starts_with("MILLICORE_"))
            {
                command.env_remove(name);
            }
        }
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let urls = Vec::new();
        let mut server = Self {
            child,
            errors,
            urls,
        };
        for _ in 0..sockets {
            let line = server.line_with("listening on ");
            let url = line.strip_prefix("listening on ").unwrap();
            server.urls.push(url.to_owned());
        }
        server
    }

    /// On a free port, with these arguments.
    fn with(arguments: &str) -> Self {
        Self::start(serve(&format!("--bind 127.0.0.1:0 {arguments}")), 1)
    }

    /// The next line on standard error that has this in it.
    #[track_caller]
    fn line_with(&mut self, part: &str) -> String {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            let length = self.errors.read_line(&mut line).unwrap();
            assert!(length > 0, "the server ended without `{part}`: {seen}");
            if line.contains(part) {
                return line.trim_end().to_owned();
            }
            seen.push_str(&line);
        }
    }

    fn get(&self, path: &str) -> String {
        let address = self.urls[0].strip_prefix("http://").unwrap();
        get(TcpStream::connect(address).unwrap(), path)
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits until it has ended, and answers with its exit status.
    fn status(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millicore"));
    command.arg("serve").args(arguments.split_whitespace());
    command.stdin(Stdio::null());
    command
}

/// The whole response.
fn get(mut stream: impl Read + Write, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    response(stream)
}

fn response(mut stream: impl Read) -> String {
    let mut response = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer).unwrap();
        response.extend_from_slice(&buffer[..length]);
        let text = String::from_utf8_lossy(&response);
        if length == 0 || is_whole(&text) {
            return text.into_owned();
        }
    }
}

fn is_whole(response: &str) -> bool {
    let Some((head, body)) = response.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    length.is_some_and(|length| body.len() >= length.parse().unwrap())
}

/// Asks again until it is so.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "still not: {what}"
        );
    }
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn every_model_answers_and_ends_when_it_is_told_to() {
    for model in MODELS {
        let server = Server::with(&format!("--model {model}"));
        let response = server.get("/healthz");
        assert!(
            response.starts_with("HTTP/1.1 200 OK\r\n"),
            "{model}: {response}"
        );
        let response = server.get("/primes?below=1000");
        assert!(response.contains("\"primes\":168,"), "{model}: {response}");
        server.signal(Signal::TERM);
        assert_eq!(server.status(), Some(0), "{model}");
    }
}

#[test]
fn several_sockets_are_listened_on_and_named() {
    let socket = path("several.sock");
    let arguments = format!("--bind 127.0.0.1:0 --bind unix:{}", socket.display());
    let server = Server::start(serve(&arguments), 2);
    assert!(!server.urls[0].ends_with(":0"), "{:?}", server.urls);
    assert_eq!(server.urls[1], format!("unix:{}", socket.display()));
    assert!(server.get("/healthz").starts_with("HTTP/1.1 200"));
    let response = get(UnixStream::connect(&socket).unwrap(), "/healthz");
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let server = Server::with("");
    let address = server.urls[0].strip_prefix("http://").unwrap();
    let output = serve(&format!("--bind {address}")).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let expected = format!("cannot listen on {address}: another program uses it");
    assert!(errors.contains(&expected), "{errors}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_is_served_on_how_much_of_the_machine_is_said_at_the_start() {
    let child = serve("--bind 127.0.0.1:0 --model forks --max-children 3");
    let mut server = Server::start(child, 0);
    let line = server.line_with("model forks, at most 3 processes; CPU limit ");
    assert!(line.contains(" open files"), "{line}");
}

#[test]
fn metrics_can_be_switched_off() {
    let status = |arguments: &str| {
        let response = Server::with(arguments).get("/metrics");
        response.split(' ').nth(1).map(str::to_owned)
    };
    assert_eq!(status("").as_deref(), Some("200"));
    assert_eq!(status("--no-metrics").as_deref(), Some("404"));
}

#[test]
fn the_file_is_followed_once_it_is_read_again() {
    for model in MODELS {
        let file = path(&format!("followed-{model}.toml"));
        let write = |text: &str| fs::write(&file, text).unwrap();
        write("keep-alive = true\n");
        let arguments = format!("--model {model} --config {}", file.display());
        let mut server = Server::with(&arguments);
        assert!(
            !server.get("/healthz").contains("connection: close"),
            "{model}"
        );

        write("keep-alive = false\nbacklog = 7\n");
        server.signal(Signal::HUP);
        let warning = server.line_with("backlog is still ");
        assert!(
            warning.contains("\"7\" needs a new start of the server"),
            "{warning}"
        );
        server.line_with("the settings were read again");
        // The worker of before goes on as it was started. The others follow a moment after they say
        // so: a connection that was faster is served as before.
        if model != "prefork" {
            until(model, || {
                server.get("/healthz").contains("connection: close")
            });
        }

        write("keep-alive = maybe\n");
        server.signal(Signal::HUP);
        server.line_with("the settings stay as they are: ");
        assert!(
            server.get("/healthz").starts_with("HTTP/1.1 200"),
            "{model}"
        );
    }
}

#[test]
fn more_is_said_once_the_level_is_another() {
    let file = path("level.toml");
    fs::write(&file, "log-level = \"info\"\n").unwrap();
    let mut server = Server::with(&format!("--config {}", file.display()));
    fs::write(&file, "log-level = \"debug\"\n").unwrap();
    server.signal(Signal::HUP);
    server.line_with("the settings were read again");
    server.get("/sleep?ms=0");
    server.line_with("DEBUG");
}

/// A service manager that hears what services say.
fn manager(name: &str) -> (UnixDatagram, PathBuf) {
    let path = path(name);
    // Of an earlier run.
    let _ = fs::remove_file(&path);
    (UnixDatagram::bind(&path).unwrap(), path)
}

#[track_caller]
fn check_heard(manager: &UnixDatagram, expected: &str) {
    let mut message = [0; 100];
    let length = manager.recv(&mut message).unwrap();
    let message = std::str::from_utf8(&message[..length]).unwrap();
    assert!(message.starts_with(expected), "{message}");
}

#[test]
fn a_service_manager_hears_how_the_server_is() {
    for model in MODELS {
        let (manager, socket) = manager(&format!("notify-{model}.sock"));
        let mut command = serve(&format!("--bind 127.0.0.1:0 --model {model}"));
        command.env("NOTIFY_SOCKET", &socket);
        let server = Server::start(command, 1);
        check_heard(&manager, "READY=1");
        server.signal(Signal::HUP);
        check_heard(&manager, "RELOADING=1\nMONOTONIC_USEC=");
        check_heard(&manager, "READY=1");
        server.signal(Signal::TERM);
        check_heard(&manager, "STOPPING=1");
        assert_eq!(server.status(), Some(0), "{model}");
    }
}

#[test]
fn a_server_on_its_way_out_is_not_ready_and_an_interrupt_ends_it_at_once() {
    for model in MODELS {
        let (manager, socket) = manager(&format!("drain-{model}.sock"));
        let mut command = serve(&format!(
            "--bind 127.0.0.1:0 --drain-delay 1h --model {model}"
        ));
        command.env("NOTIFY_SOCKET", &socket);
        let server = Server::start(command, 1);
        check_heard(&manager, "READY=1");
        assert!(server.get("/readyz").starts_with("HTTP/1.1 200"), "{model}");
        server.signal(Signal::INT);
        check_heard(&manager, "STOPPING=1");
        let response = server.get("/readyz");
        assert!(response.starts_with("HTTP/1.1 503"), "{model}: {response}");
        server.signal(Signal::INT);
        assert_eq!(server.status(), Some(0), "{model}");
    }
}

#[test]
fn sockets_of_a_service_manager_are_served_and_outlive_the_server() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    // The shell passes standard input on as the first descriptor that a manager hands over.
    let script = "exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" serve";
    let mut command = Command::new("sh");
    command.args([
        Path::new("-c"),
        script.as_ref(),
        env!("CARGO_BIN_EXE_millicore").as_ref(),
    ]);
    command.stdin(OwnedFd::from(socket.try_clone().unwrap()));
    let server = Server::start(command, 1);
    assert_eq!(server.urls, [format!("http://{address}")]);
    assert!(server.get("/healthz").starts_with("HTTP/1.1 200"));
    server.signal(Signal::TERM);
    assert_eq!(server.status(), Some(0));
    let client = TcpStream::connect(address).unwrap();
    socket.set_nonblocking(false).unwrap();
    let (_, peer) = socket.accept().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
}

#[test]
fn what_was_accepted_is_answered_before_the_server_ends() {
    let one_slot = [
        "",
        "--max-threads 1",
        "--max-children 1",
        "--workers 1",
        "--cores 1",
    ];
    for (model, slot) in MODELS.into_iter().zip(one_slot) {
        let socket = path(&format!("accepted-{model}.sock"));
        let bind = format!("--bind unix:{}", socket.display());
        let server = Server::start(serve(&format!("{bind} --model {model} {slot}")), 1);
        let clients = [(); 3].map(|()| {
            let mut client = UnixStream::connect(&socket).unwrap();
            let request = b"GET /sleep?ms=100 HTTP/1.1\r\nhost: test\r\n\r\n";
            client.write_all(request).unwrap();
            client
        });
        server.signal(Signal::TERM);
        for client in clients {
            let response = response(client);
            assert!(response.starts_with("HTTP/1.1 200"), "{model}: {response}");
        }
        assert_eq!(server.status(), Some(0), "{model}");
        assert!(UnixStream::connect(&socket).is_err(), "{model}");
    }
}

#[test]
fn a_worker_is_replaced_after_so_many_requests() {
    let server = Server::with("--model prefork --workers 1 --max-requests 2");
    let pids = [(); 3].map(|()| {
        let response = server.get("/sleep?ms=0");
        let (_, rest) = response.split_once("\"pid\":").unwrap();
        rest.split(',').next().unwrap().to_owned()
    });
    assert_eq!(pids[0], pids[1]);
    assert_ne!(pids[1], pids[2]);
}
