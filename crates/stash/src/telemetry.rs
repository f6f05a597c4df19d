//! Logs, once: to standard error, around the progress bars.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::{Global, LogFormat, LogLevel};
use crate::console::Terminal;

/// Starts logging.
pub(crate) fn start(global: &Global, console: &Terminal) {
    let ours = match global.log_level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    // The engine's library warns of each unreadable file; our session reports count and name them already.
    let libraries = if ours == LevelFilter::DEBUG { LevelFilter::INFO } else { LevelFilter::ERROR };
    let mut filter = Targets::new().with_default(libraries);
    for target in ["stash", "standalone", "agent", "engine", "gateway", "domain"] {
        filter = filter.with_target(target, ours);
    }
    let layer = tracing_subscriber::fmt::layer().with_writer(console.writer());
    let registry = tracing_subscriber::registry().with(filter);
    // A second start would be a defect of ours, and logging is no reason to die.
    let _ = match global.log_format {
        LogFormat::Json => registry.with(layer.json()).try_init(),
        LogFormat::Text => {
            let ansi = std::io::stderr().is_terminal();
            registry.with(layer.with_ansi(ansi).with_target(false)).try_init()
        }
    };
}

/// Says why a command ended, with its causes.
pub(crate) fn complain(error: &anyhow::Error) {
    tracing::error!("{error:#}");
}
