//! `stash install`: puts the operator into a cluster.

mod apply;

use std::io::Write as _;

use ::install::{
    Agent, DEFAULT_REGISTRY, Image, Monitoring, Options, PULL_POLICIES, Part, VERSION, documents, names,
    objects, parse_label,
};
use anyhow::{Result, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{ArgAction, Args};
use kube::Client;

use self::apply::Cluster;
use super::in_cluster::PersonalApiArgs;
use super::uninstall::installed::{Kept, delete_monitoring};
use super::uninstall::{answered, is_not_elsewhere, is_not_of_helm};
use crate::console::Terminal;
use crate::exit::Exit;

/// Least minor version of Kubernetes 1.
const MINOR: u32 = 29;

/// Install the operator in the cluster that kubectl talks to, or bring it up to this version.
///
/// It applies the same objects as deploy/stash.sh with the same flags, and waits until the operator serves.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  stash install --namespace stash\n  \
                        stash install --monitoring-agent=prometheus.io/builtin --monitoring-backup=true\n  \
                        stash install --dry-run > stash.yaml")]
pub(crate) struct InstallArgs {
    /// Where to install it; made if missing.
    #[arg(short, long, value_name = "NAMESPACE", default_value = "kube-system", value_parser = namespace)]
    namespace: String,
    /// Make ServiceAccount, Roles and bindings. Without it the ServiceAccount `default` needs its rights from an
    /// administrator.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    rbac: bool,
    /// Registry, and what comes before `/stash`, of the image.
    #[arg(long, value_name = "REGISTRY", default_value = DEFAULT_REGISTRY)]
    docker_registry: String,
    /// Tag of that image.
    #[arg(long, value_name = "TAG", default_value = VERSION)]
    image_tag: String,
    /// When nodes pull that image.
    #[arg(long, value_name = "POLICY", default_value = "IfNotPresent", value_parser = PULL_POLICIES)]
    image_pull_policy: String,
    /// Secret by which the operator's image is pulled.
    #[arg(long, value_name = "NAME")]
    image_pull_secret: Option<String>,
    /// Run on nodes of the control plane.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set)]
    run_on_master: bool,
    /// New pods have their sidecar at once.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    enable_mutating_webhook: bool,
    /// Wrong Restics, Recoveries and Repositories are refused at once.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    enable_validating_webhook: bool,
    /// Who collects metrics.
    #[arg(long, value_name = "AGENT", default_value = "none", help_heading = "Monitoring", value_parser = agents())]
    monitoring_agent: Agent,
    /// Advertise the metrics of backups and recoveries.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set, help_heading = "Monitoring")]
    monitoring_backup: bool,
    /// Advertise the metrics of the operator.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set, help_heading = "Monitoring")]
    monitoring_operator: bool,
    /// Where Prometheus is [default: where Stash is].
    #[arg(long, value_name = "NAMESPACE", help_heading = "Monitoring", value_parser = namespace)]
    prometheus_namespace: Option<String>,
    /// Label of the ServiceMonitor, by which a Prometheus selects it; may be repeated [default: app=stash].
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Monitoring", value_parser = parse_label)]
    servicemonitor_label: Vec<(String, String)>,
    /// Print what would be applied, and change nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    api: PersonalApiArgs,
    #[command(flatten)]
    meaningless: Meaningless,
}

/// Flags of 0.8.3 that mean nothing now.
#[derive(Args, Debug)]
struct Meaningless {
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    enable_analytics: Option<bool>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    use_kubeapiserver_fqdn_for_aks: Option<bool>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    bypass_validating_webhook_xray: Option<bool>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    enable_status_subresource: Option<bool>,
}

impl Meaningless {
    fn tell(&self) {
        for (name, given) in [
            ("enable-analytics", self.enable_analytics),
            ("use-kubeapiserver-fqdn-for-aks", self.use_kubeapiserver_fqdn_for_aks),
            ("bypass-validating-webhook-xray", self.bypass_validating_webhook_xray),
            ("enable-status-subresource", self.enable_status_subresource),
        ] {
            if given.is_some() {
                tracing::warn!("--{name} means nothing any more and is ignored");
            }
        }
    }
}

fn agents() -> impl clap::builder::TypedValueParser<Value = Agent> {
    PossibleValuesParser::new(Agent::ALL.map(Agent::as_str)).try_map(|name| name.parse::<Agent>())
}

/// The name of a namespace, as Kubernetes takes it.
pub(super) fn namespace(text: &str) -> Result<String, String> {
    let is_part = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    let fits = text.len() <= 63
        && text.starts_with(is_part)
        && text.ends_with(is_part)
        && text.chars().all(|character| is_part(character) || character == '-');
    if fits {
        Ok(text.to_owned())
    } else {
        Err("a namespace has lower-case letters, digits and, between them, hyphens; at most 63".to_owned())
    }
}

impl InstallArgs {
    fn options(&self) -> Options {
        Options {
            image: Image {
                registry: self.docker_registry.clone(),
                tag: self.image_tag.clone(),
                pull_policy: self.image_pull_policy.clone(),
                pull_secret: self.image_pull_secret.clone(),
            },
            rbac: self.rbac,
            on_control_plane: self.run_on_master,
            mutating_webhook: self.enable_mutating_webhook,
            validating_webhook: self.enable_validating_webhook,
            monitoring: Monitoring {
                agent: self.monitoring_agent,
                backup: self.monitoring_backup,
                operator: self.monitoring_operator,
                prometheus_namespace: self.prometheus_namespace.clone(),
                labels: self.servicemonitor_label.iter().cloned().collect(),
            },
            ..Options::new(&self.namespace)
        }
    }
}

pub(crate) async fn execute(args: InstallArgs, console: Terminal) -> Result<Exit> {
    args.meaningless.tell();
    let options = args.options();
    if args.dry_run {
        std::io::stdout().lock().write_all(documents(&objects(&options))?.as_bytes())?;
        return Ok(Exit::Done);
    }
    let client = args.api.connect("stash-install").await?;
    is_new_enough(&client).await?;
    is_not_of_helm(&client, &options.namespace, "helm upgrade").await?;
    is_not_elsewhere(&client, &options.namespace).await?;
    let cluster = Cluster { client };
    let parts = options.parts();
    if parts.contains(&Part::ServiceMonitor) && !cluster.knows_service_monitors().await? {
        bail!(
            "the cluster knows no ServiceMonitors; install the Prometheus operator first, or choose another --monitoring-agent"
        );
    }
    cluster.see_to_namespace(&options.namespace).await?;
    if parts.contains(&Part::ServiceMonitor) || parts.contains(&Part::Authority) {
        cluster.see_to_namespace(options.prometheus_namespace()).await?;
    }
    for object in objects(&options) {
        cluster.apply(&object).await?;
    }
    // What an installation with other flags has left.
    let where_if = |part| parts.contains(&part).then(|| options.prometheus_namespace());
    let authority = where_if(Part::Authority);
    let kept = Kept {
        monitors: where_if(Part::ServiceMonitor).into_iter().collect(),
        authorities: authority.into_iter().collect(),
        secrets: authority.into_iter().chain([options.namespace.as_str()]).collect(),
    };
    delete_monitoring(&cluster.client, &kept).await?;
    cluster.wait_until_it_serves(&options.namespace, &console).await?;
    tracing::info!(
        namespace = options.namespace,
        version = options.image.tag,
        "{} serves: Stash is installed",
        names::OPERATOR
    );
    Ok(Exit::Done)
}

async fn is_new_enough(client: &Client) -> Result<()> {
    let version = answered("read the version of the cluster", client.apiserver_version().await)?;
    // Some providers write `29+`.
    let minor: String = version.minor.chars().take_while(char::is_ascii_digit).collect();
    if version.major == "1" && minor.parse::<u32>().is_ok_and(|minor| minor < MINOR) {
        bail!(
            "the cluster has Kubernetes {}.{}; Stash needs 1.{MINOR} or newer",
            version.major,
            version.minor
        );
    }
    Ok(())
}
