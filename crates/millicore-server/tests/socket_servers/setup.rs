//! What a server under test is told, as words that a command line carries.

use crate::harness::{Test, test};
use millicore_server::socket::{SocketModel, SocketOptions};
use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tcp,
    Udp,
    Unix,
    UnixDatagram,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Tcp, Self::Udp, Self::Unix, Self::UnixDatagram];

    pub(crate) fn is_stream(self) -> bool {
        matches!(self, Self::Tcp | Self::Unix)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Unix => "unix",
            Self::UnixDatagram => "unix_datagram",
        }
    }

    pub(crate) fn parse(name: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .unwrap()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Every kind in every model that it can have.
pub(crate) fn matrix() -> Vec<(Kind, &'static str)> {
    let mut all = Vec::new();
    for kind in Kind::ALL {
        all.extend(["sync", "threads", "forks"].map(|model| (kind, model)));
        all.extend(kind.is_stream().then_some((kind, "prefork")));
    }
    all
}

/// A test of a kind in a model.
pub(crate) type Body = fn(Kind, &str);

/// Each test for every kind in every model for which it is meant.
pub(crate) fn for_each(
    topic: &str,
    is_meant: impl Fn(Kind, &str) -> bool,
    bodies: &[(&str, Body)],
) -> Vec<Test> {
    let mut tests = Vec::new();
    for (kind, model) in matrix()
        .into_iter()
        .filter(|(kind, model)| is_meant(*kind, model))
    {
        tests.extend(bodies.iter().map(|&(what, body)| {
            let name = format!("{topic}::{what}::{kind}_{model}");
            test(name, move || body(kind, model))
        }));
    }
    tests
}

/// The words of a setup: `model=forks max_children=2 verify=refuse`.
#[derive(Clone, Debug)]
pub(crate) struct Words(pub(crate) Vec<String>);

impl Words {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter_map(|word| word.split_once('='));
        values
            .rfind(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.get(name).map(|value| value.parse().unwrap())
    }

    pub(crate) fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == Some(value)
    }

    pub(crate) fn options(&self) -> SocketOptions {
        let count = |name: &str| self.number(name).and_then(NonZeroUsize::new);
        let model = match self.get("model").unwrap() {
            "sync" => SocketModel::Sync,
            "threads" => SocketModel::Threads,
            "forks" => SocketModel::Forks,
            "prefork" => SocketModel::Prefork(count("workers").unwrap_or(NonZeroUsize::MIN)),
            other => panic!("{other} is no model"),
        };
        let mut options = SocketOptions::new(model);
        if let Some(most) = count("max_children") {
            options.max_children = most;
        }
        options.max_threads = count("max_threads");
        if let Some(bytes) = self.number("max_packet_size") {
            options.max_packet_size = bytes;
        }
        if let Some(ms) = self.number("timeout_ms") {
            options.timeout = Some(Duration::from_millis(u64::try_from(ms).unwrap()));
        }
        options.block_on_close = !self.is("block_on_close", "no");
        options.daemon_threads = self.is("daemon_threads", "yes");
        options
    }
}
