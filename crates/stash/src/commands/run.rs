//! `stash run`: the operator.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};
use domain::decide::settings::{Image, Settings, pushgateway_url};
use domain::rules::go_duration;
use operator::admission::registration::RegistrationSettings;
use operator::certificates::CertificateSettings;
use operator::run::Options;
use operator::serve::{AuditSettings, RequestLimits};
use tokio_util::sync::CancellationToken;

use super::glog::GlogFlags;
use super::in_cluster::ApiArgs;
use crate::exit::Exit;

/// Port of the Service that leads to ours.
const SERVICE_PORT: u16 = 443;

/// Run the operator: watch Restics, Recoveries, Repositories and workloads, and make the cluster match.
///
/// It runs in a pod whose ServiceAccount has the rights of deploy/operator.yaml; of several replicas one acts, and the
/// others wait for its Lease. To try it from outside, give --kubeconfig.
#[derive(Args, Debug)]
#[command(after_help = "Exit codes: 0 told to stop; 1 the set-up is wrong; 2 wrong usage.")]
pub(crate) struct RunArgs {
    /// Make the Roles that sidecars and Jobs need. Without it an administrator makes them.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value_t = false, default_missing_value = "true", action = ArgAction::Set)]
    rbac: bool,
    /// Registry, and what comes before `/stash`, of the image of sidecars and Jobs.
    #[arg(long, value_name = "REGISTRY", default_value = "appscode")]
    docker_registry: String,
    /// Tag of that image [default: the version of this program].
    #[arg(long, value_name = "TAG", default_value_t = env!("CARGO_PKG_VERSION").to_owned(), hide_default_value = true)]
    image_tag: String,
    /// When nodes pull that image: Always, IfNotPresent or Never [default: Kubernetes' own].
    #[arg(long, value_name = "POLICY", value_parser = ["Always", "IfNotPresent", "Never"])]
    image_pull_policy: Option<String>,
    /// Service that leads to the operator and its push gateway.
    #[arg(long, value_name = "NAME", default_value = "stash-operator")]
    service_name: String,
    /// Longest delay of a session after its tick, always the same for one repository, so that many do not start at
    /// once. 0s turns it off.
    #[arg(long, value_name = "DURATION", default_value = "1m0s", value_parser = go_duration::parse)]
    schedule_jitter: Duration,
    /// Look at everything again after this time, also when nothing changed.
    #[arg(long, value_name = "DURATION", default_value = "10m0s", value_parser = go_duration::parse)]
    resync_period: Duration,
    /// Time between two checks of a Repository. 0s turns them off.
    #[arg(long, value_name = "DURATION", default_value = "72h0m0s", value_parser = go_duration::parse)]
    check_interval: Duration,
    /// Port where webhooks and health are served over TLS.
    #[arg(long, value_name = "PORT", default_value_t = 8443)]
    secure_port: u16,
    /// Have the API server ask us about workloads when they are written, so that they have their container at once.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value_t = false, default_missing_value = "true", action = ArgAction::Set)]
    enable_mutating_webhook: bool,
    /// Have the API server ask us about Restics, Recoveries and Repositories when they are written.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value_t = false, default_missing_value = "true", action = ArgAction::Set)]
    enable_validating_webhook: bool,
    /// Secret where our certificate is kept.
    #[arg(long, value_name = "NAME", default_value = "stash-apiserver-cert")]
    certificate_secret: String,
    /// Namespace where Prometheus runs, when it is another one than ours: the authorities of our certificate are kept there, in a
    /// Secret of the same name, as ca.crt and tls.crt. The private key is not.
    #[arg(long, value_name = "NAMESPACE")]
    prometheus_namespace: Option<String>,
    /// Serve this certificate instead of one of our own.
    #[arg(long, value_name = "FILE", requires = "tls_private_key_file")]
    tls_cert_file: Option<PathBuf>,
    /// Its private key.
    #[arg(long, value_name = "FILE", requires = "tls_cert_file")]
    tls_private_key_file: Option<PathBuf>,
    /// The authorities to trust it by [default: ca.crt beside it].
    #[arg(long, value_name = "FILE", requires = "tls_cert_file")]
    tls_ca_file: Option<PathBuf>,
    /// Requests that change nothing and are answered at the same time; one more is told to ask again. 0 is no limit.
    #[arg(long, value_name = "NUMBER", default_value_t = RequestLimits::default().read_only)]
    max_requests_inflight: usize,
    /// Requests that change something and are answered at the same time, reviews of webhooks among them. 0 is no limit.
    #[arg(long, value_name = "NUMBER", default_value_t = RequestLimits::default().mutating)]
    max_mutating_requests_inflight: usize,
    /// How long an answer may take, except a watch. 0s is no limit.
    #[arg(long, value_name = "DURATION", default_value = "1m0s", value_parser = go_duration::parse)]
    request_timeout: Duration,
    /// Write an event for each request of the audit policy to this file, a line of JSON each; - is the standard output
    /// [default: they are only counted].
    #[arg(long, value_name = "FILE")]
    audit_log_path: Option<String>,
    /// Which requests those are: a Policy of audit.k8s.io/v1, of levels None and Metadata [default: requests that would
    /// change something].
    #[arg(long, value_name = "FILE")]
    audit_policy_file: Option<PathBuf>,
    /// Our own namespace.
    #[arg(long, value_name = "NAMESPACE", env = "MY_POD_NAMESPACE", default_value = "kube-system")]
    namespace: String,
    /// Our own pod: who we are among the replicas [default: the name of this host].
    #[arg(long, value_name = "NAME", env = "MY_POD_NAME")]
    pod_name: Option<String>,
    #[command(flatten)]
    api: ApiArgs,
    #[command(flatten)]
    pub(crate) glog: GlogFlags,
    #[command(flatten)]
    unneeded: Unneeded,
}

/// What manifests of 0.8.3 say and nothing here needs.
#[derive(Args, Debug)]
struct Unneeded {
    #[arg(long, hide = true)]
    scratch_dir: Option<String>,
}

pub(crate) async fn execute(args: RunArgs) -> anyhow::Result<Exit> {
    let client = args.api.connect("stash-operator").await?;
    let identity = match args.pod_name {
        Some(name) => name,
        None => rustix::system::uname().nodename().to_string_lossy().into_owned(),
    };
    let settings = Settings {
        image: Image { repository: format!("{}/stash", args.docker_registry), tag: args.image_tag },
        image_pull_policy: args.image_pull_policy,
        pushgateway_url: pushgateway_url(&args.service_name, &args.namespace),
        log_flags: args.glog.passed_on(),
        jitter: args.schedule_jitter,
        check_interval: args.check_interval,
    };
    // In our own namespace that Secret is the one with the certificate.
    let published = args
        .prometheus_namespace
        .filter(|namespace| !namespace.is_empty() && *namespace != args.namespace)
        .map(|namespace| (namespace, args.certificate_secret.clone()));
    let certificates = match (args.tls_cert_file, args.tls_private_key_file) {
        (Some(certificate), Some(key)) => {
            CertificateSettings::Files { certificate, key, authorities: args.tls_ca_file }
        }
        _ => CertificateSettings::Managed {
            namespace: args.namespace.clone(),
            secret: args.certificate_secret,
            service: args.service_name.clone(),
        },
    };
    let webhooks = RegistrationSettings {
        namespace: args.namespace.clone(),
        service: args.service_name,
        port: SERVICE_PORT,
        mutating: args.enable_mutating_webhook,
        validating: args.enable_validating_webhook,
    };
    let options = Options {
        settings,
        port: args.secure_port,
        certificates,
        published,
        webhooks,
        limits: RequestLimits {
            read_only: args.max_requests_inflight,
            mutating: args.max_mutating_requests_inflight,
            timeout: args.request_timeout,
        },
        audit: AuditSettings {
            policy: args.audit_policy_file,
            // An empty value is none, as in 0.8.3.
            log: args.audit_log_path.filter(|path| !path.is_empty()).map(PathBuf::from),
        },
        version: env!("CARGO_PKG_VERSION").to_owned(),
        namespace: args.namespace,
        identity,
        rbac: args.rbac,
        resync: args.resync_period,
    };
    let stop = CancellationToken::new();
    tokio::spawn({
        let (stop, signalled) = (stop.clone(), super::signalled());
        async move {
            signalled.await;
            tracing::info!("stopping: what was begun is finished");
            stop.cancel();
        }
    });
    operator::run::run(client, options, stop).await?;
    Ok(Exit::Done)
}
