//! Responses as servers send them, whole, cut anywhere, and wrong.

use super::{Fed, MalformedResponse, Response};
use proptest::prelude::*;

/// Status, body and whether the connection is kept, or why it is malformed; `None` if it is not
/// complete when the connection closes. The bytes come in pieces of `piece`.
type Outcome = Result<Option<(u16, String, bool)>, MalformedResponse>;

fn read(text: &[u8], piece: usize, is_answer_to_head: bool) -> (Outcome, usize) {
    let mut response = Response::new(is_answer_to_head);
    let (mut body, mut consumed, mut is_done) = (Vec::new(), 0, false);
    for bytes in text.chunks(piece) {
        let fed = response.feed(bytes, &mut |data| body.extend_from_slice(data));
        let fed = match fed {
            Ok(fed) => fed,
            Err(error) => return (Err(error), consumed),
        };
        consumed += fed.consumed;
        is_done = fed.is_done;
        if is_done {
            break;
        }
        assert_eq!(
            fed.consumed,
            bytes.len(),
            "an unfinished response takes all"
        );
    }
    let is_done = is_done || response.close();
    assert_eq!(response.body_bytes(), body.len() as u64);
    let body = String::from_utf8_lossy(&body).into_owned();
    let whole = (response.status(), body, response.keeps_alive());
    (Ok(is_done.then_some(whole)), consumed)
}

/// However it is cut, the response has this status and body, and leaves `rest` bytes.
#[track_caller]
fn check(text: &str, status: u16, body: &str, keeps_alive: bool, rest: usize) {
    for piece in 1..=text.len() {
        let (outcome, consumed) = read(text.as_bytes(), piece, false);
        let expected = Ok(Some((status, body.to_owned(), keeps_alive)));
        assert_eq!(outcome, expected, "in pieces of {piece}: {text:?}");
        assert_eq!(
            text.len() - consumed,
            rest,
            "in pieces of {piece}: {text:?}"
        );
    }
}

#[track_caller]
fn check_malformed(text: &str, is_expected: impl Fn(MalformedResponse) -> bool) {
    for piece in 1..=text.len() {
        match read(text.as_bytes(), piece, false).0 {
            Err(error) => assert!(is_expected(error), "{text:?}: {error}"),
            Ok(outcome) => panic!("in pieces of {piece}, {text:?} was read as {outcome:?}"),
        }
    }
}

#[track_caller]
fn check_incomplete(text: &str) {
    for piece in 1..=text.len() {
        assert_eq!(read(text.as_bytes(), piece, false).0, Ok(None), "{text:?}");
    }
}

#[test]
fn a_length_frames_the_body() {
    check(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        200,
        "hello",
        true,
        0,
    );
    check(
        "HTTP/1.1 200 OK\r\ncontent-length:5\r\n\r\nhelloHTTP",
        200,
        "hello",
        true,
        4,
    );
    check(
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        404,
        "",
        true,
        0,
    );
    check(
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\n\r\nok",
        200,
        "ok",
        true,
        0,
    );
    check("HTTP/1.1 200\nContent-Length: 2\n\nok", 200, "ok", true, 0);
    check(
        "\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        200,
        "ok",
        true,
        0,
    );
}

#[test]
fn chunks_frame_the_body() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let check = |chunks: &str, body, rest| check(&format!("{head}{chunks}"), 200, body, true, rest);
    check("5\r\nhello\r\n0\r\n\r\n", "hello", 0);
    check(
        "5;name=value\r\nhello\r\n1 \r\n!\r\n0;x\r\n\r\n",
        "hello!",
        0,
    );
    check(
        "0A\r\n0123456789\r\n00\r\nTrailer: one\r\nOther: two\r\n\r\nmore",
        "0123456789",
        4,
    );
    check("0\r\n\r\n", "", 0);
}

#[test]
fn chunks_go_before_a_length() {
    let fields = "Content-Length: 3\r\nTransfer-Encoding: gzip, Chunked";
    check(
        &format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n1\r\na\r\n0\r\n\r\n"),
        200,
        "a",
        true,
        0,
    );
}

#[test]
fn without_both_the_body_ends_with_the_connection() {
    check(
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it",
        200,
        "all of it",
        false,
        0,
    );
    check("HTTP/1.0 200 OK\r\n\r\n", 200, "", false, 0);
    check(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nzipped",
        200,
        "zipped",
        false,
        0,
    );
}

#[test]
fn some_have_no_body_whatever_they_say() {
    check(
        "HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n",
        204,
        "",
        true,
        0,
    );
    check(
        "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
        304,
        "",
        true,
        0,
    );
    let text = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
    let expected = Ok(Some((200, String::new(), true)));
    assert_eq!(read(text, 7, true), (expected, text.len()));
}

#[test]
fn interim_responses_are_skipped() {
    let early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let text = format!(
        "HTTP/1.1 100 Continue\r\n\r\n{early}HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\n1"
    );
    check(&text, 201, "1", true, 0);
}

#[test]
fn the_connection_is_kept_if_both_sides_can() {
    let length = "Content-Length: 0\r\n\r\n";
    let check = |head: &str, keeps| check(&format!("{head}{length}"), 200, "", keeps, 0);
    check("HTTP/1.1 200 OK\r\n", true);
    check("HTTP/1.1 200 OK\r\nConnection: Upgrade, CLOSE\r\n", false);
    check("HTTP/1.0 200 OK\r\n", false);
    check("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", true);
    check(
        "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nConnection: close\r\n",
        false,
    );
}

#[test]
fn what_ends_too_early_is_not_complete() {
    check_incomplete("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell");
    check_incomplete("HTTP/1.1 200 OK\r\nContent-Len");
    check_incomplete("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    check_incomplete("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
    check_incomplete("HTTP/1.1 100 Continue\r\n\r\n");
}

#[test]
fn what_is_wrong_is_said() {
    use MalformedResponse as Wrong;
    let is = |expected: Wrong| move |error| error == expected;
    check_malformed("SSH-2.0-OpenSSH_9.2\r\n\r\n", |it| {
        matches!(it, Wrong::Head(_))
    });
    check_malformed("HTTP/2.0 200 OK\r\n\r\n", |it| matches!(it, Wrong::Head(_)));
    check_malformed("HTTP/1.1 20 OK\r\n\r\n", |it| matches!(it, Wrong::Head(_)));
    check_malformed("HTTP/1.1 099 Odd\r\n\r\n", is(Wrong::Status));
    check_malformed("HTTP/1.1 600 Odd\r\n\r\n", is(Wrong::Status));
    check_malformed(
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        is(Wrong::SwitchesProtocols),
    );
    for length in [
        "-1",
        "+1",
        "1 2",
        "0x1",
        "",
        "1,",
        "1, 2",
        "99999999999999999999",
    ] {
        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nxx");
        check_malformed(&text, is(Wrong::Length));
    }
    check_malformed(
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        is(Wrong::Length),
    );
    check_malformed(
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        is(Wrong::EncodingInOldVersion),
    );
}

#[test]
fn wrong_chunks_are_refused() {
    use MalformedResponse as Wrong;
    let check = |chunks: &str, expected: Wrong| {
        let text = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        check_malformed(&text, move |error| error == expected);
    };
    for chunks in [
        "\r\n",
        "-1\r\n",
        "g\r\n",
        "5\nhello",
        "5;a\nhello",
        "10000000000000000\r\n",
        ";\r\n",
    ] {
        check(chunks, Wrong::ChunkLength);
    }
    check("5\rhello", Wrong::ChunkLength);
    check("1\r\nab\r\n", Wrong::ChunkEnd);
    check("1\r\na\n", Wrong::ChunkEnd);
    check("1\r\na\ra", Wrong::ChunkEnd);
    check("0\r\n\rx", Wrong::ChunkEnd);
}

#[test]
fn heads_and_lines_without_end_are_refused() {
    let feed = |head: &str, endless: &[u8]| {
        let mut response = Response::new(false);
        let mut ignore = |_: &[u8]| ();
        response.feed(head.as_bytes(), &mut ignore).unwrap();
        let mut fed = 0;
        loop {
            match response.feed(endless, &mut ignore) {
                Ok(Fed { is_done, .. }) => assert!(!is_done && fed < 1_000_000, "{fed}"),
                Err(error) => return error,
            }
            fed += endless.len();
        }
    };
    assert_eq!(
        feed("HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
        MalformedResponse::LongHead
    );
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(
        feed(&format!("{chunked}1;"), b"x"),
        MalformedResponse::LongLines
    );
    assert_eq!(
        feed(&format!("{chunked}0\r\n"), b"A: b\r\n"),
        MalformedResponse::LongLines
    );
}

proptest! {
    /// Whatever comes, and however it is cut, the answer is the same; a head or a chunk is never
    /// read from bytes that another cut would have given to something else.
    #[test]
    fn where_it_is_cut_does_not_matter(
        head in prop::sample::select(vec![
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 200 OK\r\n",
            "",
        ]),
        rest in "([0-9a-f]|\r\n|\r|\n|;|H|T|P|/|1|\\.| |:){0,40}",
        piece in 1_usize..20,
    ) {
        let text = format!("{head}{rest}");
        let whole = read(text.as_bytes(), text.len().max(1), false);
        let cut = read(text.as_bytes(), piece, false);
        match (&whole.0, &cut.0) {
            // A wrong head can be noticed earlier or later, or not before its end comes.
            (Err(_), Err(_)) => {}
            (Err(MalformedResponse::Head(_)), Ok(None)) => {}
            _ => prop_assert_eq!(whole, cut),
        }
    }
}
