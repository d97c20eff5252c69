//! What the tests of a command came to, added up from what it prints.

use std::io::{self, BufRead, Write};

/// Tests that ran, over all the test binaries of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Tally {
    /// Passes every line on and counts the closing lines of test binaries.
    pub(crate) fn pass_on(&mut self, from: impl BufRead, to: &mut impl Write) -> io::Result<()> {
        for line in from.split(b'\n') {
            let line = line?;
            to.write_all(&line)?;
            to.write_all(b"\n")?;
            self.count(&String::from_utf8_lossy(&line));
        }
        to.flush()
    }

    /// `test result: ok. 3 passed; 0 failed; 1 ignored; …`
    fn count(&mut self, line: &str) {
        let Some((_, counts)) = line.split_once("test result: ") else {
            return;
        };
        let words: Vec<&str> = counts.split([' ', ';']).collect();
        for pair in words.windows(2) {
            let Ok(count) = pair[0].parse::<u64>() else {
                continue;
            };
            match pair[1] {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.ignored += count,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn closing_lines_are_added_up_and_every_line_is_passed_on() {
        let printed = "running 3 tests\n\
            test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
            test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured\n\
            9 passed, which is no closing line\n";
        let (mut tally, mut shown) = (Tally::default(), Vec::new());
        tally.pass_on(printed.as_bytes(), &mut shown).unwrap();
        assert_eq!(String::from_utf8(shown).unwrap(), printed);
        let expected = Tally {
            passed: 13,
            failed: 2,
            ignored: 1,
        };
        assert_eq!(tally, expected);
    }
}
