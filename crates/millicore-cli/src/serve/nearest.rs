//! The known name that a misspelt one was perhaps meant to be.

/// The known name with the fewest letters to change, if few enough are.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distances = known.map(|candidate| (distance(name, candidate), candidate));
    let (changes, candidate) = distances.min_by_key(|(changes, _)| *changes)?;
    (changes <= name.chars().count() / 3).then_some(candidate)
}

/// How many letters are inserted, removed or replaced to make one of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, candidate) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *candidate);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[track_caller]
    fn check(name: &str, expected: Option<&str>) {
        let known = ["queue", "queue-timeout", "workers", "policy"];
        assert_eq!(nearest(name, known.into_iter()), expected);
    }

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        check("queu", Some("queue"));
        check("quuee", None);
        check("worker", Some("workers"));
        check("queue_timeout", Some("queue-timeout"));
        check("polcy", Some("policy"));
        check("colour", None);
        check("", None);
    }
}
