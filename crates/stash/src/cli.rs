//! The tree of subcommands, and the flags all of them share.

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::commands::{
    backup::BackupArgs, check::CheckArgs, forget::ForgetArgs, glog::GlogFlags, install::InstallArgs,
    pushgateway::PushgatewayArgs, recover::RecoverArgs, run::RunArgs, scaledown::ScaleDownArgs,
    snapshots::SnapshotsArgs, standalone::StandaloneArgs, uninstall::UninstallArgs, version::VersionArgs,
};
use crate::exit::Exit;
use crate::telemetry::{Form, Voice};

/// Backs up volumes into restic-compatible repositories, brings them back, and says honestly how that went.
#[derive(Debug, Parser)]
#[command(
    name = "stash",
    version,
    max_term_width = 110,
    after_help = "First steps, without a cluster and without anything else installed:\n  \
                  stash standalone examples/quickstart\n\
                  then open http://127.0.0.1:56789/ in a browser.\n\n\
                  Exit codes: 0 done; 1 failed; 2 wrong usage (1 of pushgateway, as in the original); 3 incomplete (files could not be read); \
                  10 no repository; 11 repository locked; 12 wrong password; 75 failed, and another attempt may do better; 130 stopped."
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
    Backup(Box<BackupArgs>),
    Recover(Box<RecoverArgs>),
    Run(Box<RunArgs>),
    Snapshots(SnapshotsArgs),
    Forget(Box<ForgetArgs>),
    Check(Box<CheckArgs>),
    Scaledown(Box<ScaleDownArgs>),
    Pushgateway(Box<PushgatewayArgs>),
    Install(Box<InstallArgs>),
    Uninstall(UninstallArgs),
    Version(VersionArgs),
}

impl Invocation {
    /// How to speak.
    pub(crate) fn voice(&self) -> Voice {
        match &self.command {
            Command::Pushgateway(args) => args.voice(),
            Command::Run(args) => self.as_told(&args.glog),
            Command::Backup(args) => self.as_told(&args.pod.glog),
            Command::Recover(args) => self.as_told(&args.pod.glog),
            Command::Forget(args) => self.as_told(&args.pod.glog),
            Command::Check(args) => self.as_told(&args.pod.glog),
            Command::Scaledown(args) => self.as_told(&args.pod.glog),
            _ => self.global.voice(),
        }
    }

    fn as_told(&self, glog: &GlogFlags) -> Voice {
        let voice = self.global.voice();
        Voice { level: glog.at_least(voice.level), ..voice }
    }
}

impl Global {
    fn voice(&self) -> Voice {
        let form = match self.log_format {
            LogFormat::Text => Form::Text,
            LogFormat::Json => Form::Json,
        };
        Voice { level: self.log_level, form }
    }
}

/// What is asked for; or how to end, when that was said already.
pub(crate) fn parse() -> Result<Invocation, Exit> {
    let mut invocation = Invocation::try_parse().map_err(|error| {
        // Who cannot be told learns it from the exit code.
        let _ = error.print();
        match (error.use_stderr(), is_pushgateway()) {
            (false, _) => Exit::Done,
            // Scripts that start the original expect its code.
            (true, true) => Exit::Failed,
            (true, false) => Exit::WrongUsage,
        }
    })?;
    if let Command::Pushgateway(args) = &mut invocation.command {
        args.complete(&invocation.global);
    }
    Ok(invocation)
}

/// Whether the command line, wrong as it may be, is for the gateway.
fn is_pushgateway() -> bool {
    let matches = Invocation::command().ignore_errors(true).try_get_matches();
    matches.is_ok_and(|matches| matches.subcommand_name() == Some("pushgateway"))
}
