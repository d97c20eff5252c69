//! Pictures of fixed timelines.

use super::{LETTERS, Part, draw, letter};
use crate::divide::recording::Stay;

/// Stays of one core in milliseconds: the request, its start and its end.
fn stays(core: usize, list: &[(usize, u64, u64)]) -> Vec<Stay> {
    let stay = |&(request, start_ms, end_ms): &(usize, u64, u64)| Stay {
        core,
        request,
        start_ns: start_ms * 1_000_000,
        end_ns: end_ms * 1_000_000,
    };
    list.iter().map(stay).collect()
}

#[track_caller]
fn check(parts: &[(&str, &[Stay])], cores: usize, width: usize, expected: &[&str]) {
    let parts: Vec<Part<'_>> = parts
        .iter()
        .map(|&(name, stays)| Part { name, stays })
        .collect();
    let picture = draw(&parts, cores, width);
    let lines: Vec<&str> = picture.lines().collect();
    assert_eq!(lines, expected, "\n{picture}");
    assert!(picture.lines().all(|line| line.chars().count() <= width));
}

#[test]
fn each_core_has_a_row() {
    let fifo = [
        stays(0, &[(1, 0, 1000), (3, 1000, 2000)]),
        stays(1, &[(2, 0, 1000)]),
    ];
    let focus = [
        stays(0, &[(1, 0, 500), (2, 500, 1000)]),
        stays(1, &[(1, 0, 500), (2, 500, 1000)]),
    ];
    check(
        &[("fifo", &fifo.concat()), ("focus", &focus.concat())],
        2,
        38,
        &[
            "fifo   core 0 |11111111113333333333|",
            "       core 1 |2222222222..........|",
            "focus  core 0 |1111122222..........|",
            "       core 1 |1111122222..........|",
            "               +---------+---------+",
            "               0 s       1         2",
        ],
    );
}

#[test]
fn what_alternates_faster_than_a_step_is_shown_by_its_share() {
    let alternating: Vec<(usize, u64, u64)> = (0..100)
        .map(|slice| (1 + usize::from(slice % 4 == 3), 2 * slice, 2 * slice + 2))
        .collect();
    check(
        &[("fair", &stays(0, &alternating))],
        1,
        37,
        &[
            "fair  core 0 |11211121112111211121|",
            "              +---------+---------+",
            "              0 s       0.1       0.2",
        ],
    );
}

#[test]
fn every_length_fits_every_width() {
    for width in [0, 20, 37, 38, 80] {
        for length_us in (1..20_000).chain([1_000_000, 2_020_000, 999_999_999]) {
            let stay = Stay {
                core: 0,
                request: 1,
                start_ns: 0,
                end_ns: length_us * 1_000,
            };
            let part = Part {
                name: "fifo",
                stays: &[stay],
            };
            let picture = draw(&[part], 1, width);
            let longest = picture.lines().map(|line| line.chars().count()).max();
            // Where nothing fits, the frame around a single column is left.
            assert!(
                longest.unwrap() <= width.max(22),
                "{length_us} us in {width} columns:\n{picture}"
            );
        }
    }
}

#[test]
fn requests_have_letters_while_they_last() {
    let letters: String = [1, 9, 10, 35, 36, LETTERS, LETTERS + 1, 1000]
        .map(letter)
        .iter()
        .collect();
    assert_eq!(letters, "19azAZ##");
}
