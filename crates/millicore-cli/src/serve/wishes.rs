//! What was asked for, and where: layers of text, the upper ones over the lower ones.

use super::options::ServeOption;
use crate::failure::Failure;
use std::collections::BTreeMap;
use std::fmt::{self, Display};

/// Values as they were written, by the option's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    settings: BTreeMap<&'static str, Setting>,
}

/// One option as it was written: its values, of which all but a list have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) texts: Vec<String>,
    pub(super) source: Source,
}

/// Who wished it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Default,
    /// The system around the command, not somebody who thought of this command.
    Convention(&'static str),
    File {
        path: String,
        line: usize,
    },
    /// A variable of its own.
    Environment,
    CommandLine,
}

impl Wishes {
    pub(super) fn insert(&mut self, option: &ServeOption, texts: Vec<String>, source: Source) {
        self.settings.insert(option.name, Setting { texts, source });
    }

    /// These wishes, and what they leave open from the layer below.
    pub(super) fn over(mut self, below: Self) -> Self {
        for (name, setting) in below.settings {
            self.settings.entry(name).or_insert(setting);
        }
        self
    }

    pub(super) fn contains(&self, option: &ServeOption) -> bool {
        self.settings.contains_key(option.name)
    }

    pub(super) fn setting(&self, option: &ServeOption) -> Setting {
        self.settings.get(option.name).cloned().unwrap_or_else(|| {
            let text = (!option.default.is_empty()).then(|| option.default.to_owned());
            Setting {
                texts: text.into_iter().collect(),
                source: Source::Default,
            }
        })
    }

    /// The value of an option.
    pub(super) fn value<T, E: Display>(
        &self,
        option: &ServeOption,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, Failure> {
        let setting = self.setting(option);
        let text = setting.texts.first().map_or("", String::as_str);
        parse(text).map_err(|problem| setting.refuse(option, text, problem))
    }

    /// The values of an option that may be repeated.
    pub(super) fn list<T, E: Display>(
        &self,
        option: &ServeOption,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Vec<T>, Failure> {
        let setting = self.setting(option);
        let parse_one =
            |text: &String| parse(text).map_err(|problem| setting.refuse(option, text, problem));
        setting.texts.iter().map(parse_one).collect()
    }
}

impl Setting {
    /// The value as one text.
    pub(super) fn text(&self) -> String {
        self.texts.join(",")
    }

    /// Why a value cannot be, with the place where it was written.
    pub(super) fn refuse(
        &self,
        option: &ServeOption,
        text: &str,
        problem: impl Display,
    ) -> Failure {
        let place = Place {
            option,
            text,
            source: &self.source,
        };
        Failure::usage(format_args!("{place}: {problem}"))
    }
}

/// A value and where it was written, as its writer would find it.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) option: &'a ServeOption,
    pub(super) text: &'a str,
    pub(super) source: &'a Source,
}

impl Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { option, text, .. } = self;
        let name = option.name;
        match self.source {
            Source::Default => write!(f, "--{name} {text} (the default)"),
            Source::Convention(variable) => write!(f, "{variable}={text} in the environment"),
            Source::File { path, line } => write!(f, "{name} = {text} in {path}, line {line}"),
            Source::Environment => write!(f, "{}={text} in the environment", option.variable()),
            Source::CommandLine if option.value.is_empty() => match *text {
                "false" => write!(f, "--no-{name}"),
                _ => write!(f, "--{name}"),
            },
            Source::CommandLine => write!(f, "--{name} {text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::{BIND, QUEUE};
    use super::{Source, Wishes};

    fn queue(text: &str, source: Source) -> Wishes {
        let mut wishes = Wishes::default();
        wishes.insert(&QUEUE, vec![text.to_owned()], source);
        wishes
    }

    #[test]
    fn an_upper_layer_hides_a_lower_one() {
        let below = queue("1", Source::Environment);
        let merged = queue("2", Source::CommandLine).over(below);
        assert_eq!(merged.setting(&QUEUE).texts, ["2"]);
        assert_eq!(merged.setting(&BIND).texts, ["127.0.0.1:8000"]);
        assert_eq!(merged.setting(&BIND).source, Source::Default);
    }

    #[test]
    fn a_bad_value_is_found_where_it_was_written() {
        #[track_caller]
        fn check(source: Source, expected: &str) {
            let error = queue("x", source)
                .value(&QUEUE, |_| Err::<(), _>("no"))
                .unwrap_err();
            assert!(format!("{error:?}").contains(expected), "{error:?}");
        }
        let file = Source::File {
            path: "server.toml".to_owned(),
            line: 3,
        };
        check(file, "queue = x in server.toml, line 3: no");
        check(
            Source::Environment,
            "MILLICORE_QUEUE=x in the environment: no",
        );
        check(Source::CommandLine, "--queue x: no");
        check(
            Source::Convention("QUEUE"),
            "QUEUE=x in the environment: no",
        );
    }
}
