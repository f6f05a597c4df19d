//! The parts of a cluster, in the order in which they start, and what each is run with.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cluster::place::Place;
use crate::cluster::programs::Programs;
use crate::cluster::{control_plane, node};

/// A program of the cluster. The order is that of starting: each needs the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Component {
    Etcd,
    KubeApiserver,
    KubeControllerManager,
    KubeScheduler,
    Containerd,
    Kubelet,
    KubeProxy,
    Coredns,
}

impl Component {
    pub(crate) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Containerd => "containerd",
            Self::Kubelet => "kubelet",
            Self::KubeProxy => "kube-proxy",
            Self::Coredns => "coredns",
        }
    }

    /// What it is run with at this place.
    pub(crate) fn plan(self, place: Place, programs: &Programs) -> Plan {
        match self {
            Self::Etcd => control_plane::etcd(place, programs),
            Self::KubeApiserver => control_plane::apiserver(place, programs),
            Self::KubeControllerManager => control_plane::controller_manager(place, programs),
            Self::KubeScheduler => control_plane::scheduler(place, programs),
            Self::Containerd => node::containerd(place, programs),
            Self::Kubelet => node::kubelet(place, programs),
            Self::KubeProxy => node::proxy(place, programs),
            Self::Coredns => node::dns(place, programs),
        }
    }
}

/// How one component is run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// Files it reads, with their text.
    pub(crate) files: Vec<(PathBuf, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_called_on_the_command_line_as_it_is_everywhere_else() {
        for component in Component::all() {
            assert_eq!(Component::from_str(component.name(), false), Ok(*component));
        }
    }

    #[test]
    fn two_clusters_on_one_machine_run_nothing_with_the_same_arguments() {
        let programs = Programs::for_tests();
        for component in Component::all() {
            let [one, other] = [0, 1].map(|number| component.plan(Place::new(number), &programs));
            assert_ne!(one.arguments, other.arguments, "{}", component.name());
            // What is derived from the place names that place and no other.
            let all = format!("{:?}{:?}", other.arguments, other.files);
            assert!(!all.contains("cluster-0") && !all.contains("10.200.0."), "{all}");
        }
    }
}
