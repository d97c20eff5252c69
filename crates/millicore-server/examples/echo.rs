//! An echo server on every kind of socket, in every concurrency model.
//!
//! ```console
//! $ cargo run -p millicore-server --example echo -- tcp forks 127.0.0.1:7000 --max-children 2
//! $ cargo run -p millicore-server --example echo -- unix prefork /run/user/1000/echo --workers 4
//! $ echo hello world | nc 127.0.0.1 7000
//! ```
//!
//! The kinds are tcp, udp, unix and unix-datagram, the models sync, threads, forks and prefork. TERM
//! and INT (Ctrl-C) stop it.
#![expect(clippy::print_stderr, reason = "an example talks to a person")]

use millicore_server::signals::Signals;
use millicore_server::socket::{
    Datagram, Failure, SocketModel, SocketOptions, SocketRequest, SocketServer, Stream,
};
use std::io::{BufRead, Write};
use std::num::NonZeroUsize;
use std::process::ExitCode;

type Outcome = Result<(), Failure>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Outcome {
    let [kind, model, address, rest @ ..] = arguments else {
        return Err("give a kind, a model and an address: tcp forks 127.0.0.1:7000".into());
    };
    let options = options(model, rest)?;
    match kind.as_str() {
        "tcp" => serve(SocketServer::tcp(address, options, echo::<Stream>)?),
        "unix" => serve(SocketServer::<Stream>::unix(address, options, echo)?),
        "udp" => serve(SocketServer::udp(address, options, echo::<Datagram>)?),
        "unix-datagram" => serve(SocketServer::<Datagram>::unix(address, options, echo)?),
        other => Err(format!("{other} is none of tcp, udp, unix, unix-datagram").into()),
    }
}

/// Sends a line back. Streams and datagrams are read and written alike.
fn echo<R: SocketRequest + BufRead + Write>(request: &mut R) -> Outcome {
    let mut line = Vec::new();
    request.read_until(b'\n', &mut line)?;
    Ok(request.write_all(&line)?)
}

fn serve<R: SocketRequest>(mut server: SocketServer<R>) -> Outcome {
    // Before any thread exists: forks and prefork allow none, and a thread inherits what is blocked.
    server.stop_on(Signals::block()?)?;
    match server.tcp_address() {
        Some(address) => eprintln!("listening on {address}"),
        None => eprintln!("listening"),
    }
    server.serve_forever()?;
    server.close();
    Ok(())
}

fn options(model: &str, flags: &[String]) -> Result<SocketOptions, Failure> {
    let mut workers = NonZeroUsize::MIN;
    let mut max_children = None;
    let mut max_threads = None;
    for pair in flags.chunks(2) {
        let [flag, value] = pair else {
            return Err(format!("{pair:?} has no value").into());
        };
        match flag.as_str() {
            "--workers" => workers = value.parse()?,
            "--max-children" => max_children = Some(value.parse()?),
            "--max-threads" => max_threads = Some(value.parse()?),
            other => return Err(format!("unknown flag {other}").into()),
        }
    }
    let mut options = SocketOptions::new(match model {
        "sync" => SocketModel::Sync,
        "threads" => SocketModel::Threads,
        "forks" => SocketModel::Forks,
        "prefork" => SocketModel::Prefork(workers),
        other => return Err(format!("{other} is none of sync, threads, forks, prefork").into()),
    });
    options.allow_reuse_address = true;
    options.max_children = max_children.unwrap_or(options.max_children);
    options.max_threads = max_threads;
    Ok(options)
}
