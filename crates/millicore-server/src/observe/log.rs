//! The log: structured events on standard error, as text or JSON.

use super::timestamp::Timestamp;
use std::fmt;
use std::io;
use std::str::FromStr;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

pub use tracing::level_filters::LevelFilter;

/// How an event is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// A line to read: moment, process, level, what happened to which request.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// It is no format of the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown log format {0:?}: the known ones are text, json")]
pub struct UnknownLogFormat(String);

/// The log was set up before, by this program or one of its libraries.
#[derive(Debug, thiserror::Error)]
#[error("the log is set up already: events go where they went before")]
pub struct LogAlreadySet;

impl FromStr for LogFormat {
    type Err = UnknownLogFormat;

    fn from_str(name: &str) -> Result<Self, UnknownLogFormat> {
        match name {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(UnknownLogFormat(name.to_owned())),
        }
    }
}

/// Changes what is worth an event while the program runs.
#[derive(Clone, Debug)]
pub struct LogLevel(reload::Handle<LevelFilter, Registry>);

impl LogLevel {
    /// Events of this level and above are written from now on.
    pub fn set(&self, level: LevelFilter) {
        // It fails where nothing is written any more.
        let _ = self.0.reload(level);
    }
}

/// Writes the events of this level and above from now on, each by one call of write(2), so that
/// processes that share the log do not mix their lines.
///
/// # Errors
///
/// Where the log was set up before.
pub fn init(level: LevelFilter, format: LogFormat) -> Result<LogLevel, LogAlreadySet> {
    let (level, handle) = reload::Layer::new(level);
    let registry = tracing_subscriber::registry().with(level);
    let log = tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_ansi(false)
        .with_writer(io::stderr);
    let set = match format {
        LogFormat::Text => registry.with(log.with_timer(MomentAndProcess)).try_init(),
        LogFormat::Json => registry.with(log.json().with_timer(Moment)).try_init(),
    };
    set.map(|()| LogLevel(handle)).map_err(|_| LogAlreadySet)
}

struct Moment;

impl FormatTime for Moment {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{}", Timestamp::now())
    }
}

/// Which of the processes it was belongs at the head of a line.
struct MomentAndProcess;

impl FormatTime for MomentAndProcess {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{} [{}]", Timestamp::now(), std::process::id())
    }
}
