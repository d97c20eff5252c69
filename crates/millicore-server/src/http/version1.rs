//! What HTTP/1.1 is in every model alike: what hyper is told, and what a slow client is.

use crate::settings::ConnectionSettings;
use hyper::server::conn::http1;

/// What a client is told that did not finish its request's head in time.
pub(super) const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\
    Connection: close\r\n\r\n";

/// The least that hyper takes as its buffer.
const MIN_BUFFER_BYTES: usize = 8192;

/// How many fields hyper takes by itself.
const HYPERS_MAX_HEADERS: usize = 100;

/// Everything but who keeps the time.
pub(super) fn builder(settings: &ConnectionSettings) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .keep_alive(settings.keep_alive)
        .max_header_size(settings.max_head_bytes)
        .max_buf_size(settings.max_head_bytes.max(MIN_BUFFER_BYTES));
    // A table of another size than its own costs hyper 5 % of a small request; what is below, is
    // checked after it.
    if settings.max_headers > HYPERS_MAX_HEADERS {
        builder.max_headers(settings.max_headers);
    }
    builder
}
