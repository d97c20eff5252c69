//! A client that sends bytes as it is told and reads responses as they are.

use crate::gate::DEADLINE;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

/// One connection.
pub(crate) struct Client {
    socket: TcpStream,
    received: Vec<u8>,
}

/// A response, as far as a test looks at it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket.set_write_timeout(Some(DEADLINE)).unwrap();
        Self {
            socket,
            received: Vec::new(),
        }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends what the server may not want to hear to the end.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.socket.write_all(bytes.as_ref());
    }

    pub(crate) fn get(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"));
    }

    pub(crate) fn finish_sending(&self) {
        // Who has been refused may not be listened to any more.
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// The next response, to a request that has a body; nothing if the connection ends before it.
    #[track_caller]
    pub(crate) fn try_answer(&mut self) -> Option<Answer> {
        let mut answer = self.try_head()?;
        let len = answer
            .field("content-length")
            .map(|len| len.parse().unwrap());
        if answer.status == 100 {
            return Some(answer);
        }
        answer.body = match len {
            Some(len) => self.take(len)?,
            None => self.chunks()?,
        };
        Some(answer)
    }

    /// The next response, to a request for a head.
    #[track_caller]
    pub(crate) fn head_answer(&mut self) -> Answer {
        self.try_head().expect("an answer, not the end")
    }

    /// The status of the next response, whatever follows; nothing if the connection ends first, or
    /// speaks HTTP/2.
    #[track_caller]
    pub(crate) fn first_status(&mut self) -> Option<u16> {
        while find(&self.received, b"\r\n").is_none() {
            if !self.receive() {
                return None;
            }
        }
        let line = String::from_utf8_lossy(&self.received);
        line.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()
    }

    /// Everything until the end.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> String {
        while self.receive() {}
        String::from_utf8_lossy(&self.received).into_owned()
    }

    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        self.try_answer().expect("an answer, not the end")
    }

    /// Whether nothing has come so far.
    pub(crate) fn is_silent(&mut self) -> bool {
        self.socket.set_nonblocking(true).unwrap();
        let nothing = self.socket.read(&mut [0; 1]);
        self.socket.set_nonblocking(false).unwrap();
        self.received.is_empty() && nothing.is_err()
    }

    /// Whether the server ends the connection without sending anything more.
    #[track_caller]
    pub(crate) fn is_closed(&mut self) -> bool {
        self.received.is_empty() && !self.receive()
    }

    #[track_caller]
    fn try_head(&mut self) -> Option<Answer> {
        let head_len = loop {
            if let Some(end) = find(&self.received, b"\r\n\r\n") {
                break end + 4;
            }
            if !self.receive() {
                return None;
            }
        };
        let head: Vec<u8> = self.received.drain(..head_len).collect();
        let head = String::from_utf8(head).unwrap();
        Some(Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head,
            body: Vec::new(),
        })
    }

    fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = find(&self.received, b"\r\n") {
                    break end;
                }
                if !self.receive() {
                    return None;
                }
            };
            let line: Vec<u8> = self.received.drain(..end + 2).collect();
            let len = std::str::from_utf8(&line[..end]).unwrap();
            let len = usize::from_str_radix(len, 16).unwrap();
            body.extend(self.take(len)?);
            self.take(2)?;
            if len == 0 {
                return Some(body);
            }
        }
    }

    fn take(&mut self, len: usize) -> Option<Vec<u8>> {
        while self.received.len() < len {
            if !self.receive() {
                return None;
            }
        }
        Some(self.received.drain(..len).collect())
    }

    /// False at the end.
    #[track_caller]
    fn receive(&mut self) -> bool {
        let mut piece = [0; 65536];
        match self.socket.read(&mut piece) {
            Ok(len) => {
                self.received.extend(&piece[..len]);
                len > 0
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

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
