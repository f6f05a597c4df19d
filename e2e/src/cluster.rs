//! Which cluster the tests run against: this machine's, or one that somebody names.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::place::{Node, variable};

/// Names a cluster to test against; it goes before the one below.
const NAMED: &str = "STASH_TEST_KUBECONFIG";

/// What every Kubernetes client reads.
const USUAL: &str = "KUBECONFIG";

/// A cluster with a client that may do everything in it.
#[derive(Clone)]
pub struct Cluster {
    /// The connection.
    pub client: Client,
    /// The file it was made from, for programs that are clients too.
    pub kubeconfig: PathBuf,
    node: Option<Node>,
}

impl Cluster {
    /// The cluster of the environment. Without one this is an error that says how to get one.
    pub async fn connect() -> Result<Self> {
        let Some(kubeconfig) = [NAMED, USUAL].into_iter().find_map(variable).map(PathBuf::from) else {
            bail!(
                "there is no cluster to test against: run `cargo xtask e2e`, which makes one, or name the \
                 kubeconfig of one that you can spare in {NAMED}"
            );
        };
        let client = client(&kubeconfig).await?;
        Ok(Self { client, kubeconfig, node: Node::of_environment()? })
    }

    /// A program that is a client of this cluster: `helm`, or `kubectl` of about the cluster's version.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }

    /// The node, when it is a part of this machine and made for these tests. Faults need that: nobody else's cluster is
    /// broken.
    pub fn own(&self) -> Result<&Node> {
        self.node.as_ref().with_context(|| {
            format!(
                "this breaks a cluster, so it runs only against the one that `cargo xtask cluster up` makes, never \
                 against the one in {}",
                self.kubeconfig.display()
            )
        })
    }

    /// Takes it for somebody else's from here on.
    pub fn disown(&mut self) {
        self.node = None;
    }

    /// Whether volumes, servers and faults can reach into the node.
    pub fn is_own(&self) -> bool {
        self.node.is_some()
    }
}

async fn client(kubeconfig: &Path) -> Result<Client> {
    let failure = || format!("the cluster of {}", kubeconfig.display());
    let parsed = Kubeconfig::read_from(kubeconfig).with_context(failure)?;
    let mut config =
        Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default()).await.with_context(failure)?;
    // A frozen control plane answers nothing; the test's own deadline is longer and says more.
    config.read_timeout = None;
    Client::try_from(config).with_context(failure)
}
