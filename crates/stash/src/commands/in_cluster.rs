//! The flags of every command that is a client of a cluster.

use std::path::PathBuf;

use clap::Args;
use cluster::connect::{ConnectError, Target, connect};
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

/// The same for commands that act for a person.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PersonalApiArgs {
    /// File with the address of the API server and who we are to it [default: what kubectl uses, or what the pod is
    /// given].
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    kubeconfig: Option<PathBuf>,
    /// Address of the API server, instead of that in the file.
    #[arg(long, value_name = "URL", help_heading = "Cluster")]
    master: Option<String>,
}

impl PersonalApiArgs {
    /// A client that calls itself `name`.
    pub(crate) async fn connect(self, name: &str) -> Result<Client, ConnectError> {
        let Self { kubeconfig, master } = self;
        connect(&ApiArgs { kubeconfig, master }.target(name, true)).await
    }
}

impl ApiArgs {
    /// A client that calls itself `name`.
    pub(crate) async fn connect(self, name: &str) -> Result<Client, ConnectError> {
        connect(&self.target(name, false)).await
    }

    fn target(self, name: &str, as_kubectl: bool) -> Target {
        Target {
            kubeconfig: self.kubeconfig,
            master: self.master,
            user_agent: format!("{name}/{}", env!("CARGO_PKG_VERSION")),
            as_kubectl,
        }
    }
}
