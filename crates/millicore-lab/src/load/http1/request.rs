//! The bytes of a request: the same for every request to a target, so they are made once.

use crate::load::plan::Plan;
use crate::load::target::Target;
use http::HeaderName;
use http::header::{CONTENT_LENGTH, HOST, USER_AGENT};

/// What the server is told of its client, unless a header says something else.
pub(in crate::load) const AGENT: &str = concat!("millicore/", env!("CARGO_PKG_VERSION"));

/// RFC 9112, sections 3 and 6.
pub(super) fn message(plan: &Plan, target: &Target) -> Vec<u8> {
    let has = |name: HeaderName| plan.headers.iter().any(|(other, _)| *other == name);
    let mut text = format!("{} {} HTTP/1.1\r\n", plan.method, target.path).into_bytes();
    let mut add = |name: &HeaderName, value: &[u8]| {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value);
        text.extend_from_slice(b"\r\n");
    };
    if !has(HOST) {
        add(&HOST, target.authority.as_bytes());
    }
    if !has(USER_AGENT) {
        add(&USER_AGENT, AGENT.as_bytes());
    }
    for (name, value) in &plan.headers {
        add(name, value.as_bytes());
    }
    // A server may wait for a body where the method is usually sent with one.
    let expects_body = matches!(plan.method.as_str(), "POST" | "PUT" | "PATCH");
    if !plan.body.is_empty() || expects_body {
        add(&CONTENT_LENGTH, plan.body.len().to_string().as_bytes());
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(&plan.body);
    text
}

#[cfg(test)]
mod tests {
    use super::{AGENT, message};
    use crate::load::plan::{Plan, Wishes};

    #[track_caller]
    fn check(method: Option<&str>, headers: &[&str], body: Option<&str>, expected: &str) {
        let wishes = Wishes {
            urls: vec!["http://localhost:8080/a?b=c".to_owned()],
            method: method.map(str::to_owned),
            headers: headers.iter().map(|&it| it.to_owned()).collect(),
            body: body.map(Into::into),
            ..Wishes::default()
        };
        let plan = Plan::new(&wishes).unwrap();
        let text = String::from_utf8(message(&plan, &plan.targets[0])).unwrap();
        let text = text.replace(AGENT, "AGENT");
        assert_eq!(text, expected.replace('\n', "\r\n"));
    }

    #[test]
    fn a_request_says_what_was_asked_for() {
        check(
            None,
            &[],
            None,
            "GET /a?b=c HTTP/1.1\nhost: localhost:8080\nuser-agent: AGENT\n\n",
        );
        check(
            None,
            &[],
            Some("body"),
            "POST /a?b=c HTTP/1.1\nhost: localhost:8080\nuser-agent: AGENT\n\
             content-length: 4\n\nbody",
        );
        check(
            Some("PUT"),
            &["Host: other", "X-A: 1", "X-A:2", "User-Agent: me"],
            None,
            "PUT /a?b=c HTTP/1.1\nhost: other\nx-a: 1\nx-a: 2\nuser-agent: me\n\
             content-length: 0\n\n",
        );
    }
}
