//! Where requests go: URLs with weights, and whose turn it is.

use http::Uri;
use http::uri::Scheme;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// A URL, and how many requests it gets among the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// As it was given.
    pub url: String,
    /// Its share is this over the sum of all weights.
    pub weight: u32,
    /// A name, or an address without brackets.
    pub host: String,
    /// 80 if the URL does not say.
    pub port: u16,
    /// What the field `Host` says.
    pub authority: String,
    /// Path and query, at least `/`.
    pub path: String,
}

const LARGEST_WEIGHT: u32 = 1_000_000;

impl Target {
    /// Reads `http://HOST[:PORT][/PATH][?QUERY]`.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub fn new(url: &str, weight: u32) -> Result<Self, TargetError> {
        let wrong = |source| TargetError {
            given: url.to_owned(),
            source,
        };
        // What follows `#` stays with the one who reads it (RFC 9110, section 7.1).
        let sent = url.split('#').next().unwrap_or(url);
        if sent.starts_with("http://unix:") {
            return Err(wrong(TargetErrorKind::Unix));
        }
        let uri: Uri = sent
            .parse()
            .map_err(|_| wrong(TargetErrorKind::Unreadable))?;
        match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => {}
            Some(scheme) if *scheme == Scheme::HTTPS => return Err(wrong(TargetErrorKind::Https)),
            _ => return Err(wrong(TargetErrorKind::Scheme)),
        }
        let authority = uri
            .authority()
            .ok_or_else(|| wrong(TargetErrorKind::Unreadable))?;
        if authority.as_str().contains('@') {
            return Err(wrong(TargetErrorKind::User));
        }
        let host = authority.host().trim_matches(['[', ']']);
        let after_host = authority.as_str().rsplit(']').next().unwrap_or_default();
        let has_port = after_host.contains(':');
        let port = authority.port_u16().filter(|port| *port > 0);
        if host.is_empty() || has_port != port.is_some() {
            return Err(wrong(TargetErrorKind::Unreadable));
        }
        let path = uri.path_and_query().map_or("/", |it| it.as_str());
        Ok(Self {
            url: url.to_owned(),
            weight,
            host: host.to_owned(),
            port: port.unwrap_or(80),
            authority: authority.as_str().to_owned(),
            path: match path.starts_with('/') {
                true => path.to_owned(),
                false => format!("/{path}"),
            },
        })
    }

    /// Reads `WEIGHT=URL`, such as `3=http://localhost:8080/`.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub fn weighted(given: &str) -> Result<Self, TargetError> {
        let weight_and_url = given.split_once('=').and_then(|(weight, url)| {
            let weight: u32 = weight.parse().ok()?;
            (1..=LARGEST_WEIGHT)
                .contains(&weight)
                .then_some((weight, url))
        });
        let (weight, url) = weight_and_url.ok_or_else(|| TargetError {
            given: given.to_owned(),
            source: TargetErrorKind::Weight,
        })?;
        Self::new(url, weight)
    }
}

/// Chooses a target for each request, so that after any number of them each had its share, to
/// within one: the smooth weighted round robin of load balancers.
#[derive(Debug)]
pub(super) struct Mix {
    credits: Vec<(i64, i64)>,
}

impl Mix {
    pub(super) fn new(targets: &[Target]) -> Self {
        let credits = targets.iter().map(|target| (i64::from(target.weight), 0));
        Self {
            credits: credits.collect(),
        }
    }

    /// The index of the next target; the first of those that are equal.
    pub(super) fn choose(&mut self) -> usize {
        if self.credits.len() <= 1 {
            return 0;
        }
        let (mut best, mut sum) = (0, 0);
        for index in 0..self.credits.len() {
            let (weight, credit) = &mut self.credits[index];
            *credit += *weight;
            sum += *weight;
            if self.credits[index].1 > self.credits[best].1 {
                best = index;
            }
        }
        self.credits[best].1 -= sum;
        best
    }
}

/// The address of each target.
#[derive(Debug)]
pub(super) struct Addresses {
    /// Each once.
    pub(super) distinct: Vec<SocketAddr>,
    /// For each target the index of its own.
    pub(super) of_target: Vec<usize>,
}

impl Addresses {
    /// Looks the names up. Where one has several addresses, the first that takes a connection is
    /// used; connecting to it is tried once.
    pub(super) fn look_up(targets: &[Target], timeout: Duration) -> Result<Self, LookupError> {
        let (mut distinct, mut of_target) = (Vec::new(), Vec::new());
        for target in targets {
            let address = address_of(target, timeout).map_err(|source| LookupError {
                host: target.host.clone(),
                source,
            })?;
            let known = distinct.iter().position(|other| *other == address);
            of_target.push(known.unwrap_or(distinct.len()));
            if known.is_none() {
                distinct.push(address);
            }
        }
        Ok(Self {
            distinct,
            of_target,
        })
    }
}

fn address_of(target: &Target, timeout: Duration) -> io::Result<SocketAddr> {
    let all: Vec<SocketAddr> = (target.host.as_str(), target.port)
        .to_socket_addrs()?
        .collect();
    let takes = |address: &&SocketAddr| TcpStream::connect_timeout(address, timeout).is_ok();
    let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let first = all.first().ok_or_else(none)?;
    if all.len() == 1 {
        return Ok(*first);
    }
    Ok(*all.iter().find(takes).unwrap_or(first))
}

/// A name that cannot be looked up.
#[derive(Debug, thiserror::Error)]
#[error("cannot look up the host {host}: {source}")]
pub struct LookupError {
    host: String,
    source: io::Error,
}

/// What is no URL that can be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given}: {source}")]
pub struct TargetError {
    given: String,
    source: TargetErrorKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum TargetErrorKind {
    #[error("a URL is http://HOST[:PORT][/PATH], such as http://localhost:8080/")]
    Unreadable,
    #[error("a URL begins with http://, such as http://localhost:8080/")]
    Scheme,
    #[error(
        "https is not spoken here, because TLS belongs to the proxy in front of the server: give \
         the http address of the server behind it"
    )]
    Https,
    #[error("Unix sockets are not spoken to: let the server listen on a loopback address as well")]
    Unix,
    #[error("a URL with a user is not taken: say it in a header, with -H 'Authorization: ...'")]
    User,
    #[error(
        "a weighted URL is WEIGHT=URL with a whole number from 1 to {LARGEST_WEIGHT}, such as \
         3=http://localhost:8080/"
    )]
    Weight,
}

#[cfg(test)]
mod tests {
    use super::{Mix, Target};

    #[track_caller]
    fn check(url: &str, host: &str, port: u16, authority: &str, path: &str) {
        let target = Target::new(url, 1).unwrap();
        let parts = (
            target.host.as_str(),
            target.port,
            target.authority.as_str(),
            target.path.as_str(),
        );
        assert_eq!(parts, (host, port, authority, path), "{url}");
    }

    #[track_caller]
    fn check_refused(url: &str, expected: &str) {
        let error = Target::new(url, 1).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{url}: ")), "{error}");
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn urls_read_as_written() {
        check(
            "http://localhost:8080/a?b=3#c",
            "localhost",
            8080,
            "localhost:8080",
            "/a?b=3",
        );
        check("http://127.0.0.1", "127.0.0.1", 80, "127.0.0.1", "/");
        check("http://[::1]:90/", "::1", 90, "[::1]:90", "/");
        check(
            "HTTP://localhost?a=1",
            "localhost",
            80,
            "localhost",
            "/?a=1",
        );
    }

    #[test]
    fn other_urls_are_refused_with_the_reason() {
        check_refused("https://localhost/", "TLS belongs to the proxy");
        check_refused("http://unix:/tmp/socket:/", "Unix sockets");
        check_refused("localhost:8080", "begins with http://");
        check_refused("ftp://localhost/", "begins with http://");
        check_refused("/path", "begins with http://");
        check_refused("http://", "a URL is http://HOST");
        check_refused("http://a b/", "a URL is http://HOST");
        for port in ["99999", "", "0", "x", "-1"] {
            check_refused(&format!("http://localhost:{port}/"), "a URL is http://HOST");
        }
        check_refused("http://me:secret@localhost/", "Authorization");
    }

    #[test]
    fn weights_go_before_the_url() {
        let target = Target::weighted("3=http://localhost/?a=4").unwrap();
        assert_eq!((target.weight, target.path.as_str()), (3, "/?a=4"));
        for bad in [
            "http://localhost/?a=4",
            "0=http://a/",
            "-1=http://a/",
            "http://a/",
            "1.5=http://a/",
        ] {
            let error = Target::weighted(bad).unwrap_err().to_string();
            assert!(error.contains("WEIGHT=URL"), "{error}");
        }
    }

    #[test]
    fn every_target_has_its_share_at_any_time() {
        let targets = ["3=http://a/", "1=http://b/", "2=http://c/"];
        let targets = targets.map(|it| Target::weighted(it).unwrap());
        let mut mix = Mix::new(&targets);
        let chosen: Vec<usize> = (0..12).map(|_| mix.choose()).collect();
        assert_eq!(chosen, [0, 2, 0, 1, 2, 0, 0, 2, 0, 1, 2, 0]);
    }
}
