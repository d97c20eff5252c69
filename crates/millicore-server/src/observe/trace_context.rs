//! The place of a request in a trace over several services: the field `traceparent` of the W3C
//! (<https://www.w3.org/TR/trace-context/>).

use ::http::HeaderName;

/// The field that carries it.
pub const HEADER: HeaderName = HeaderName::from_static("traceparent");

/// A trace and the span in it that a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    /// The caller's span, if it named one.
    parent_id: Option<u64>,
    span_id: u64,
    is_sampled: bool,
}

/// The length of a value of version 00: `00-` + 32 digits + `-` + 16 digits + `-` + 2 digits.
const LENGTH: usize = 55;

impl TraceContext {
    /// A trace that begins here. Ids are never 0.
    pub(super) const fn new(trace_id: u128, span_id: u64) -> Self {
        Self {
            trace_id,
            parent_id: None,
            span_id,
            is_sampled: false,
        }
    }

    /// The caller's place in its trace, if the value is a valid one. Later versions may have more
    /// after what version 00 has.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (known, rest) = value.split_at_checked(LENGTH)?;
        let [version @ .., b'-'] = &known[..3] else {
            return None;
        };
        let version = number(version)?;
        let is_whole = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.first().is_none_or(|next| *next == b'-'),
        };
        if !is_whole || known[35] != b'-' || known[52] != b'-' {
            return None;
        }
        let trace_id = number(&known[3..35])?;
        let span_id = u64::try_from(number(&known[36..52])?).ok()?;
        let flags = number(&known[53..])?;
        (trace_id != 0 && span_id != 0).then_some(Self {
            trace_id,
            parent_id: None,
            span_id,
            is_sampled: flags & 1 == 1,
        })
    }

    /// The next span of the same trace.
    pub(super) const fn continued(self, span_id: u64) -> Self {
        Self {
            parent_id: Some(self.span_id),
            span_id,
            ..self
        }
    }

    /// The trace: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// This request's span: 16 hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span_id)
    }

    /// The span that called, if it said so.
    #[must_use]
    pub fn parent_id(&self) -> Option<String> {
        self.parent_id.map(|id| format!("{id:016x}"))
    }

    /// The value to send to the next service.
    #[must_use]
    pub fn traceparent(&self) -> String {
        let flags = u8::from(self.is_sampled);
        format!(
            "00-{:032x}-{:016x}-{flags:02x}",
            self.trace_id, self.span_id
        )
    }
}

/// Only lower-case digits are allowed.
fn number(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0_u128, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::TraceContext;
    use proptest::prelude::*;

    /// What is sent on for a value, as span 1.
    #[track_caller]
    fn check(value: &str, expected: Option<&str>) {
        let continued = TraceContext::parse(value.as_bytes()).map(|it| it.continued(1));
        let sent = continued.map(|it| it.traceparent());
        assert_eq!(sent.as_deref(), expected, "{value}");
    }

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_valid_value_is_continued() {
        let (sampled, not) = (
            format!("00-{TRACE}-0000000000000001-01"),
            format!("00-{TRACE}-0000000000000001-00"),
        );
        check(&format!("00-{TRACE}-00f067aa0ba902b7-01"), Some(&sampled));
        check(&format!("00-{TRACE}-00f067aa0ba902b7-fe"), Some(&not));
        check(&format!("01-{TRACE}-00f067aa0ba902b7-01"), Some(&sampled));
        check(
            &format!("cc-{TRACE}-00f067aa0ba902b7-01-more"),
            Some(&sampled),
        );
    }

    #[test]
    fn what_the_standard_forbids_begins_a_new_trace() {
        for value in [
            "",
            "00",
            &format!("00-{TRACE}-00f067aa0ba902b7-0"),
            &format!("00-{TRACE}-00f067aa0ba902b7-01-"),
            &format!("00-{TRACE}-00f067aa0ba902b7-011"),
            &format!("01-{TRACE}-00f067aa0ba902b7-011"),
            &format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            &format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            &format!("00-{TRACE}-00F067AA0BA902B7-01"),
            &format!("00-{TRACE}-0000000000000000-01"),
            &format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            &format!("00_{TRACE}-00f067aa0ba902b7-01"),
            &format!("00-{TRACE}_00f067aa0ba902b7-01"),
            &format!("00-{TRACE}-00f067aa0ba902b7_01"),
            &format!("00-{TRACE}-00f067aa0ba902bg-01"),
            &format!(" 00-{TRACE}-00f067aa0ba902b7-01"),
            &format!("0é-{TRACE}-00f067aa0ba902b-01"),
        ] {
            check(value, None);
        }
    }

    proptest! {
        /// Whatever comes, what is sent on is valid.
        #[test]
        fn only_valid_values_are_sent_on(value in "[0-9a-fA-F-]{50,60}|0[0-9a-f]-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}.{0,3}") {
            if let Some(trace) = TraceContext::parse(value.as_bytes()) {
                let sent = trace.continued(7).traceparent();
                let again = TraceContext::parse(sent.as_bytes()).unwrap();
                prop_assert_eq!(again.trace_id(), &value[3..35]);
                prop_assert_eq!(again.span_id(), "0000000000000007");
            }
        }
    }
}
