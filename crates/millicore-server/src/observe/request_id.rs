//! Request ids: the client's where it gives a sane one, our own otherwise.

use super::trace_context::{self, TraceContext};
use ::http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;
use std::hash::{BuildHasher, RandomState};

/// The field that carries an id, in a request and in its response.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken from a client.
const MAX_LENGTH: usize = 128;

/// The id of a request: 1 to 128 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// What the client calls its request, if that is one name and sane.
    pub(super) fn given(headers: &HeaderMap) -> Option<Self> {
        let value = only(headers, &HEADER)?;
        let is_sane = (1..=MAX_LENGTH).contains(&value.len())
            && value.as_bytes().iter().all(u8::is_ascii_graphic);
        is_sane.then(|| Self(value.clone()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Visible ASCII is always text.
        self.0.to_str().unwrap_or("")
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The value of a field that must not be repeated.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// Makes ids out of the numbers of requests: as unlike each other as chance would make them, and
/// never twice the same, even by processes forked from one that has this source.
#[derive(Debug)]
pub(super) struct IdSource {
    seeds: [u64; 4],
}

impl IdSource {
    pub(super) fn new() -> Self {
        // The keys of a hash map are the randomness that the standard library has.
        let chance = RandomState::new();
        Self {
            seeds: std::array::from_fn(|index| chance.hash_one(index)),
        }
    }

    pub(super) fn request_id(&self, number: u64, headers: &HeaderMap) -> RequestId {
        RequestId::given(headers).unwrap_or_else(|| {
            let digits = hex(self.draw(0, number));
            let value = HeaderValue::from_bytes(&digits);
            // Hexadecimal digits are always a value.
            RequestId(value.unwrap_or_else(|_| HeaderValue::from_static("none")))
        })
    }

    /// Continues the client's trace, or begins one.
    pub(super) fn trace(&self, number: u64, headers: &HeaderMap) -> TraceContext {
        let span_id = self.draw(1, number).max(1);
        let given = only(headers, &trace_context::HEADER);
        let parent = given.and_then(|value| TraceContext::parse(value.as_bytes()));
        parent.map_or_else(
            || {
                let upper = u128::from(self.draw(2, number)) << 64;
                TraceContext::new(upper | u128::from(self.draw(3, number).max(1)), span_id)
            },
            |parent| parent.continued(span_id),
        )
    }

    /// A different one for each number: every step can be undone (the finaliser of `SplitMix64`).
    const fn draw(&self, seed: usize, number: u64) -> u64 {
        let mut bits = self.seeds[seed].wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

fn hex(number: u64) -> [u8; 16] {
    let digit = |place: usize| {
        let value = (number >> (60 - 4 * place)) & 0xf;
        b"0123456789abcdef"[usize::try_from(value).unwrap_or(0)]
    };
    std::array::from_fn(digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn headers(name: &HeaderName, values: &[&[u8]]) -> HeaderMap {
        let values = values.iter().map(|it| HeaderValue::from_bytes(it).unwrap());
        values.map(|value| (name.clone(), value)).collect()
    }

    /// Whether an id is taken from a client.
    #[track_caller]
    fn check(given: &[&[u8]], is_taken: bool) {
        let id = IdSource::new().request_id(1, &headers(&HEADER, given));
        let same = given
            .first()
            .is_some_and(|it| id.as_str().as_bytes() == *it);
        assert_eq!(same, is_taken, "{id}");
        if !is_taken {
            assert_eq!(id.as_str().len(), 16, "{id}");
        }
    }

    #[test]
    fn a_sane_id_is_kept() {
        check(&[b"a"], true);
        check(&[b"8f14e45f-ceea-4d0e_/+=.:\"\\~"], true);
        check(&[&[b'x'; 128]], true);
    }

    #[test]
    fn an_id_that_is_not_sane_is_replaced() {
        check(&[], false);
        check(&[b""], false);
        check(&[&[b'x'; 129]], false);
        check(&[b"two words"], false);
        check(&[b"tab\there"], false);
        check(&[b"caf\xc3\xa9"], false);
        check(&[b"one", b"two"], false);
    }

    #[test]
    fn no_two_requests_get_the_same_id() {
        let (source, none) = (IdSource::new(), HeaderMap::new());
        let ids: BTreeSet<String> = (1..=10_000)
            .map(|number| source.request_id(number, &none).to_string())
            .collect();
        assert_eq!(ids.len(), 10_000);
        assert_eq!(&hex(0x0123_4567_89ab_cdef), b"0123456789abcdef");
    }

    #[test]
    fn a_trace_is_continued_or_begun() {
        let source = IdSource::new();
        let given: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let name = trace_context::HEADER;
        let trace = source.trace(1, &headers(&name, &[given]));
        assert_eq!(trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(trace.parent_id().as_deref(), Some("00f067aa0ba902b7"));
        let begun = source.trace(1, &headers(&name, &[given, given]));
        assert_ne!(begun.trace_id(), trace.trace_id());
        assert_eq!(begun.parent_id(), None);
        let next = source.trace(2, &HeaderMap::new());
        assert_ne!(begun.trace_id(), next.trace_id());
    }
}
