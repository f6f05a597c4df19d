//! The flags of commands that are clients of a cluster.

use std::path::PathBuf;

use clap::Args;
use cluster::connect::{ConnectError, Target, connect};
use domain::handoff::env;
use kube::Client;

/// Which API server, and as whom.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ApiArgs {
    /// File with the address of the API server and who we are to it [default: what the pod is given].
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    kubeconfig: Option<PathBuf>,
    /// Address of the API server, instead of that in the file.
    #[arg(long, value_name = "URL", help_heading = "Cluster")]
    master: Option<String>,
}

/// The same for what runs in a pod, and where that is.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ClusterArgs {
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    /// Our own namespace [default: that of the pod].
    #[arg(long, value_name = "NAMESPACE", env = env::NAMESPACE, help_heading = "Cluster")]
    kube_namespace: Option<String>,
}

impl ApiArgs {
    /// A client that calls itself `name`.
    pub(crate) async fn connect(&self, name: &str) -> Result<Client, ConnectError> {
        connect(&Target {
            kubeconfig: self.kubeconfig.clone(),
            master: self.master.clone(),
            user_agent: format!("{name}/{}", env!("CARGO_PKG_VERSION")),
        })
        .await
    }
}

impl ClusterArgs {
    /// Our own namespace.
    pub(crate) fn namespace(&self, client: &Client) -> String {
        self.kube_namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned())
    }
}
