//! A server of the tests' router in a process of its own.

use crate::application::router;
use crate::behaviour;
use axum::extract::Path;
use axum::routing::get;
use millicore_server::http::{Hooks, serve_blocking};
use millicore_server::listener::{ListenOptions, Listener};
use millicore_server::model::ConcurrencyModel;
use millicore_server::settings::ServerSettings;
use millicore_server::signals::Signals;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::process::{Child, Command, Stdio};

pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    #[track_caller]
    pub(crate) fn start(model: ConcurrencyModel) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--serve", model.name()])
            // It panics when it is told to, and need not say from where.
            .env("RUST_BACKTRACE", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut address).unwrap();
        let address = address.trim().parse().unwrap();
        Self { child, address }
    }

    /// Tells it to terminate, which it does when it has finished what it has to do.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended by itself is beyond both.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves, in a program that has no other thread.
pub(crate) fn serve(model: ConcurrencyModel) {
    let signals = Signals::block().unwrap();
    let bind = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind(&bind, &ListenOptions::default()).unwrap();
    let address = listener.tcp_address().unwrap();
    let mut settings = ServerSettings::new(model);
    settings.workers = NonZeroUsize::MIN;
    behaviour::limits(&mut settings);
    let router = router()
        .route("/exit/{status}", get(exit))
        .route("/abort", get(async || -> &str { std::process::abort() }));
    let hooks = Hooks {
        ready: Some(Box::new(move || println!("{address}"))),
        ..Hooks::default()
    };
    serve_blocking(vec![listener], router, &settings, signals, hooks).unwrap();
}

#[expect(clippy::exit, reason = "what it does is what is tested")]
async fn exit(Path(status): Path<i32>) -> String {
    std::process::exit(status)
}
