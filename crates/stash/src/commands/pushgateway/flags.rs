//! The flags of `stash pushgateway`: those of the original under their names, and the limits the original has not.

mod limits;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use domain::rules::go_duration;
use gateway::Config;

use crate::cli::{Global, LogFormat, LogLevel};
use crate::telemetry::{Form, Voice};
use limits::{ClientLimits, PushLimits};

/// Keep the last push of each group and show it to Prometheus.
///
/// It does what prom/pushgateway does, under the same flags, and can take its place. What takes too much, too long or
/// comes too often is refused by the limits below; the guide docs/guides/pushgateway.md says the rest.
///
/// Flags that are on or off: --NAME or --NAME=true, --no-NAME or --NAME=false. Durations are Go's: 500ms, 30s, 5m, 1h30m.
#[derive(Args, Debug)]
#[command(
    version,
    after_help = "Examples:\n  \
    stash pushgateway --persistence.file=/var/lib/stash/gateway.data\n  \
    echo 'files 3' | curl --data-binary @- http://127.0.0.1:9091/metrics/job/backup\n\n\
    Exit codes: 0 told to stop; 1 anything else, wrong usage included."
)]
pub(crate) struct PushgatewayArgs {
    #[command(flatten)]
    pub(super) listening: Listening,
    #[command(flatten)]
    serving: Serving,
    #[command(flatten)]
    keeping: Keeping,
    #[command(flatten)]
    clients: ClientLimits,
    #[command(flatten)]
    pushes: PushLimits,
    #[command(flatten)]
    logging: Logging,
    #[command(flatten)]
    off: Off,
}

/// Where it listens.
#[derive(Args, Debug)]
pub(super) struct Listening {
    /// Where to listen: HOST:PORT, :PORT for all addresses, vsock://:PORT for virtual machines. May be given several
    /// times.
    #[arg(long = "web.listen-address", value_name = "ADDRESS", default_value = ":9091")]
    pub(super) listen_address: Vec<String>,
    /// Listen on the sockets that systemd hands over, and not at --web.listen-address.
    #[arg(long = "web.systemd-socket", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = ArgAction::Set)]
    pub(super) systemd_socket: bool,
}

/// What it serves, and to whom.
#[derive(Args, Debug)]
struct Serving {
    /// File that turns on TLS or asks for passwords, in the format of Prometheus' exporter-toolkit. It is read again
    /// when it changes; while it is broken, each request is answered 500.
    #[arg(long = "web.config.file", value_name = "FILE", default_value = "")]
    config_file: String,
    /// Path of the metrics, below the prefix.
    #[arg(long = "web.telemetry-path", value_name = "PATH", default_value = "/metrics", value_parser = path)]
    telemetry_path: String,
    /// URL under which people reach the gateway. Its path is where everything lives, unless --web.route-prefix says
    /// otherwise.
    #[arg(long = "web.external-url", value_name = "URL", default_value = "")]
    external_url: String,
    /// Path below which everything lives; / for none [default: the path of --web.external-url].
    #[arg(long = "web.route-prefix", value_name = "PATH", hide_default_value = true, default_value = "")]
    route_prefix: String,
    /// Let clients end the gateway by a PUT or POST on /-/quit. Without it they are answered 403.
    #[arg(long = "web.enable-lifecycle", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = ArgAction::Set)]
    enable_lifecycle: bool,
    /// Let clients delete all groups by a PUT on /api/v1/admin/wipe. Without it they are answered 404.
    #[arg(long = "web.enable-admin-api", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = ArgAction::Set)]
    enable_admin_api: bool,
}

/// What it keeps.
#[derive(Args, Debug)]
struct Keeping {
    /// File to keep the groups in over a restart; empty keeps them in memory only.
    #[arg(long = "persistence.file", value_name = "FILE", default_value = "")]
    file: String,
    /// Least time between the beginnings of two writes of that file. So much can be lost in a crash.
    #[arg(long = "persistence.interval", value_name = "DURATION", default_value = "5m", value_parser = duration)]
    interval: Duration,
    /// Answer pushes 202 before they are checked. What does not fit is left out of /metrics all the same.
    #[arg(long = "push.disable-consistency-check", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = ArgAction::Set)]
    disable_consistency_check: bool,
    /// Allow any UTF-8 in names of metrics and labels.
    #[arg(long = "push.enable-utf8-names", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = ArgAction::Set)]
    enable_utf8_names: bool,
    /// Delete groups that nobody pushed to for this long; 0s keeps them for ever.
    #[arg(long = "push.expire-after", value_name = "DURATION", default_value = "0s", value_parser = duration)]
    expire_after: Duration,
}

/// What it says.
#[derive(Args, Debug)]
#[command(next_help_heading = "Log")]
struct Logging {
    /// Least level that is said on standard error [default: info].
    #[arg(long = "log.level", value_name = "LEVEL", value_enum, ignore_case = true)]
    level: Option<LogLevel>,
    /// Form of what is said, with the keys ts, level, caller, msg [default: logfmt].
    #[arg(long = "log.format", value_name = "FORMAT", value_enum)]
    format: Option<GoFormat>,
}

/// The forms of a log line that the original knows.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum GoFormat {
    Logfmt,
    Json,
}

/// What is off anyway can be said to be off.
#[derive(Args, Debug)]
struct Off {
    #[arg(long = "no-web.systemd-socket", hide = true, conflicts_with = "systemd_socket")]
    no_systemd_socket: bool,
    #[arg(long = "no-web.enable-lifecycle", hide = true, conflicts_with = "enable_lifecycle")]
    no_enable_lifecycle: bool,
    #[arg(long = "no-web.enable-admin-api", hide = true, conflicts_with = "enable_admin_api")]
    no_enable_admin_api: bool,
    #[arg(
        long = "no-push.disable-consistency-check",
        hide = true,
        conflicts_with = "disable_consistency_check"
    )]
    no_disable_consistency_check: bool,
    #[arg(long = "no-push.enable-utf8-names", hide = true, conflicts_with = "enable_utf8_names")]
    no_enable_utf8_names: bool,
}

impl PushgatewayArgs {
    /// Takes from the flags of every subcommand what its own do not say.
    pub(crate) fn complete(&mut self, global: &Global) {
        self.logging.level.get_or_insert(global.log_level);
        self.logging.format.get_or_insert(match global.log_format {
            LogFormat::Text => GoFormat::Logfmt,
            LogFormat::Json => GoFormat::Json,
        });
    }

    /// How to speak.
    pub(crate) fn voice(&self) -> Voice {
        let form = match self.logging.format {
            Some(GoFormat::Json) => Form::GoJson,
            Some(GoFormat::Logfmt) | None => Form::Logfmt,
        };
        Voice { level: self.logging.level.unwrap_or(LogLevel::Info), form }
    }

    pub(super) fn web_config_file(&self) -> Option<&Path> {
        Some(Path::new(&self.serving.config_file)).filter(|path| !path.as_os_str().is_empty())
    }

    /// The gateway's configuration, but for the file of [`Self::web_config_file`].
    pub(super) fn config(&self) -> Config {
        let Self { serving, keeping, clients, pushes, .. } = self;
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let mut config = Config {
            persistence_file: given(&keeping.file).map(PathBuf::from),
            persistence_interval: keeping.interval,
            route_prefix: given(&serving.route_prefix),
            external_url: serving.external_url.clone(),
            telemetry_path: serving.telemetry_path.clone(),
            enable_lifecycle: serving.enable_lifecycle,
            enable_admin_api: serving.enable_admin_api,
            disable_consistency_check: keeping.disable_consistency_check,
            enable_utf8_names: keeping.enable_utf8_names,
            expire_after: Some(keeping.expire_after).filter(|after| !after.is_zero()),
            limits: pushes.limits(),
            serving: clients.limits(),
            drain_timeout: clients.drain_timeout,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Config::default()
        };
        config.flags = self.shown(&config.prefix());
        config
    }

    /// All flags with their values, as `/api/v1/status` shows them: in the spelling of the original, without secrets.
    fn shown(&self, prefix: &str) -> BTreeMap<String, String> {
        let Self { listening, serving, keeping, clients, pushes, logging, off: _ } = self;
        let time = go_duration::format;
        let level = logging.level.unwrap_or(LogLevel::Info);
        let level = level.to_possible_value().map(|value| value.get_name().to_owned());
        let format = match logging.format {
            Some(GoFormat::Json) => "json",
            Some(GoFormat::Logfmt) | None => "logfmt",
        };
        [
            ("log.format", format.to_owned()),
            ("log.level", level.unwrap_or_default()),
            ("persistence.file", keeping.file.clone()),
            ("persistence.interval", time(keeping.interval)),
            ("push.disable-consistency-check", keeping.disable_consistency_check.to_string()),
            ("push.enable-utf8-names", keeping.enable_utf8_names.to_string()),
            ("push.expire-after", time(keeping.expire_after)),
            ("push.max-memory-bytes", pushes.memory_bytes.to_string()),
            ("push.max-series", pushes.series.to_string()),
            ("push.memory-wait", time(pushes.memory_wait)),
            ("web.answer-timeout", time(clients.answer_timeout)),
            ("web.body-timeout", time(clients.body_timeout)),
            ("web.config.file", serving.config_file.clone()),
            ("web.drain-timeout", time(clients.drain_timeout)),
            ("web.enable-admin-api", serving.enable_admin_api.to_string()),
            ("web.enable-lifecycle", serving.enable_lifecycle.to_string()),
            ("web.external-url", without_password(&serving.external_url)),
            ("web.header-timeout", time(clients.header_timeout)),
            ("web.idle-timeout", time(clients.idle_timeout)),
            ("web.listen-address", listening.listen_address.join(",")),
            ("web.max-body-bytes", pushes.body_bytes.to_string()),
            ("web.max-connections", clients.connections.to_string()),
            ("web.max-connections-per-address", clients.connections_per_address.to_string()),
            ("web.max-header-bytes", clients.header_bytes.to_string()),
            ("web.max-header-memory-bytes", clients.header_memory_bytes.to_string()),
            ("web.max-headers", clients.headers.to_string()),
            ("web.max-streams", clients.streams.to_string()),
            ("web.max-unpacked-bytes", pushes.unpacked_bytes.to_string()),
            ("web.min-answer-rate", clients.answer_rate.to_string()),
            ("web.min-body-rate", clients.body_rate.to_string()),
            ("web.route-prefix", prefix.to_owned()),
            ("web.systemd-socket", listening.systemd_socket.to_string()),
            ("web.telemetry-path", serving.telemetry_path.clone()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    go_duration::parse(text).map_err(|error| error.to_string())
}

fn path(text: &str) -> Result<String, String> {
    if text.starts_with('/') { Ok(text.to_owned()) } else { Err("it must begin with a slash".to_owned()) }
}

/// A URL with its password left out.
fn without_password(url: &str) -> String {
    let hidden = || {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let (user, host) = authority.rsplit_once('@')?;
        let (name, _) = user.split_once(':')?;
        Some(format!("{scheme}://{name}:xxxxx@{host}{path}"))
    };
    hidden().unwrap_or_else(|| url.to_owned())
}

#[cfg(test)]
mod tests;
