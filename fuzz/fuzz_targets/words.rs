//! Words that users and clients write and the server reads itself: where to listen, whom to trust,
//! and a place in a trace.
//!
//! ```console
//! $ cargo +nightly fuzz run words
//! ```
//!
//! What is understood is written so that it is understood the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millicore_server::address::Bind;
use millicore_server::observe::forwarded::TrustedPeers;
use millicore_server::observe::trace_context::TraceContext;

fuzz_target!(|bytes: &[u8]| {
    if let Some(place) = TraceContext::parse(bytes) {
        let written = TraceContext::parse(place.traceparent().as_bytes());
        assert_eq!(written, Some(place));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(bind) = text.parse::<Bind>() {
        assert_eq!(bind.to_string().parse(), Ok(bind));
    }
    let _ = text.parse::<TrustedPeers>();
});
