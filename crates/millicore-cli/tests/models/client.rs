//! A client that sends bytes as it is told and reads responses as they are.

use crate::processes::DEADLINE;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SendFlags, Shutdown};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

/// One connection.
pub(crate) struct Client {
    socket: File,
    received: Vec<u8>,
}

/// A response, as far as a test looks at it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Client {
    /// To `http://ADDRESS` or `unix:PATH`.
    #[track_caller]
    pub(crate) fn connect(url: &str) -> Self {
        Self::try_connect(url).unwrap()
    }

    pub(crate) fn try_connect(url: &str) -> std::io::Result<Self> {
        let socket = if let Some(path) = url.strip_prefix("unix:") {
            let socket = UnixStream::connect(path)?;
            socket.set_read_timeout(Some(DEADLINE))?;
            OwnedFd::from(socket)
        } else {
            let socket = TcpStream::connect(url.strip_prefix("http://").unwrap())?;
            socket.set_read_timeout(Some(DEADLINE))?;
            OwnedFd::from(socket)
        };
        Ok(Self {
            socket: socket.into(),
            received: Vec::new(),
        })
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let mut rest = bytes.as_ref();
        while !rest.is_empty() {
            let sent = rustix::net::send(&self.socket, rest, SendFlags::NOSIGNAL).unwrap();
            rest = &rest[sent..];
        }
    }

    /// Sends what the server may not want to hear to the end.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let mut rest = bytes.as_ref();
        while !rest.is_empty() {
            match rustix::net::send(&self.socket, rest, SendFlags::NOSIGNAL) {
                Ok(sent) => rest = &rest[sent..],
                Err(_) => return,
            }
        }
    }

    /// Sends this again and again until the server has taken nothing for a while.
    pub(crate) fn send_all_it_takes(&mut self, bytes: &str) {
        let many = bytes.repeat(1000);
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let mut rest = many.as_bytes();
        loop {
            match rustix::net::send(&self.socket, rest, flags) {
                Ok(sent) => rest = &rest[sent..],
                Err(Errno::AGAIN) if self.is_full() => return,
                Err(Errno::AGAIN) => {}
                // It was given up.
                Err(_) => return,
            }
            if rest.is_empty() {
                rest = many.as_bytes();
            }
        }
    }

    /// Whether it still takes nothing after a moment.
    fn is_full(&self) -> bool {
        let mut sockets = [PollFd::new(&self.socket, PollFlags::OUT)];
        let moment = Timespec {
            tv_sec: 0,
            tv_nsec: 50_000_000,
        };
        poll(&mut sockets, Some(&moment)).unwrap() == 0
    }

    #[track_caller]
    pub(crate) fn get(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"));
    }

    /// Asks, and is answered.
    #[track_caller]
    pub(crate) fn ask(&mut self, path: &str) -> Answer {
        self.get(path);
        self.answer()
    }

    pub(crate) fn finish_sending(&self) {
        rustix::net::shutdown(&self.socket, Shutdown::Write).unwrap();
    }

    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        self.try_answer().expect("an answer, not the end")
    }

    /// The next response; nothing if the connection ends before it.
    #[track_caller]
    pub(crate) fn try_answer(&mut self) -> Option<Answer> {
        let mut answer = self.try_head()?;
        if answer.status >= 200 {
            let length = answer.field("content-length").unwrap().parse().unwrap();
            answer.body = String::from_utf8(self.take(length)?).unwrap();
        }
        Some(answer)
    }

    /// The next response to a request for a head alone.
    #[track_caller]
    pub(crate) fn try_head(&mut self) -> Option<Answer> {
        let end = loop {
            if let Some(end) = find(&self.received, b"\r\n\r\n") {
                break end + 4;
            }
            if !self.receive() {
                return None;
            }
        };
        let head: Vec<u8> = self.received.drain(..end).collect();
        let head = String::from_utf8(head).unwrap();
        Some(Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head,
            body: String::new(),
        })
    }

    /// Waits until the server ends the connection; what it sent before that was not read otherwise.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> String {
        while self.receive() {}
        String::from_utf8_lossy(&std::mem::take(&mut self.received)).into_owned()
    }

    /// Waits until the server ends the connection, which it does without another word.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        assert_eq!(self.rest(), "");
    }

    /// Waits until the connection is over, without reading anything.
    #[track_caller]
    pub(crate) fn expect_reset(&self) {
        let mut sockets = [PollFd::new(&self.socket, PollFlags::empty())];
        let deadline = Timespec::try_from(DEADLINE).unwrap();
        let is_over = poll(&mut sockets, Some(&deadline)).unwrap();
        assert_eq!(is_over, 1, "the connection lasts after {DEADLINE:?}");
    }

    #[track_caller]
    fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.received.len() < length {
            if !self.receive() {
                return None;
            }
        }
        Some(self.received.drain(..length).collect())
    }

    /// False at the end.
    #[track_caller]
    fn receive(&mut self) -> bool {
        let mut piece = [0; 65536];
        match self.socket.read(&mut piece) {
            Ok(length) => {
                self.received.extend(&piece[..length]);
                length > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("after {DEADLINE:?}: {error}"),
        }
    }
}

impl Answer {
    /// What a field of its head says.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(crate) fn closes(&self) -> bool {
        self.field("connection") == Some("close")
    }

    /// A number in the JSON of its body.
    #[track_caller]
    pub(crate) fn number(&self, key: &str) -> u32 {
        let start = format!("\"{key}\":");
        let (_, rest) = self.body.split_once(&start).expect(&self.body);
        let digits = rest.split(|sign: char| !sign.is_ascii_digit());
        digits.clone().next().unwrap().parse().unwrap()
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
