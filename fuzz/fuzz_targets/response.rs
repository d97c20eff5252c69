//! Responses of a server that a fuzzer thinks up, cut where it likes.
//!
//! ```console
//! $ cargo +nightly fuzz run response
//! ```
//!
//! The first byte says where the rest is cut. Whole or cut, the parser takes the same bytes, sees
//! the same body, and comes to the same end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millicore_lab::load::Response;

/// Bytes taken, bytes of body, and whether it was complete; nothing if it was malformed.
fn read(pieces: &[&[u8]], is_answer_to_head: bool) -> Option<(usize, Vec<u8>, bool)> {
    let mut response = Response::new(is_answer_to_head);
    let (mut taken, mut body) = (0, Vec::new());
    for piece in pieces {
        let fed = response
            .feed(piece, &mut |data| body.extend_from_slice(data))
            .ok()?;
        assert!(fed.consumed <= piece.len());
        taken += fed.consumed;
        if fed.is_done {
            assert!((200..600).contains(&response.status()));
            break;
        }
        assert_eq!(
            fed.consumed,
            piece.len(),
            "an unfinished response takes all"
        );
    }
    assert_eq!(response.body_bytes(), body.len() as u64);
    Some((taken, body, response.close()))
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&cut, text)) = bytes.split_first() else {
        return;
    };
    let is_answer_to_head = cut >= 128;
    let (before, after) = text.split_at(usize::from(cut % 128).min(text.len()));
    let (whole, cut) = (
        read(&[text], is_answer_to_head),
        read(&[before, after], is_answer_to_head),
    );
    // A wrong head can be noticed later when its end has not come.
    if let (Some(whole), Some(cut)) = (whole, cut) {
        assert_eq!(whole, cut);
    }
});
