//! Takes Rust text apart into code, comments and test modules, line by line, without a parser.
//!
//! Enough of the lexical grammar (the Rust Reference, "Tokens" and "Comments") to know whether a
//! character is code, comment or literal; the rules then search the part that concerns them.

/// One line of a Rust file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// The line without its comments, the characters inside its literals replaced by `_`.
    pub(crate) code: String,
    /// The text of its comments, markers included.
    pub(crate) comment: String,
    /// Inside an inline `#[cfg(test)] mod`.
    pub(crate) in_test_module: bool,
}

impl Line {
    pub(crate) fn is_code(&self) -> bool {
        !self.code.trim().is_empty()
    }

    /// Whether `word` stands in the code by itself, not as part of a longer name.
    pub(crate) fn has_word(&self, word: &str) -> bool {
        contains_word(&self.code, word)
    }
}

/// Whether `word` occurs in `text` with no letter, digit or `_` on the sides where it has one.
pub(crate) fn contains_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        let joins = |outer: Option<char>, inner: Option<char>| {
            outer.is_some_and(is_name) && inner.is_some_and(is_name)
        };
        !joins(before, word.chars().next()) && !joins(after, word.chars().next_back())
    })
}

/// The lines of a Rust file.
pub(crate) fn lines(text: &str) -> Vec<Line> {
    let mut lexer = Lexer {
        lines: Vec::new(),
        line: Line::default(),
        state: State::Code,
    };
    let characters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < characters.len() {
        at += lexer.take(&characters[at..]);
    }
    let mut lines = lexer.lines;
    if !text.ends_with('\n') {
        lines.push(lexer.line);
    }
    mark_test_modules(&mut lines);
    lines
}

struct Lexer {
    /// The lines read to their end.
    lines: Vec<Line>,
    /// The line being read.
    line: Line,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    Code,
    LineComment,
    BlockComment { depth: usize },
    Text,
    RawText { hashes: usize },
}

impl Lexer {
    /// Reads the beginning of `rest`, which is not empty; returns how many characters it used.
    fn take(&mut self, rest: &[char]) -> usize {
        if rest[0] == '\n' {
            if matches!(self.state, State::LineComment) {
                self.state = State::Code;
            }
            self.lines.push(std::mem::take(&mut self.line));
            return 1;
        }
        match self.state {
            State::Code => self.take_code(rest),
            State::LineComment => self.comment(rest, 1),
            State::BlockComment { depth } => self.take_block_comment(rest, depth),
            State::Text => self.take_text(rest),
            State::RawText { hashes } => self.take_raw_text(rest, hashes),
        }
    }

    fn take_code(&mut self, rest: &[char]) -> usize {
        match rest {
            ['/', '/', ..] => {
                self.state = State::LineComment;
                self.comment(rest, 2)
            }
            ['/', '*', ..] => {
                self.state = State::BlockComment { depth: 1 };
                self.comment(rest, 2)
            }
            ['"', ..] => {
                self.state = match raw_text_hashes(&self.line.code) {
                    Some(hashes) => State::RawText { hashes },
                    None => State::Text,
                };
                self.literal("\"")
            }
            // A character; anything else after a quote is a lifetime or a label.
            ['\'', '\\', _, tail @ ..] => {
                let until_quote = tail.iter().position(|character| *character == '\'');
                let length = until_quote.map_or(tail.len(), |position| position + 1) + 3;
                self.literal("'_'");
                length
            }
            ['\'', _, '\'', ..] => {
                self.literal("'_'");
                3
            }
            _ => {
                self.line.code.push(rest[0]);
                1
            }
        }
    }

    fn take_block_comment(&mut self, rest: &[char], depth: usize) -> usize {
        match rest {
            ['*', '/', ..] => {
                self.state = match depth {
                    1 => State::Code,
                    _ => State::BlockComment { depth: depth - 1 },
                };
                self.comment(rest, 2)
            }
            ['/', '*', ..] => {
                self.state = State::BlockComment { depth: depth + 1 };
                self.comment(rest, 2)
            }
            _ => self.comment(rest, 1),
        }
    }

    fn take_text(&mut self, rest: &[char]) -> usize {
        match rest {
            // An escaped end of line continues the text; the end itself is read as a line's end.
            ['\\', '\n', ..] => self.literal("_"),
            ['\\', _, ..] => {
                self.literal("__");
                2
            }
            ['"', ..] => {
                self.state = State::Code;
                self.literal("\"")
            }
            _ => self.literal(masked(rest[0])),
        }
    }

    fn take_raw_text(&mut self, rest: &[char], hashes: usize) -> usize {
        let ends = rest[0] == '"'
            && rest.len() > hashes
            && rest[1..=hashes].iter().all(|character| *character == '#');
        if ends {
            self.state = State::Code;
            return self.literal("\"");
        }
        self.literal(masked(rest[0]))
    }

    /// Adds to the code what stands for a literal; one character of the source is used.
    fn literal(&mut self, shown: &str) -> usize {
        self.line.code.push_str(shown);
        1
    }

    fn comment(&mut self, rest: &[char], length: usize) -> usize {
        self.line.comment.extend(&rest[..length]);
        length
    }
}

/// A literal hides what it says, but a blank line in it stays blank.
fn masked(character: char) -> &'static str {
    if character.is_whitespace() { " " } else { "_" }
}

/// Whether a quote after `code` opens a raw string (`r"`, `br#"`, `cr##"`), and with how many `#`.
fn raw_text_hashes(code: &str) -> Option<usize> {
    let opening = code.trim_end_matches('#');
    let prefix = opening.strip_suffix('r')?;
    let prefix = prefix.strip_suffix(['b', 'c']).unwrap_or(prefix);
    let is_prefix = !prefix.chars().next_back().is_some_and(is_name);
    is_prefix.then(|| code.len() - opening.len())
}

fn mark_test_modules(lines: &mut [Line]) {
    let mut at = 0;
    while at < lines.len() {
        let from = at;
        at += 1;
        if lines[from].code.trim() != "#[cfg(test)]" {
            continue;
        }
        let is_attribute = |line: &Line| !line.is_code() || line.code.trim().starts_with("#[");
        while at < lines.len() && is_attribute(&lines[at]) {
            at += 1;
        }
        let opens = lines
            .get(at)
            .is_some_and(|line| line.has_word("mod") && !ends(&line.code));
        if opens {
            at = end_of_block(lines, at);
            lines[from..at]
                .iter_mut()
                .for_each(|line| line.in_test_module = true);
        }
    }
}

fn ends(code: &str) -> bool {
    code.trim_end().ends_with(';')
}

/// The line after the block that opens at `start`.
fn end_of_block(lines: &[Line], start: usize) -> usize {
    let mut depth = 0_usize;
    for (index, line) in lines.iter().enumerate().skip(start) {
        depth += line.code.matches('{').count();
        depth = depth.saturating_sub(line.code.matches('}').count());
        if depth == 0 {
            return index + 1;
        }
    }
    lines.len()
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, code: &[&str], comments: &[&str]) {
        let lines = lines(text);
        assert_eq!(
            lines
                .iter()
                .map(|line| line.code.as_str())
                .collect::<Vec<_>>(),
            code
        );
        assert_eq!(
            lines
                .iter()
                .map(|line| line.comment.as_str())
                .collect::<Vec<_>>(),
            comments
        );
    }

    #[test]
    fn comments_are_not_code() {
        check("let a = 1; // one", &["let a = 1; "], &["// one"]);
        check("/// doc\nfn f() {}\n", &["", "fn f() {}"], &["/// doc", ""]);
        check(
            "a /* b /* c */\n d */ e",
            &["a ", " e"],
            &["/* b /* c */", " d */"],
        );
        check("// it's\nb", &["", "b"], &["// it's", ""]);
    }

    #[test]
    fn literals_hide_what_they_say() {
        check(r#"f("a // \" b");"#, &[r#"f("_ __ __ _");"#], &[""]);
        check(
            "r#\"a\" \n\nb\"#;",
            &["r#\"__ ", "", "_\"#;"],
            &["", "", ""],
        );
        check("br\"\\\" + x", &["br\"_\" + x"], &[""]);
        check(
            "['\"', '\\'', '\\u{41}'] + x",
            &["['_', '_', '_'] + x"],
            &[""],
        );
        check("&'a str + 'x'", &["&'a str + '_'"], &[""]);
        check("\"a\\\n  b\"", &["\"__", "  _\""], &["", ""]);
    }

    #[test]
    fn inline_test_modules_are_found() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() { \"}\"; }\n}\nfn c() {}\n";
        let marked: Vec<bool> = lines(text).iter().map(|line| line.in_test_module).collect();
        assert_eq!(marked, [false, true, true, true, true, false]);
        let elsewhere = lines("#[cfg(test)]\nmod tests;\nfn a() {}\n");
        assert!(elsewhere.iter().all(|line| !line.in_test_module));
    }

    #[test]
    fn a_word_stands_by_itself() {
        assert!(contains_word("thread::sleep(pause)", "sleep("));
        assert!(!contains_word("asleep(pause)", "sleep("));
        assert!(contains_word("use std::fmt", "std::"));
        assert!(!contains_word("no_std::x", "std::"));
    }
}
