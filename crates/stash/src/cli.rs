//! The tree of subcommands, and the flags all of them share.

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::{
    backup::BackupArgs, check::CheckArgs, forget::ForgetArgs, pushgateway::PushgatewayArgs,
    recover::RecoverArgs, snapshots::SnapshotsArgs, standalone::StandaloneArgs, version::VersionArgs,
};

/// Backs up volumes into restic-compatible repositories, brings them back, and says honestly how that went.
#[derive(Debug, Parser)]
#[command(
    name = "stash",
    version,
    max_term_width = 110,
    after_help = "First steps, without a cluster and without anything else installed:\n  \
                  stash standalone examples/quickstart\n\
                  then open http://127.0.0.1:56789/ in a browser.\n\n\
                  Exit codes: 0 done; 1 failed; 2 wrong usage; 3 incomplete (files could not be read); \
                  10 no repository; 11 repository locked; 12 wrong password; 130 stopped."
)]
pub(crate) struct Invocation {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every subcommand.
#[derive(Args, Debug)]
pub(crate) struct Global {
    /// How much to say on standard error.
    #[arg(long, global = true, value_enum, default_value_t = LogLevel::Info, env = "STASH_LOG_LEVEL", help_heading = "Global options")]
    pub(crate) log_level: LogLevel,
    /// How to say it.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, env = "STASH_LOG_FORMAT", help_heading = "Global options")]
    pub(crate) log_format: LogFormat,
    /// Plain lines instead of progress bars, also in a terminal.
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) no_progress: bool,
}

/// Least level that is said.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

/// Form of what is said.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for log collectors.
    Json,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Standalone(StandaloneArgs),
    Backup(BackupArgs),
    Recover(RecoverArgs),
    Snapshots(SnapshotsArgs),
    Forget(ForgetArgs),
    Check(CheckArgs),
    Pushgateway(PushgatewayArgs),
    Version(VersionArgs),
}

pub(crate) fn parse() -> Invocation {
    Invocation::parse()
}
