//! The flags of `stash pushgateway`: those of the original under their names, and the limits the original has not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use domain::rules::go_duration;
use gateway::Config;

use crate::cli::{Global, LogFormat, LogLevel};
use crate::telemetry::{Form, Voice};

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

/// The defaults of the limits on clients; `const` there is none for a trait's function.
static LIMITS: LazyLock<web::Limits> = LazyLock::new(web::Limits::default);

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

/// What a client may take.
#[derive(Args, Debug)]
#[command(next_help_heading = "Limits on clients")]
struct ClientLimits {
    /// Connections at the same time. One more is answered 503 (over TLS: closed).
    #[arg(long = "web.max-connections", value_name = "NUMBER", default_value_t = LIMITS.connections)]
    connections: usize,
    /// Connections at the same time from one address, or one IPv6 network of 64 bits. One more is answered 503 (over
    /// TLS: closed). Raise it when all clients come through one proxy.
    #[arg(long = "web.max-connections-per-address", value_name = "NUMBER", default_value_t = LIMITS.connections_per_address)]
    connections_per_address: usize,
    /// Bytes of a request line with its headers, at least 8192. More are answered 431. In HTTP/2 at most 65536.
    #[arg(long = "web.max-header-bytes", value_name = "BYTES", default_value_t = LIMITS.header_bytes, value_parser = header_bytes)]
    header_bytes: usize,
    /// Headers of a request, at most 24000. More are answered 431.
    #[arg(long = "web.max-headers", value_name = "NUMBER", default_value_t = LIMITS.headers, value_parser = headers)]
    headers: usize,
    /// Bytes that large headers of all requests may take together. A request that finds no room is answered 503.
    #[arg(long = "web.max-header-memory-bytes", value_name = "BYTES", default_value_t = LIMITS.header_memory_bytes)]
    header_memory_bytes: usize,
    /// Time for a TLS handshake, and for a request line with its headers. Then 408, or the connection is closed.
    #[arg(long = "web.header-timeout", value_name = "DURATION", default_value = "30s", value_parser = positive)]
    header_timeout: Duration,
    /// Time between two requests on a connection. Then it is closed.
    #[arg(long = "web.idle-timeout", value_name = "DURATION", default_value = "2m", value_parser = positive)]
    idle_timeout: Duration,
    /// Time in which no byte of a body comes. Then 408.
    #[arg(long = "web.body-timeout", value_name = "DURATION", default_value = "30s", value_parser = positive)]
    body_timeout: Duration,
    /// Bytes a second that a body must have on average once --web.body-timeout is used up; 0 for none. Fewer are
    /// answered 408.
    #[arg(long = "web.min-body-rate", value_name = "BYTES", default_value_t = LIMITS.body_rate)]
    body_rate: u64,
    /// Time in which a client takes no byte of an answer. Then the connection is closed.
    #[arg(long = "web.answer-timeout", value_name = "DURATION", default_value = "30s", value_parser = positive)]
    answer_timeout: Duration,
    /// Bytes a second that a client must take on average once --web.answer-timeout is used up; 0 for none. With fewer
    /// the connection is closed.
    #[arg(long = "web.min-answer-rate", value_name = "BYTES", default_value_t = LIMITS.answer_rate)]
    answer_rate: u64,
    /// Requests at the same time on one HTTP/2 connection. One more is refused by the protocol's own means.
    #[arg(long = "web.max-streams", value_name = "NUMBER", default_value_t = LIMITS.streams, value_parser = clap::value_parser!(u32).range(1..))]
    streams: u32,
    /// Time for requests under way to finish when the gateway is told to stop. Then they are cut off.
    #[arg(long = "web.drain-timeout", value_name = "DURATION", default_value = "10s", value_parser = duration)]
    drain_timeout: Duration,
}

/// What a push may take.
#[derive(Args, Debug)]
#[command(next_help_heading = "Limits on pushes")]
struct PushLimits {
    /// Bytes of a body as it is sent. More are answered 413.
    #[arg(long = "web.max-body-bytes", value_name = "BYTES", default_value = "67108864")]
    body_bytes: usize,
    /// Bytes of a body once it is unpacked. More are answered 413.
    #[arg(long = "web.max-unpacked-bytes", value_name = "BYTES", default_value = "67108864")]
    unpacked_bytes: usize,
    /// Series of a push, each bucket and quantile counting as one. More are answered 413.
    #[arg(long = "push.max-series", value_name = "NUMBER", default_value = "250000")]
    series: usize,
    /// Bytes that all large pushes may take together while they are read. One that cannot fit is answered 413.
    #[arg(long = "push.max-memory-bytes", value_name = "BYTES", default_value = "268435456")]
    memory_bytes: usize,
    /// Time a push waits for others to free that memory. Then 503.
    #[arg(long = "push.memory-wait", value_name = "DURATION", default_value = "5s", value_parser = duration)]
    memory_wait: Duration,
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
            limits: gateway::Limits {
                body_bytes: pushes.body_bytes,
                unpacked_bytes: pushes.unpacked_bytes,
                series: pushes.series,
                memory_bytes: pushes.memory_bytes,
                memory_wait: pushes.memory_wait,
            },
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

impl ClientLimits {
    fn limits(&self) -> web::Limits {
        web::Limits {
            connections: self.connections,
            connections_per_address: self.connections_per_address,
            header_bytes: self.header_bytes,
            headers: self.headers,
            header_memory_bytes: self.header_memory_bytes,
            header_timeout: self.header_timeout,
            idle_timeout: self.idle_timeout,
            body_timeout: self.body_timeout,
            body_rate: self.body_rate,
            answer_timeout: self.answer_timeout,
            answer_rate: self.answer_rate,
            streams: self.streams,
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    go_duration::parse(text).map_err(|error| error.to_string())
}

fn positive(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration.is_zero() { Err("it must be longer than nothing".to_owned()) } else { Ok(duration) }
}

fn path(text: &str) -> Result<String, String> {
    if text.starts_with('/') { Ok(text.to_owned()) } else { Err("it must begin with a slash".to_owned()) }
}

fn header_bytes(text: &str) -> Result<usize, String> {
    let least = web::Limits::LEAST_HEADER_BYTES;
    let bytes: usize = text.parse().map_err(|_| "it is no number of bytes".to_owned())?;
    if bytes < least { Err(format!("it must be at least {least}")) } else { Ok(bytes) }
}

fn headers(text: &str) -> Result<usize, String> {
    let most = web::Limits::MOST_HEADERS;
    let headers: usize = text.parse().map_err(|_| "it is no number".to_owned())?;
    if headers > most { Err(format!("it must be at most {most}")) } else { Ok(headers) }
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
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    #[derive(Debug, Parser)]
    struct Alone {
        #[command(flatten)]
        args: PushgatewayArgs,
    }

    fn parse(flags: &[&str]) -> Result<PushgatewayArgs, String> {
        let parsed = Alone::try_parse_from([&["x"], flags].concat());
        parsed.map(|alone| alone.args).map_err(|error| error.to_string())
    }

    #[test]
    fn without_flags_it_is_as_the_libraries_say() {
        let (ours, default) = (parse(&[]).unwrap().config(), Config::default());
        assert_eq!((ours.limits, ours.serving), (default.limits, default.serving));
        assert_eq!(ours.drain_timeout, default.drain_timeout);
        assert_eq!(ours.persistence_interval, default.persistence_interval);
        assert_eq!((ours.persistence_file, ours.expire_after, ours.route_prefix), (None, None, None));
    }

    #[test]
    fn every_flag_is_shown_by_the_status_api() {
        let shown = parse(&[]).unwrap().config().flags;
        let command = Alone::command();
        let longs = command.get_arguments().filter_map(|arg| arg.get_long());
        let longs: Vec<&str> =
            longs.filter(|long| !long.starts_with("no-") && *long != "version" && *long != "help").collect();
        assert_eq!(longs.len(), shown.len());
        assert!(longs.iter().all(|long| shown.contains_key(*long)), "{shown:?}");
    }

    #[test]
    fn values_are_shown_as_the_original_spells_them() {
        let flags = [
            "--web.listen-address=:1",
            "--web.listen-address",
            "[::1]:2",
            "--persistence.interval=90s",
            "--web.external-url=http://ann:secret@example.com/a/b",
            "--web.enable-lifecycle",
            "--log.level=WARN",
        ];
        let shown = parse(&flags).unwrap().config().flags;
        for (name, value) in [
            ("web.listen-address", ":1,[::1]:2"),
            ("persistence.interval", "1m30s"),
            ("web.external-url", "http://ann:xxxxx@example.com/a/b"),
            ("web.route-prefix", "/a/b"),
            ("web.enable-lifecycle", "true"),
            ("web.enable-admin-api", "false"),
            ("log.level", "warn"),
        ] {
            assert_eq!(shown[name], value, "{name}");
        }
    }

    #[test]
    fn switches_have_four_spellings_and_are_said_once() {
        let is_on = |flags: &[&str]| parse(flags).map(|args| args.config().enable_admin_api);
        assert_eq!(is_on(&["--web.enable-admin-api"]), Ok(true));
        assert_eq!(is_on(&["--web.enable-admin-api=true"]), Ok(true));
        assert_eq!(is_on(&["--web.enable-admin-api=false"]), Ok(false));
        assert_eq!(is_on(&["--no-web.enable-admin-api"]), Ok(false));
        assert!(is_on(&["--web.enable-admin-api", "--web.enable-admin-api"]).is_err());
        assert!(is_on(&["--web.enable-admin-api", "--no-web.enable-admin-api"]).is_err());
        assert!(is_on(&["--web.enable-admin-api", "true"]).is_err(), "a stray word");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for flag in [
            "--persistence.interval=5",
            "--web.header-timeout=0s",
            "--web.telemetry-path=metrics",
            "--web.max-header-bytes=100",
            "--web.max-headers=30000",
            "--web.max-streams=0",
            "--log.level=loud",
            "--log.format=xml",
            "--web.max-body-bytes=-1",
        ] {
            assert!(parse(&[flag]).is_err(), "{flag}");
        }
    }
}
