//! Logs, once: to standard error, around the progress bars.

mod go;

use std::io::IsTerminal;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::LogLevel;
use crate::console::Terminal;
use go::GoFormat;

/// How to speak.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Voice {
    /// Least level that is said.
    pub(crate) level: LogLevel,
    /// Form of a line.
    pub(crate) form: Form,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
    /// As Prometheus' servers write it.
    Logfmt,
    /// One JSON object a line, with the keys of Prometheus' servers.
    GoJson,
}

/// The time of a log line: of the day for a person who looks on, whole where it is kept.
struct Clock {
    short: bool,
}

impl FormatTime for Clock {
    fn format_time(&self, out: &mut Writer<'_>) -> std::fmt::Result {
        let now = Timestamp::now();
        if self.short {
            write!(out, "{}", now.to_zoned(TimeZone::system()).strftime("%H:%M:%S"))
        } else {
            write!(out, "{now:.3}")
        }
    }
}

/// Starts logging.
pub(crate) fn start(voice: Voice, console: &Terminal) {
    let ours = match voice.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    // The engine's library warns of each unreadable file; our session reports count and name them already.
    let libraries = if ours == LevelFilter::DEBUG { LevelFilter::INFO } else { LevelFilter::ERROR };
    let mut filter = Targets::new().with_default(libraries);
    for target in [
        "stash",
        "standalone",
        "sidecar",
        "operator",
        "cluster",
        "agent",
        "engine",
        "gateway",
        "domain",
        "web",
    ] {
        filter = filter.with_target(target, ours);
    }
    let terminal = std::io::stderr().is_terminal();
    let layer =
        tracing_subscriber::fmt::layer().with_writer(console.writer()).with_timer(Clock { short: terminal });
    let registry = tracing_subscriber::registry().with(filter);
    // A second start would be a defect of ours, and logging is no reason to die.
    let _ = match voice.form {
        Form::Json => registry.with(layer.json()).try_init(),
        Form::Text => registry.with(layer.with_ansi(terminal).with_target(false)).try_init(),
        Form::Logfmt => registry.with(layer.event_format(GoFormat::Logfmt)).try_init(),
        Form::GoJson => registry.with(layer.event_format(GoFormat::Json)).try_init(),
    };
}

/// Says why a command ended, with its causes.
pub(crate) fn complain(error: &anyhow::Error) {
    tracing::error!("{error:#}");
}
