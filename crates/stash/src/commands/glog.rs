//! The flags that 0.8.3 gave every command, so that manifests and pods made by it still start.

use clap::{ArgAction, Args};

use crate::cli::LogLevel;

/// From this verbosity on 0.8.3 said what only a developer wants to know.
const TALKATIVE: u8 = 5;

/// Accepted from every installation, and passed on to every container of ours.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct GlogFlags {
    /// How much to say, as 0.8.3 counted it: 5 and more is --log-level debug.
    #[arg(
        short,
        long,
        value_name = "LEVEL",
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Global options"
    )]
    v: u8,
    #[command(flatten)]
    ignored: Ignored,
}

/// What has no meaning any more: the log goes to standard error, the status subresource is always used, nothing is
/// analysed, and the API server of Azure has been reachable for years.
#[derive(Args, Clone, Debug, Default)]
struct Ignored {
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set)]
    logtostderr: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set)]
    alsologtostderr: Option<String>,
    #[arg(long, hide = true)]
    stderrthreshold: Option<String>,
    #[arg(long = "log_dir", alias = "log-dir", hide = true)]
    log_dir: Option<String>,
    #[arg(long = "log_backtrace_at", alias = "log-backtrace-at", hide = true)]
    log_backtrace_at: Option<String>,
    #[arg(long, hide = true)]
    vmodule: Option<String>,
    #[arg(long, hide = true)]
    log_flush_frequency: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set)]
    enable_status_subresource: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set)]
    enable_analytics: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set)]
    use_kubeapiserver_fqdn_for_aks: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set)]
    bypass_validating_webhook_xray: Option<String>,
    #[arg(long, hide = true)]
    qps: Option<String>,
    #[arg(long, hide = true)]
    burst: Option<String>,
}

impl GlogFlags {
    /// The level that is meant, where it says more than `level`.
    pub(crate) fn at_least(&self, level: LogLevel) -> LogLevel {
        if self.v >= TALKATIVE { LogLevel::Debug } else { level }
    }

    /// The same for a container of ours.
    pub(crate) fn passed_on(&self) -> Vec<String> {
        if self.v == 0 { Vec::new() } else { vec![format!("--v={}", self.v)] }
    }
}
