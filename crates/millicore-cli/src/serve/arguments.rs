//! Wishes from the command line: clap's arguments, made from the table of options.

use super::options::{OPTIONS, Section, ServeOption, Shape};
use super::wishes::{Source, Wishes};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};
use std::path::PathBuf;

/// What a user types after `millicore serve`.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(super) wishes: Wishes,
    pub(super) config: Option<PathBuf>,
    pub(super) task: Task,
}

/// What is to be done with the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Serve,
    Check,
    Print,
}

const ABOUT: &str =
    "Serve the demonstration application, with the concurrency model of your choice";

const LONG_ABOUT: &str = "\
Serve the demonstration application, with the concurrency model of your choice

Requests run one by one (sync), each on a thread (threads), each in a forked process (forks), in
processes forked beforehand (prefork), or chunk by chunk on the cores, in the order of a policy
(scheduled). An option that the model does not know is refused.";

const EXAMPLES: &str = "\
Every option is also a variable, --max-children is MILLICORE_MAX_CHILDREN, and a key of the file that
--config names, max-children = 40. The command line goes before the environment, the environment
before the file.

Signals:
  TERM        finish what was accepted, then exit with status 0
  INT         the same; at once when it comes again
  QUIT        exit at once
  HUP         read the file again and take from it what can change while running
  TTIN, TTOU  one worker, process, thread or core more, one fewer

Examples:
  Divide every request and let the cores work on one after the other:
    millicore serve --policy focus
  A process for each request, at most 40 of them, on a port that is free:
    millicore serve --model forks --bind 127.0.0.1:0
  What would be done, as a file that --config takes:
    millicore serve --model prefork --workers 4 --print-config

Exit status: 0 done, 1 failed, 2 bad usage";

const CONFIG: &str = "config";
const CHECK_CONFIG: &str = "check-config";
const PRINT_CONFIG: &str = "print-config";

impl Args for Arguments {
    fn augment_args(command: Command) -> Command {
        let options = OPTIONS.into_iter().flat_map(arguments_of);
        command
            .about(ABOUT)
            .long_about(LONG_ABOUT)
            .after_long_help(EXAMPLES)
            .args(options)
            .args(tasks())
            .arg(timeout_of_gunicorn())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// What is no setting: where they are, and what to do with them instead of serving.
fn tasks() -> [Arg; 3] {
    let config = Arg::new(CONFIG)
        .long(CONFIG)
        .short('c')
        .value_name("FILE.toml")
        .value_parser(value_parser!(PathBuf))
        .help("A file with settings [env: MILLICORE_CONFIG]");
    let check = Arg::new(CHECK_CONFIG)
        .long(CHECK_CONFIG)
        .action(ArgAction::SetTrue)
        .conflicts_with(PRINT_CONFIG)
        .help("Say whether the settings are valid, and do not serve");
    let print = Arg::new(PRINT_CONFIG)
        .long(PRINT_CONFIG)
        .action(ArgAction::SetTrue)
        .help("Print the settings, as a file that --config takes, and do not serve");
    [config, check, print].map(|argument| argument.help_heading("Settings"))
}

/// Whoever types it means one of two things, and is told which is which.
fn timeout_of_gunicorn() -> Arg {
    let refuse = |_: &str| {
        Err::<String, _>(
            "--request-timeout is how long a request may take, --graceful-timeout how long a \
             server that stops finishes; no worker is ended because it is busy",
        )
    };
    Arg::new("timeout")
        .long("timeout")
        .short('t')
        .value_name("TIME")
        .value_parser(refuse)
        .hide(true)
}

fn arguments_of(option: &'static ServeOption) -> Vec<Arg> {
    let argument = Arg::new(option.name)
        .long(option.name)
        .short(option.short)
        .aliases(option.aliases.iter().copied())
        .help_heading(option.section.heading())
        .help(help(option));
    let valued = |argument: Arg| {
        argument
            .value_name(option.value)
            .allow_negative_numbers(true)
    };
    match option.shape {
        Shape::Value => vec![valued(argument)],
        Shape::List => vec![valued(argument).action(ArgAction::Append)],
        Shape::ValueOrBare(bare) => {
            vec![valued(argument).num_args(0..=1).default_missing_value(bare)]
        }
        Shape::Switch(negative) => {
            let negative_argument = Arg::new(negative)
                .long(negative)
                .action(ArgAction::SetTrue)
                .overrides_with(option.name)
                .help_heading(option.section.heading())
                .hide(option.default == "false")
                .help(format!("Not --{}", option.name));
            let argument = argument.action(ArgAction::SetTrue).overrides_with(negative);
            vec![argument, negative_argument]
        }
    }
}

fn help(option: &ServeOption) -> String {
    let models = match option.serves_every_model() || option.section == Section::Scheduling {
        true => String::new(),
        false => format!(" [model: {}]", option.model_names()),
    };
    let default = match option.default {
        "" => String::new(),
        text => format!(" [default: {text}]"),
    };
    format!(
        "{}{models}{default} [env: {}]",
        option.help,
        option.variable()
    )
}

impl FromArgMatches for Arguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut wishes = Wishes::default();
        for option in OPTIONS {
            let texts = typed(option, matches);
            if !texts.is_empty() {
                wishes.insert(option, texts, Source::CommandLine);
            }
        }
        let task = match (
            matches.get_flag(CHECK_CONFIG),
            matches.get_flag(PRINT_CONFIG),
        ) {
            (true, _) => Task::Check,
            (_, true) => Task::Print,
            _ => Task::Serve,
        };
        Ok(Self {
            wishes,
            config: matches.get_one(CONFIG).cloned(),
            task,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn typed(option: &ServeOption, matches: &ArgMatches) -> Vec<String> {
    let Shape::Switch(negative) = option.shape else {
        let texts = matches.get_many::<String>(option.name);
        return texts.into_iter().flatten().cloned().collect();
    };
    let text = match (matches.get_flag(option.name), matches.get_flag(negative)) {
        (true, _) => "true",
        (_, true) => "false",
        _ => return Vec::new(),
    };
    vec![text.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::super::options::{ACCESS_LOG, BIND, KEEP_ALIVE, MAX_THREADS, NICENESS, REUSE_PORT};
    use super::*;

    fn parse(typed: &str) -> Wishes {
        let command = Arguments::augment_args(Command::new("serve").no_binary_name(true));
        let matches = command
            .try_get_matches_from(typed.split_whitespace())
            .unwrap();
        Arguments::from_arg_matches(&matches).unwrap().wishes
    }

    #[track_caller]
    fn check(typed: &str, option: &ServeOption, expected: &[&str]) {
        let wishes = parse(typed);
        assert_eq!(wishes.setting(option).texts, expected, "{typed}");
        assert_eq!(wishes.setting(option).source, Source::CommandLine);
    }

    #[test]
    fn options_are_read_in_every_shape() {
        check("--bind a:1 -b b:2", &BIND, &["a:1", "b:2"]);
        check("--no-keep-alive", &KEEP_ALIVE, &["false"]);
        check("--no-keep-alive --keep-alive", &KEEP_ALIVE, &["true"]);
        check("--reuse-port", &REUSE_PORT, &["true"]);
        check("--access-log", &ACCESS_LOG, &["-"]);
        check("--access-log - --no-keep-alive", &ACCESS_LOG, &["-"]);
        check("--access-log a.log", &ACCESS_LOG, &["a.log"]);
        check("--niceness -5", &NICENESS, &["-5"]);
    }

    #[test]
    fn spellings_of_gunicorn_that_mean_the_same_are_understood() {
        check("--threads 4", &MAX_THREADS, &["4"]);
        check("--access-logfile -", &ACCESS_LOG, &["-"]);
    }

    #[test]
    fn clap_finds_no_fault_with_the_arguments() {
        Arguments::augment_args(Command::new("serve")).debug_assert();
    }
}
