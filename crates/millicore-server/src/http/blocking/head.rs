//! Whether the head of a request has come whole: only then it is worth a slot.

use super::accepted::has_left;
use rustix::io::Errno;
use rustix::net::RecvFlags;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// What a connection has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// A whole head, or something that never becomes one and is answered with an error.
    Head,
    /// The beginning of a head.
    Part,
    /// Nothing yet.
    Nothing,
    /// The client has left.
    Gone,
}

/// Looks at what a client has sent, and leaves it where it is.
pub(super) fn look(socket: BorrowedFd<'_>, max_head_bytes: usize) -> Sign {
    let mut first = [MaybeUninit::uninit(); FIRST_LOOK_BYTES];
    let sign = match peek(socket, &mut first) {
        Ok(bytes) if bytes.len() < FIRST_LOOK_BYTES => sign_of(bytes),
        Ok(_) => look_at_all(socket, max_head_bytes),
        Err(sign) => sign,
    };
    // A head that will never be whole is answered at once.
    match sign {
        Sign::Part if has_left(socket, Duration::ZERO) => Sign::Head,
        sign => sign,
    }
}

/// As much as most heads have.
const FIRST_LOOK_BYTES: usize = 4096;

fn look_at_all(socket: BorrowedFd<'_>, max_head_bytes: usize) -> Sign {
    let mut space = vec![MaybeUninit::uninit(); max_head_bytes];
    match peek(socket, &mut space) {
        Ok(bytes) if bytes.len() < max_head_bytes => sign_of(bytes),
        // It is too long, and refused for that.
        Ok(_) => Sign::Head,
        Err(sign) => sign,
    }
}

fn peek<'a>(socket: BorrowedFd<'_>, space: &'a mut [MaybeUninit<u8>]) -> Result<&'a [u8], Sign> {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    match rustix::net::recv(socket, space, flags) {
        Ok(((bytes, _), _)) => Ok(bytes),
        Err(Errno::AGAIN | Errno::INTR) => Err(Sign::Nothing),
        Err(_) => Err(Sign::Gone),
    }
}

/// Parsed as hyper parses it, so that both agree on where a head ends.
fn sign_of(bytes: &[u8]) -> Sign {
    if bytes.is_empty() {
        return Sign::Gone;
    }
    let mut headers = [MaybeUninit::uninit(); MAX_HEADERS];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(bytes, &mut headers) {
        Ok(httparse::Status::Partial) => Sign::Part,
        Ok(httparse::Status::Complete(_)) | Err(_) => Sign::Head,
    }
}

/// More than a server takes by default. With more it counts as whole, which only costs a slot.
const MAX_HEADERS: usize = 128;

#[cfg(test)]
mod tests {
    use super::{Sign, look, sign_of};
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_head_is_whole_or_not() {
        let check = |bytes: &str, expected| assert_eq!(sign_of(bytes.as_bytes()), expected);
        check("", Sign::Gone);
        check("G", Sign::Part);
        check("GET / HTTP/1.1\r\nHost: a\r\n", Sign::Part);
        check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Sign::Head);
        check("GET / HTTP/1.1\nHost: a\n\n", Sign::Head);
        check("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab", Sign::Head);
        check("\u{16}\u{3}\u{1}", Sign::Head);
        check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Sign::Head);
    }

    #[test]
    fn a_socket_is_looked_at_without_reading_it() {
        let (mut client, server) = UnixStream::pair().unwrap();
        server.set_nonblocking(true).unwrap();
        let check = |expected| assert_eq!(look(server.as_fd(), 8192), expected);
        check(Sign::Nothing);
        client.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        check(Sign::Part);
        check(Sign::Part);
        client.write_all(&[b'a'; 5000]).unwrap();
        check(Sign::Part);
        client.write_all(&[b'a'; 5000]).unwrap();
        check(Sign::Head);
        drop(client);
        check(Sign::Head);
    }

    #[test]
    fn who_leaves_is_gone_or_told_what_was_missing() {
        let (client, server) = UnixStream::pair().unwrap();
        drop(client);
        assert_eq!(look(server.as_fd(), 8192), Sign::Gone);
        let (mut client, server) = UnixStream::pair().unwrap();
        client.write_all(b"GET ").unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(look(server.as_fd(), 8192), Sign::Head);
    }
}
