//! The flags of every command that runs in a pod beside, before or for a workload, and the pod they describe.
//!
//! Names are those of `domain::handoff`, which the operator writes from, and of 0.8.3.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use domain::handoff::{env, flag};
use sidecar::pod::{LastSecret, Pod};
use tokio_util::sync::CancellationToken;

use super::glog::GlogFlags;
use super::in_cluster::ApiArgs;

/// Where every client looks for the namespace of its pod.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// How a pod reaches what it needs.
#[derive(Args, Debug)]
#[command(next_help_heading = "In a pod of a cluster")]
pub(crate) struct InPodArgs {
    #[command(flatten)]
    api: ApiArgs,
    /// Folder with the keys of the storage Secret [default: the Secret is read from the API].
    #[arg(long = flag::STORAGE_SECRET_DIR, value_name = "DIR")]
    storage_secret_dir: Option<PathBuf>,
    /// Folder for the cache and for what is to outlive a restart of the container.
    #[arg(long, value_name = "DIR", default_value = "/tmp")]
    scratch_dir: PathBuf,
    /// Name of the pod.
    #[arg(long, value_name = "NAME", env = env::POD_NAME)]
    pod_name: Option<String>,
    /// Name of its node.
    #[arg(long, value_name = "NAME", env = env::NODE_NAME)]
    node_name: Option<String>,
    /// Its namespace [default: that of its ServiceAccount].
    #[arg(long, value_name = "NAMESPACE", env = env::NAMESPACE)]
    pod_namespace: Option<String>,
    #[command(flatten)]
    pub(crate) glog: GlogFlags,
    #[command(flatten)]
    unneeded: Unneeded,
}

/// What containers of 0.8.3 are told and nothing here needs.
#[derive(Args, Debug)]
struct Unneeded {
    #[arg(long, hide = true)]
    docker_registry: Option<String>,
    #[arg(long, hide = true)]
    image_tag: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set)]
    enable_rbac: Option<String>,
    #[arg(long, hide = true)]
    resync_period: Option<String>,
    #[arg(long, hide = true)]
    service_name: Option<String>,
    #[arg(long, hide = true)]
    backoff_max_wait: Option<String>,
}

impl InPodArgs {
    /// The pod. From now on the first signal ends it.
    pub(crate) async fn pod(self, pushgateway_url: Option<String>) -> anyhow::Result<Pod> {
        let client = self.api.connect("stash").await?;
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        let name = some(self.pod_name).ok_or_else(|| {
            anyhow::anyhow!(
                "the name of the pod is missing: set the variable {} from metadata.name",
                env::POD_NAME
            )
        })?;
        let of_account = || std::fs::read_to_string(NAMESPACE_FILE).ok().map(|text| text.trim().to_owned());
        let namespace =
            some(self.pod_namespace).or_else(|| some(of_account())).unwrap_or_else(|| "default".to_owned());
        let stop = CancellationToken::new();
        tokio::spawn({
            let (stop, signalled) = (stop.clone(), super::signalled());
            async move {
                signalled.await;
                tracing::info!("stopping: what runs is cancelled");
                stop.cancel();
            }
        });
        Ok(Pod {
            client,
            namespace,
            name,
            node: self.node_name.unwrap_or_default(),
            secret_dir: self.storage_secret_dir.filter(|folder| !folder.as_os_str().is_empty()),
            scratch_dir: self.scratch_dir,
            pushgateway_url: pushgateway_url.unwrap_or_default(),
            last_secret: LastSecret::default(),
            stop,
        })
    }
}
