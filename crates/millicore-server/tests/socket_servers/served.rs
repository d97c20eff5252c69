//! The server under test: a process of its own that does what its clients ask, and says on standard
//! output what happens. A handler that is to wait takes one byte of standard input.

use crate::observed;
use crate::setup::{Kind, Words};
use millicore_server::address::Peer;
use millicore_server::process;
use millicore_server::signals::Signals;
use millicore_server::socket::{
    Datagram, Failure, Handler, Hooks, SocketError, SocketRequest, SocketServer, Stream,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{BufRead, Write, stdin, stdout};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// How often it is started where starting is what is tested.
const STARTS: usize = 20;

pub(crate) fn serve(words: &[String]) -> ExitCode {
    let words = Words(words.to_vec());
    // A program may have children that are not the server's.
    let foreign = words
        .is("foreign", "yes")
        .then(|| process::fork(|| 72).unwrap());
    match Kind::parse(words.get("kind").unwrap()) {
        Kind::Tcp => run(&words, |at, actor| {
            SocketServer::tcp(at, actor.0.options(), actor)
        }),
        Kind::Udp => run(&words, |at, actor| {
            SocketServer::udp(at, actor.0.options(), actor)
        }),
        Kind::Unix => run(&words, |at, actor| {
            SocketServer::<Stream>::unix(at, actor.0.options(), actor)
        }),
        Kind::UnixDatagram => run(&words, |at, actor| {
            SocketServer::<Datagram>::unix(at, actor.0.options(), actor)
        }),
    }
    if let Some(mut child) = foreign {
        say(&format!("foreign {:?}", child.wait().unwrap()));
    }
    let left = observed::children(std::process::id()).len();
    if !words.is("block_on_close", "no") {
        say(&format!("children {left}"));
    }
    if words.is("stay", "yes") {
        wait_for_byte();
    }
    ExitCode::SUCCESS
}

/// One line, in one piece whatever process or thread says it.
pub(crate) fn say(line: &str) {
    stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn wait_for_byte() {
    // Unbuffered: another process may wait for the next byte.
    let _ = rustix::io::read(stdin(), &mut [0; 1]);
}

fn run<R: Asked>(
    words: &Words,
    make: impl Fn(&str, Actor) -> Result<SocketServer<R>, SocketError>,
) {
    let made = || {
        let server = make(words.get("at").unwrap(), Actor(words.clone()));
        server.map(|server| match words.is("hooks", "none") {
            true => server,
            false => server.with_hooks(Watcher::new(words)),
        })
    };
    match words.get("script").unwrap_or("serve") {
        "serve" => {
            let mut server = made().unwrap();
            server.stop_on(Signals::block().unwrap()).unwrap();
            listening(&server);
            serve_and_close(&mut server);
        }
        "twice" => {
            let mut server = made().unwrap();
            server.stop_on(Signals::block().unwrap()).unwrap();
            listening(&server);
            left(server.serve_forever());
            serve_and_close(&mut server);
        }
        "handle" => {
            let mut server = made().unwrap();
            listening(&server);
            for _ in 0..words.number("requests").unwrap() {
                say(&format!("handled {}", server.handle_request().unwrap()));
            }
            server.close();
        }
        "starts" => {
            for start in 0..STARTS {
                let mut server = make(
                    &words.get("at").unwrap().replace('#', &start.to_string()),
                    Actor(words.clone()),
                );
                let server = server.as_mut().unwrap();
                server.control().request_shutdown();
                left(server.serve_forever());
                server.close();
            }
        }
        "close" => {
            let mut server = made().unwrap();
            server.close();
            left(server.serve_forever());
        }
        "make" => match made() {
            Ok(_) => say("made"),
            Err(error) => say(&format!("refused: {error}")),
        },
        other => panic!("unknown script {other}"),
    }
}

fn listening<R: SocketRequest>(server: &SocketServer<R>) {
    let address = server.tcp_address();
    let address = address.map_or("unix".to_owned(), |address| address.to_string());
    say(&format!("listening {address}"));
}

fn left(outcome: Result<(), SocketError>) {
    match outcome {
        Ok(()) => say("left"),
        Err(error) => say(&format!("left: {error}")),
    }
}

fn serve_and_close<R: SocketRequest>(server: &mut SocketServer<R>) {
    left(server.serve_forever());
    say(&format!("active {}", server.active_requests()));
    server.close();
    say(&format!(
        "closed {} {}",
        server.active_requests(),
        server.active_children().len()
    ));
}

/// What handlers of both kinds of requests can do.
pub(crate) trait Asked: SocketRequest + BufRead + Write {
    fn is_truncated(&self) -> bool {
        false
    }
}

impl Asked for Stream {}

impl Asked for Datagram {
    fn is_truncated(&self) -> bool {
        Self::is_truncated(self)
    }
}

/// Does what the first line of a request says.
struct Actor(Words);

impl<R: Asked> Handler<R> for Actor {
    fn setup(&self, _request: &mut R) -> Result<(), Failure> {
        match self.0.is("setup", "fails") {
            true => Err("not set up".into()),
            false => Ok(()),
        }
    }

    fn handle(&self, request: &mut R) -> Result<(), Failure> {
        let mut line = String::new();
        request.read_line(&mut line)?;
        if request.is_truncated() {
            say("truncated");
        }
        let asked: Vec<&str> = line.split_whitespace().collect();
        match asked[..] {
            ["error"] => {
                say("called");
                return Err("as asked".into());
            }
            ["panic"] => {
                say("called");
                panic!("as asked");
            }
            ["exit", status] => {
                say("called");
                return Err(Failure::Exit(status.parse()?));
            }
            ["die", status] => std::process::exit(status.parse()?),
            ["kill"] => kill_this_process(),
            ["hold"] => self.hold(),
            ["first"] => {
                request.write_all(b"at once\n")?;
                wait_for_byte();
            }
            ["large", bytes] => return write_much(request, bytes.parse()?),
            _ => {}
        }
        Ok(request.write_all(line.as_bytes())?)
    }

    fn finish(&self, _request: &mut R) -> Result<(), Failure> {
        if self.0.is("finish", "says") {
            say("finished");
        }
        Ok(())
    }
}

static HELD: AtomicUsize = AtomicUsize::new(0);

impl Actor {
    /// Says how many requests are at work beside it, then waits for a byte.
    fn hold(&self) {
        let forks = matches!(self.0.get("model"), Some("forks" | "prefork"));
        let held = HELD.fetch_add(1, Ordering::SeqCst) + 1;
        let parent = std::os::unix::process::parent_id();
        let at_work = match forks {
            true => observed::children(parent).len(),
            false => held,
        };
        say(&format!("holding {at_work}"));
        wait_for_byte();
        HELD.fetch_sub(1, Ordering::SeqCst);
        say("released");
    }
}

fn kill_this_process() -> ! {
    let this = rustix::process::getpid();
    rustix::process::kill_process(this, rustix::process::Signal::KILL).unwrap();
    unreachable!("it is killed");
}

extern "C" fn do_nothing(_signal: i32) {}

/// Writes so many bytes while signals interrupt it.
fn write_much(request: &mut impl Write, bytes: usize) -> Result<(), Failure> {
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
    let action = SigHandler::Handler(do_nothing);
    let action = SigAction::new(action, SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler does nothing, which is safe at any moment.
    #[expect(unsafe_code, reason = "a signal that interrupts needs a handler")]
    unsafe { sigaction(Signal::SIGUSR1, &action) }?;
    say(&format!("writing {}", std::process::id()));
    let mut data = (0..=u8::MAX).collect::<Vec<u8>>().repeat(bytes / 256 + 1);
    data.truncate(bytes);
    let mut rest = &data[..];
    while !rest.is_empty() {
        // Unlike `write_all`, this does not forgive an interruption.
        rest = &rest[request.write(rest)?..];
    }
    Ok(())
}

/// Hooks that say what happens, and do what the words ask of them.
struct Watcher {
    words: Words,
    verified: AtomicUsize,
    made: Instant,
}

impl Watcher {
    fn new(words: &Words) -> Self {
        Self {
            words: words.clone(),
            verified: AtomicUsize::new(0),
            made: Instant::now(),
        }
    }
}

impl Hooks for Watcher {
    fn verify_request(&self, _peer: &Peer) -> bool {
        let is_first = self.verified.fetch_add(1, Ordering::SeqCst) == 0;
        if let Some(left) = self.words.number("descriptors")
            && is_first
        {
            leave_descriptors(left);
        }
        if self.words.is("processes", "none for the first") {
            grant_processes(!is_first);
        }
        match self.words.get("verify") {
            Some("refuses the first") => !is_first,
            Some("panics first") if is_first => panic!("in verify_request"),
            _ => true,
        }
    }

    fn handle_error(&self, _peer: Option<&Peer>, failure: &Failure) {
        say(&format!("error {failure}"));
        if self.words.is("reporter", "panics") {
            panic!("in handle_error");
        }
    }

    fn service_actions(&self) {
        match self.words.get("service") {
            Some("says") => say(&format!("turn {}", self.made.elapsed().as_millis())),
            Some("panics") => panic!("in service_actions"),
            _ => {}
        }
    }

    fn handle_timeout(&self) {
        say("timeout");
        if self.words.is("timeout", "panics") {
            panic!("in handle_timeout");
        }
    }
}

/// Lets this process open so many descriptors more.
fn leave_descriptors(count: usize) {
    let numbers = std::fs::read_dir("/proc/self/fd").unwrap();
    let names = numbers.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    // One of them is that of the directory, which is free again.
    let mut open: Vec<u64> = names.map(|name| name.parse().unwrap()).collect();
    open.sort_unstable();
    let is_open = |number: &u64| {
        open.contains(number) && std::fs::read_link(format!("/proc/self/fd/{number}")).is_ok()
    };
    let free = (0_u64..).filter(|number| !is_open(number));
    let limit = free.take(count).last().unwrap() + 1;
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(limit),
            maximum: most,
        },
    )
    .unwrap();
}

/// Lets the system refuse every new process and thread, or no more. Root is never refused.
fn grant_processes(are_granted: bool) {
    if rustix::process::getuid().is_root() {
        let nobody = rustix::process::Uid::from_raw(65_534);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
    }
    let most = getrlimit(Resource::Nproc).maximum;
    let current = if are_granted { most } else { Some(0) };
    setrlimit(
        Resource::Nproc,
        Rlimit {
            current,
            maximum: most,
        },
    )
    .unwrap();
}
