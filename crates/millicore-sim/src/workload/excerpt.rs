//! What somebody gave, as an error message may repeat it.

/// The most characters that a message repeats of one text.
const MOST_SHOWN: usize = 60;
const END_SHOWN: usize = 20;

/// A text with control characters escaped, so that it cannot move the cursor of a terminal, and
/// without its middle where it is longer than 60 characters; the end of a path is its file name.
///
/// ```
/// use millicore_sim::workload::excerpt;
///
/// assert_eq!(excerpt("it's\u{1b}[2J"), "it's\\u{1b}[2J");
/// ```
#[must_use]
pub fn excerpt(text: &str) -> String {
    let count = text.chars().count();
    if count <= MOST_SHOWN {
        return escape(text.chars());
    }
    let start = text.chars().take(MOST_SHOWN - END_SHOWN - 1);
    let end = text.chars().skip(count - END_SHOWN);
    escape(start) + "…" + &escape(end)
}

fn escape(characters: impl Iterator<Item = char>) -> String {
    let mut escaped = String::new();
    for character in characters {
        // Quotes cannot be mistaken: messages put texts between backticks.
        if matches!(character, '\'' | '"') {
            escaped.push(character);
        } else {
            escaped.extend(character.escape_debug());
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(excerpt(text), expected);
    }

    #[test]
    fn control_characters_are_escaped() {
        check("", "");
        check("say \"x\", it's \u{4e00}", "say \"x\", it's \u{4e00}");
        check("a\r\n\0\u{7f}\\", "a\\r\\n\\0\\u{7f}\\\\");
        check("\u{1b}]0;\u{202e}", "\\u{1b}]0;\\u{202e}");
    }

    #[test]
    fn a_long_text_loses_its_middle() {
        let sixty = "\u{e9}".repeat(60);
        check(&sixty, &sixty);
        let longer = format!("{}{}", "a".repeat(50), "b".repeat(50));
        let expected = format!("{}…{}", "a".repeat(39), "b".repeat(20));
        check(&longer, &expected);
    }
}
