//! The programs a cluster is made of, and how they come to a machine.
//!
//! Kubernetes and CoreDNS are built from their published Go modules; the others are unpacked from Debian packages, so
//! that no service of the machine's is started or replaced. Only what needs several libraries is installed.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::cluster::go;
use crate::{debian, program};

/// containerd and etcd are of the newest stable Debian: they run on the one before too, whose etcd is too old for this
/// Kubernetes (it lacks progress notifications on request).
const NEWER: &str = "trixie";

/// runc and the network plugins are linked with the C library, so they are of the oldest Debian that this runs on.
const OLDER: &str = "bookworm";

/// Installed when no program of this name is on the path: program and package.
const INSTALLED: [(&str, &str); 5] = [
    ("iptables", "iptables"),
    ("ip", "iproute2"),
    ("openssl", "openssl"),
    ("sysctl", "procps"),
    // Speaks TLS for the servers of `cluster verify`.
    ("socat", "socat"),
];

/// Where everything is.
#[derive(Debug)]
pub(crate) struct Programs {
    /// A folder with the Kubernetes components and kubectl.
    kubernetes: PathBuf,
    pub(crate) coredns: PathBuf,
    pub(crate) etcd: PathBuf,
    /// A folder with containerd, its shim and ctr.
    containerd: PathBuf,
    pub(crate) runc: PathBuf,
    /// A folder with the network plugins.
    pub(crate) cni: PathBuf,
    /// A busybox that needs no library.
    pub(crate) busybox: PathBuf,
}

impl Programs {
    /// Brings what is missing. When everything is there it only looks, in a fraction of a second.
    pub(crate) fn bring() -> Result<Self> {
        let missing: Vec<&str> = INSTALLED
            .iter()
            .filter(|(name, _)| !program::exists(name))
            .map(|(_, package)| *package)
            .collect();
        if !missing.is_empty() {
            debian::install(&missing)?;
        }
        let unpacked = |suite, package| {
            debian::unpacked(suite, package).with_context(|| format!("the cluster needs Debian's {package}"))
        };
        Ok(Self {
            etcd: unpacked(NEWER, "etcd-server")?.join("usr/bin/etcd"),
            containerd: unpacked(NEWER, "containerd")?.join("usr/bin"),
            runc: unpacked(OLDER, "runc")?.join("usr/sbin/runc"),
            cni: unpacked(OLDER, "containernetworking-plugins")?.join("usr/lib/cni"),
            busybox: unpacked(OLDER, "busybox-static")?.join("bin/busybox"),
            coredns: go::coredns()?.join("coredns"),
            kubernetes: go::kubernetes()?,
        })
    }

    /// A component of Kubernetes, or kubectl.
    pub(crate) fn kube(&self, name: &str) -> PathBuf {
        self.kubernetes.join(name)
    }

    /// A program of containerd's package.
    pub(crate) fn containerd(&self, name: &str) -> PathBuf {
        self.containerd.join(name)
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        let at = |name: &str| PathBuf::from("/programs").join(name);
        Self {
            kubernetes: at("kubernetes"),
            coredns: at("coredns"),
            etcd: at("etcd"),
            containerd: at("containerd"),
            runc: at("runc"),
            cni: at("cni"),
            busybox: at("busybox"),
        }
    }
}
