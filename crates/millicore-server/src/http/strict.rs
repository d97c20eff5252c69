//! What a request must not be, beyond what hyper refuses: whatever two servers could read
//! differently.

use http::header::{HOST, TRANSFER_ENCODING};
use http::{Method, Request, StatusCode, Version};

/// Why a request is refused before any handler sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) says: &'static str,
}

const fn bad(says: &'static str) -> Result<(), Refused> {
    let status = StatusCode::BAD_REQUEST;
    Err(Refused { status, says })
}

/// Refuses a request whose head another server could read differently, or that only a proxy could
/// answer.
pub(super) fn check<B>(request: &Request<B>, max_headers: usize) -> Result<(), Refused> {
    if request.headers().len() > max_headers {
        return Err(Refused {
            status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            says: "the request has too many header fields",
        });
    }
    check_target(request)?;
    check_host(request)?;
    check_framing(request)
}

fn check_target<B>(request: &Request<B>) -> Result<(), Refused> {
    if request.method() == Method::CONNECT {
        return Err(Refused {
            status: StatusCode::METHOD_NOT_ALLOWED,
            says: "this server is no proxy",
        });
    }
    if request.uri().path() == "*" && request.method() != Method::OPTIONS {
        return bad("only OPTIONS is asked of *");
    }
    Ok(())
}

fn check_host<B>(request: &Request<B>) -> Result<(), Refused> {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => bad("the request names two hosts"),
        (None, None) if request.version() == Version::HTTP_11 => bad("the request names no host"),
        (Some(host), None) if !host.is_empty() && !is_authority(host.as_bytes()) => {
            bad("what the request names is no host")
        }
        _ => Ok(()),
    }
}

/// A name or an address, and perhaps a port: RFC 3986, 3.2, without the comma, which is what a
/// proxy makes of two hosts.
fn is_authority(authority: &[u8]) -> bool {
    let name_len = match authority {
        [b'[', ..] => authority
            .iter()
            .position(|&byte| byte == b']')
            .map_or(0, |at| at + 1),
        _ => authority
            .iter()
            .position(|&byte| byte == b':')
            .unwrap_or(authority.len()),
    };
    let (name, port) = authority.split_at(name_len);
    let is_name = match name {
        [] => false,
        [b'[', address @ .., b']'] => address
            .iter()
            .all(|byte| byte.is_ascii_hexdigit() || b":.".contains(byte)),
        name => name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(byte)),
    };
    let is_port = match port {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    is_name && is_port
}

fn check_framing<B>(request: &Request<B>) -> Result<(), Refused> {
    let mut codings = request.headers().get_all(TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else {
        return Ok(());
    };
    if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return bad("the body has another transfer coding than chunked");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;
    use http::{Method, Request, StatusCode, Version};

    #[track_caller]
    fn check_request(version: Version, fields: &[(&str, &str)], expected: Option<&str>) {
        let mut builder = Request::builder().uri("/").version(version);
        for (name, value) in fields {
            builder = builder.header(*name, *value);
        }
        let refused = check(&builder.body(()).unwrap(), 3).err();
        assert_eq!(refused.map(|refused| refused.says), expected);
    }

    #[test]
    fn there_is_one_host() {
        let (host, version) = (("host", "a.example:80"), Version::HTTP_11);
        check_request(version, &[host], None);
        check_request(version, &[("host", "[::1]:80")], None);
        check_request(version, &[("host", "")], None);
        check_request(version, &[], Some("the request names no host"));
        check_request(version, &[host, host], Some("the request names two hosts"));
        for other in ["a b", "a/b", "u@a", "a,b", "a:b:c", "a\tb"] {
            let says = Some("what the request names is no host");
            check_request(version, &[("host", other)], says);
        }
        check_request(Version::HTTP_10, &[], None);
        check_request(Version::HTTP_2, &[], None);
    }

    #[test]
    fn a_body_ends_in_one_way() {
        let host = ("host", "a");
        let chunked = ("transfer-encoding", "chunked");
        let other = Some("the body has another transfer coding than chunked");
        check_request(Version::HTTP_11, &[host, chunked], None);
        check_request(Version::HTTP_11, &[host, chunked, chunked], other);
        let gzip = ("transfer-encoding", "gzip, chunked");
        check_request(Version::HTTP_11, &[host, gzip], other);
    }

    #[test]
    fn there_are_not_too_many_fields() {
        let field = ("a", "b");
        let many = Some("the request has too many header fields");
        check_request(Version::HTTP_10, &[field; 3], None);
        check_request(Version::HTTP_10, &[field; 4], many);
    }

    #[track_caller]
    fn check_target(method: Method, uri: &str, expected: Option<StatusCode>) {
        let request = Request::builder().method(method).uri(uri);
        let request = request.version(Version::HTTP_10).body(()).unwrap();
        assert_eq!(
            check(&request, 9).err().map(|refused| refused.status),
            expected
        );
    }

    #[test]
    fn the_target_is_of_this_server() {
        check_target(Method::OPTIONS, "*", None);
        check_target(Method::GET, "*", Some(StatusCode::BAD_REQUEST));
        check_target(Method::GET, "http://a.example/", None);
        check_target(
            Method::CONNECT,
            "a:80",
            Some(StatusCode::METHOD_NOT_ALLOWED),
        );
    }
}
