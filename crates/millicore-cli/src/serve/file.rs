//! Wishes from a file: TOML with the options' names as keys.

use super::options::{self, Shape};
use super::wishes::{Source, Wishes};
use crate::failure::Failure;
use std::fs;
use std::path::Path;
use toml::de::{DeTable, DeValue};

pub(super) fn read(path: &Path) -> Result<Wishes, Failure> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| Failure::at(&name, error))?;
    parse(&name, &text)
}

fn parse(path: &str, text: &str) -> Result<Wishes, Failure> {
    let line = |offset: usize| {
        let before = text.bytes().take(offset);
        before.filter(|byte| *byte == b'\n').count() + 1
    };
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line(span.start));
        Failure::usage(format_args!("{path}, line {line}: {}", error.message()))
    })?;
    let mut wishes = Wishes::default();
    for (key, value) in table.get_ref() {
        let line = line(key.span().start);
        let refuse =
            |problem: String| Failure::usage(format_args!("{path}, line {line}: {problem}"));
        let name: &str = key.get_ref();
        let option = options::by_name(name).ok_or_else(|| refuse(unknown(name)))?;
        if wishes.contains(option) {
            return Err(refuse(format!("{} is set twice", option.name)));
        }
        let texts = texts(option.shape, value.get_ref())
            .map_err(|problem| refuse(format!("{name}: {problem}")))?;
        let path = path.to_owned();
        wishes.insert(option, texts, Source::File { path, line });
    }
    Ok(wishes)
}

fn unknown(name: &str) -> String {
    match options::by_similar_name(name) {
        Some(meant) => format!("{name:?} is no option; did you mean {meant:?}?"),
        None => format!("{name:?} is no option: `millicore serve --help` names them all"),
    }
}

fn texts(shape: Shape, value: &DeValue<'_>) -> Result<Vec<String>, String> {
    match (shape, value) {
        (Shape::List, DeValue::Array(values)) => {
            values.iter().map(|value| scalar(value.get_ref())).collect()
        }
        (_, DeValue::Array(_)) => Err("it has one value, not a list".to_owned()),
        (_, value) => Ok(vec![scalar(value)?]),
    }
}

/// A value as it would be typed on a command line.
fn scalar(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Boolean(value) => Ok(value.to_string()),
        _ => Err("write a string, a decimal number, true or false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::{BIND, CPU, KEEP_ALIVE, MAX_BODY, QUEUE, TENANT};
    use super::*;

    #[test]
    fn a_file_says_what_the_command_line_would() {
        let text = "queue = 5\nbind = [\"a:1\", \"b:2\"]\ntenant = \"a=1\"\nkeep_alive = false\n\
                    cpu = 1.5\nmax-body = \"1MiB\"\n";
        let wishes = parse("f.toml", text).unwrap();
        let texts = |option| wishes.setting(option).texts;
        assert_eq!(texts(&QUEUE), ["5"]);
        assert_eq!(texts(&BIND), ["a:1", "b:2"]);
        assert_eq!(texts(&TENANT), ["a=1"]);
        assert_eq!(texts(&KEEP_ALIVE), ["false"]);
        assert_eq!(texts(&CPU), ["1.5"]);
        assert_eq!(texts(&MAX_BODY), ["1MiB"]);
        let line = |option| match wishes.setting(option).source {
            Source::File { line, .. } => line,
            _ => 0,
        };
        assert_eq!((line(&QUEUE), line(&MAX_BODY)), (1, 6));
    }

    #[test]
    fn what_a_file_cannot_say_is_refused_with_its_line() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            let error = format!("{:?}", parse("f.toml", text).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
        check(
            "\nworker = 3",
            "f.toml, line 2: \\\"worker\\\" is no option; did you mean",
        );
        check("colour = 3", "`millicore serve --help` names them all");
        check("queue = 1\nqueue = 2", "f.toml, line 2: duplicate key");
        check(
            "max-body = 1\nmax_body = 2",
            "f.toml, line 2: max-body is set twice",
        );
        check("queue = [1]", "it has one value, not a list");
        check("queue = 0x10", "a decimal number");
        check("[queue]\nx = 1", "queue: write a string");
        check("queue =", "f.toml, line 1: ");
        check("queue = 2026-01-01", "queue: write a string");
    }
}
