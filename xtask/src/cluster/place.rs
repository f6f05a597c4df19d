//! Where a cluster of this machine is: its number, and the names, addresses and folders that follow from it.
//!
//! Everything is derived, so nothing has to be looked up to take a cluster down, however it was left.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cluster::component::Component;

/// Chooses another cluster than number 0, so that two people, or two clones, can have one each on the same machine.
const NUMBER: &str = "STASH_CLUSTER";

/// What all clusters of the machine share is here, each has a folder below. It belongs to the machine as the
/// addresses do, so it is not in a clone.
const MACHINE: &str = "/var/lib/stash-dev";

/// The one node's name.
pub(crate) const NODE: &str = "node-1";

/// The domain of the Services' names.
pub(crate) const DOMAIN: &str = "cluster.local";

/// The port of the apiserver, on the node's address.
pub(crate) const API_PORT: u16 = 6443;

/// A cluster, up or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    number: u8,
}

impl Place {
    pub(crate) fn new(number: u8) -> Self {
        Self { number }
    }

    /// The cluster that the environment chooses, number 0 when it chooses none.
    #[expect(
        clippy::disallowed_methods,
        reason = "the variable is how a developer chooses the cluster of all commands"
    )]
    pub(crate) fn chosen() -> Result<Self> {
        let Some(value) = std::env::var_os(NUMBER).filter(|value| !value.is_empty()) else {
            return Ok(Self::new(0));
        };
        let number = value.to_str().and_then(|value| value.parse().ok()).filter(|number| *number < 250);
        match number {
            Some(number) => Ok(Self::new(number)),
            None => bail!("{NUMBER} is {value:?}; it must be a number from 0 to 249"),
        }
    }

    pub(crate) fn machine() -> &'static Path {
        Path::new(MACHINE)
    }

    /// The name of the network namespace, of the host's interface into it, and of the cgroup.
    pub(crate) fn name(self) -> String {
        format!("stash-{}", self.number)
    }

    /// The file that holds the network namespace.
    pub(crate) fn namespace(self) -> PathBuf {
        Path::new("/run/netns").join(self.name())
    }

    /// The host's address in the network between it and the node.
    pub(crate) fn host(self) -> String {
        format!("10.200.{}.1", self.number)
    }

    /// The node's address.
    pub(crate) fn node(self) -> String {
        format!("10.200.{}.2", self.number)
    }

    /// The addresses of pods.
    pub(crate) fn pods(self) -> String {
        format!("10.201.{}.0/24", self.number)
    }

    /// The addresses of Services.
    pub(crate) fn services(self) -> String {
        format!("10.202.{}.0/24", self.number)
    }

    /// The address of the Service `kubernetes`: the first of them.
    pub(crate) fn api_service(self) -> String {
        format!("10.202.{}.1", self.number)
    }

    pub(crate) fn server(self) -> String {
        format!("https://{}:{API_PORT}", self.node())
    }

    pub(crate) fn state(self) -> PathBuf {
        Self::machine().join(format!("cluster-{}", self.number))
    }

    /// Logs stay when a cluster goes, for whoever asks why it went.
    pub(crate) fn logs(self) -> PathBuf {
        Self::machine().join(format!("logs-{}", self.number))
    }

    pub(crate) fn log(self, component: Component) -> PathBuf {
        self.logs().join(format!("{}.log", component.name()))
    }

    /// A file with the process number of a running component and the moment it was started, see `process.rs`.
    pub(crate) fn pid(self, component: Component) -> PathBuf {
        self.state().join("pid").join(component.name())
    }

    pub(crate) fn pki(self) -> PathBuf {
        self.state().join("pki")
    }

    /// A file of the PKI, as an argument.
    pub(crate) fn key(self, name: &str) -> String {
        self.pki().join(name).display().to_string()
    }

    /// A configuration file.
    pub(crate) fn etc(self, name: &str) -> PathBuf {
        self.state().join("etc").join(name)
    }

    /// The configuration for a client with all rights.
    pub(crate) fn kubeconfig(self) -> PathBuf {
        self.pki().join("admin.conf")
    }

    /// Where containerd listens.
    pub(crate) fn socket(self) -> PathBuf {
        self.state().join("containerd.sock")
    }

    /// Fails when no cluster was made here.
    pub(crate) fn must_be_up(self) -> Result<()> {
        self.kubeconfig().is_file().then_some(()).with_context(|| {
            format!(
                "there is no cluster in {}; make one with `cargo xtask cluster up`",
                self.state().display()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clusters_share_no_name_address_or_folder() {
        let (one, other) = (Place::new(0), Place::new(1));
        for part in [Place::name, Place::host, Place::node, Place::pods, Place::services, Place::api_service]
        {
            assert_ne!(part(one), part(other));
        }
        for path in [Place::namespace, Place::state, Place::logs, Place::kubeconfig, Place::socket] {
            assert_ne!(path(one), path(other));
        }
    }

    #[test]
    fn the_name_of_an_interface_is_short_enough_for_the_kernel() {
        assert!(Place::new(249).name().len() <= 15);
    }
}
