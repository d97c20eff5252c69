//! `millicore load`: requests to a server, and how long each waited.

mod progress;

use crate::failure::{Failure, note};
use crate::interrupt;
use clap::{Args, ValueEnum};
use millicore_lab::load::{Plan, Report, Wishes, run as run_plan};
use millicore_lab::machine::MachineState;
use millicore_lab::stop::Stop;
use millicore_server::descriptors;
use progress::ProgressLine;
use std::fs;
use std::io::{self, Write};

/// Send requests to a server and report how long each waited
///
/// By default each of 10 connections sends its next request when the last one is answered (a closed
/// loop). With --at-once all requests leave together; with --rate they start at their times
/// whatever becomes of the answers (an open loop), on as many connections as that takes.
///
/// Latency counts from the moment at which a request should have started, so a server that stalls
/// cannot hide it. A request that is given up stays in the statistics, with the time that was
/// waited; figures that are at least so much because of that are marked >=. Other failures are
/// counted by kind and have no latency. An answer is ok if its status is 2xx or 3xx.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Where requests go, http://HOST[:PORT][/PATH]; several take turns
    #[arg(value_name = "URL", allow_hyphen_values = false)]
    urls: Vec<String>,
    /// One URL of several, with its weight: 3=http://localhost:8080/
    #[arg(long = "url", value_name = "WEIGHT=URL", allow_hyphen_values = true)]
    weighted_urls: Vec<String>,
    /// How many requests [default: 200, or as many as fit into --duration]
    #[arg(
        short = 'n',
        long,
        value_name = "N",
        allow_hyphen_values = true,
        help_heading = "When requests start"
    )]
    requests: Option<String>,
    /// How many requests are under way at a time, each on a connection [default: 10]
    #[arg(
        short = 'c',
        long,
        value_name = "N",
        allow_hyphen_values = true,
        help_heading = "When requests start"
    )]
    connections: Option<String>,
    /// N requests leave together, on connections that were opened before
    #[arg(
        long,
        value_name = "N",
        allow_hyphen_values = true,
        help_heading = "When requests start"
    )]
    at_once: Option<String>,
    /// So many requests start each second, whatever becomes of them
    #[arg(
        long,
        value_name = "N",
        allow_hyphen_values = true,
        help_heading = "When requests start"
    )]
    rate: Option<String>,
    /// With --rate: constant spacing, or poisson, at random [default: constant]
    #[arg(
        long,
        value_name = "LAW",
        allow_hyphen_values = true,
        help_heading = "When requests start"
    )]
    arrivals: Option<String>,
    /// With --arrivals poisson: the same number gives the same times [default: 1]
    #[arg(
        long,
        value_name = "N",
        allow_hyphen_values = true,
        help_heading = "When requests start"
    )]
    seed: Option<String>,
    /// How long requests start; those under way are waited for
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        help_heading = "When requests start"
    )]
    duration: Option<String>,
    /// How long an answer is waited for
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30s",
        allow_hyphen_values = true
    )]
    timeout: String,
    /// The method [default: GET, or POST with --body]
    #[arg(
        short = 'X',
        long,
        value_name = "NAME",
        allow_hyphen_values = true,
        help_heading = "What is sent"
    )]
    method: Option<String>,
    /// A header, 'NAME: VALUE'; repeatable
    #[arg(
        short = 'H',
        long = "header",
        value_name = "HEADER",
        allow_hyphen_values = true,
        help_heading = "What is sent"
    )]
    headers: Vec<String>,
    /// The body of each request, or @FILE to read it from
    #[arg(
        long,
        value_name = "TEXT",
        allow_hyphen_values = true,
        help_heading = "What is sent"
    )]
    body: Option<String>,
    /// Speak HTTP/2 (without TLS, without asking first); a connection has up to 100 requests
    #[arg(long, help_heading = "What is sent")]
    http2: bool,
    /// An expectation such as 'p99<100ms' or 'failed<1%'; repeatable, or with commas between
    #[arg(
        long,
        value_name = "EXPECTATION",
        allow_hyphen_values = true,
        help_heading = "What is reported"
    )]
    expect: Vec<String>,
    /// Requests are listed as sent (like grequests.map) or as completed (like imap)
    #[arg(
        long,
        value_name = "ORDER",
        default_value = "sent",
        allow_hyphen_values = true,
        help_heading = "What is reported"
    )]
    order: String,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Table, help_heading = "What is reported")]
    format: Format,
}

const EXAMPLES: &str = "\
Expectations:
  A figure, one of < <= > >= =, and a bound. Figures: mean, p50, p90, p99 and
  other percentiles, max, spread (of a burst), ok, failed, ok%, failed%, sent,
  rate (ok each second). Quote them: < and > mean something to a shell.

Examples:
  Ten requests at the same moment, listed as they come back:
    millicore load http://localhost:8080/ --at-once 10 --order completed
  A hundred each second for ten seconds, as clients that do not know each
  other would send them, and a failure unless 99 of 100 take below 100 ms:
    millicore load http://localhost:8080/ --rate 100 --arrivals poisson
      --duration 10s --expect 'p99<100ms,failed=0'
  As many as 50 connections carry in five seconds:
    millicore load http://localhost:8080/ -c 50 --duration 5s
  Three of four requests to one URL, one to another:
    millicore load --url 3=http://localhost:8080/a --url 1=http://localhost:8080/b

Ctrl-C gives up what is under way and reports; a second one ends the command.

Exit status: 0 done, 1 failed (among others when nothing was answered),
2 bad usage, 3 an expectation was missed, 130 interrupted";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Text for people; up to 50 requests are listed
    Table,
    /// One object for programs; up to 1000 requests are listed
    Json,
    /// A row for each request, however many
    Csv,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let format = arguments.format;
    let mut plan = Plan::new(&arguments.wishes()?).map_err(Failure::usage)?;
    if matches!(format, Format::Csv) {
        plan.most_rows = usize::MAX;
    }
    // If that is refused, the report says which requests found none.
    let _ = descriptors::raise_limit();
    let (machine, stop) = (MachineState::read(), Stop::default());
    interrupt::listen(stop.clone())?;
    let progress = ProgressLine::new();
    let outcome = run_plan(&plan, &stop, &mut |it| progress.show(it));
    progress.finish();
    let outcome = outcome.map_err(|error| Failure::at("load", error))?;
    let report = Report::new(plan, machine, outcome);
    print(format, &report)?;
    judge(format, &report)
}

impl Arguments {
    fn wishes(self) -> Result<Wishes, Failure> {
        Ok(Wishes {
            urls: self.urls,
            weighted_urls: self.weighted_urls,
            requests: self.requests,
            connections: self.connections,
            at_once: self.at_once,
            rate: self.rate,
            arrivals: self.arrivals,
            seed: self.seed,
            duration: self.duration,
            order: Some(self.order),
            timeout: Some(self.timeout),
            method: self.method,
            headers: self.headers,
            body: self.body.as_deref().map(body).transpose()?,
            http2: self.http2,
            expect: self.expect,
        })
    }
}

/// The text itself, or what is in the file it names.
fn body(given: &str) -> Result<Vec<u8>, Failure> {
    let Some(path) = given.strip_prefix('@') else {
        return Ok(given.as_bytes().to_vec());
    };
    fs::read(path).map_err(|error| Failure::usage(format_args!("--body {given}: {error}")))
}

fn print(format: Format, report: &Report) -> Result<(), Failure> {
    let text = match format {
        Format::Table => report.to_table(),
        Format::Json => {
            report
                .to_json()
                .map_err(|error| Failure::at("load", error))?
                + "\n"
        }
        Format::Csv => report.to_csv(),
    };
    let mut output = io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(|error| Failure::output(&error))
}

/// What the run means for the exit status. The other formats have no place for what the table says
/// beside its figures.
fn judge(format: Format, report: &Report) -> Result<(), Failure> {
    if matches!(format, Format::Csv) {
        report.notes().iter().for_each(note);
    }
    if report.outcome.was_stopped {
        return Err(Failure::Interrupted);
    }
    if !report.outcome.has_answers() {
        let kinds: Vec<String> = report.outcome.failed.keys().cloned().collect();
        let kinds = kinds.join(", ");
        return Err(Failure::at(
            "load",
            format_args!("nothing was answered: {kinds}"),
        ));
    }
    let missed = report
        .judgements
        .iter()
        .filter(|judgement| !judgement.is_met);
    for judgement in missed {
        let (expectation, measured) = (&judgement.expectation, &judgement.measured);
        note(format_args!("expected {expectation}, measured {measured}"));
    }
    match report.is_as_expected() {
        true => Ok(()),
        false => Err(Failure::Missed),
    }
}
