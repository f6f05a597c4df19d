//! What is backed up, seen the same way whatever its kind: the reference that names, prefixes and labels follow from.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::rules::names::{
    self, LABEL_NODE_NAME, LABEL_POD_NAME, LABEL_RESTIC, LABEL_WORKLOAD_KIND, LABEL_WORKLOAD_NAME,
};

/// The kinds of workload that can be backed up.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum WorkloadKind {
    /// One repository, filled by the leader among its pods.
    Deployment,
    /// One repository; only when no Deployment owns it.
    ReplicaSet,
    /// One repository.
    ReplicationController,
    /// One repository per pod.
    StatefulSet,
    /// One repository per node.
    DaemonSet,
    /// The machine a standalone Restic runs on; one repository per Restic.
    Host,
}

impl WorkloadKind {
    /// Every kind.
    pub const ALL: [WorkloadKind; 6] = [
        WorkloadKind::Deployment,
        WorkloadKind::ReplicaSet,
        WorkloadKind::ReplicationController,
        WorkloadKind::StatefulSet,
        WorkloadKind::DaemonSet,
        WorkloadKind::Host,
    ];

    /// CamelCase, as Kubernetes writes kinds.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            WorkloadKind::Deployment => "Deployment",
            WorkloadKind::ReplicaSet => "ReplicaSet",
            WorkloadKind::ReplicationController => "ReplicationController",
            WorkloadKind::StatefulSet => "StatefulSet",
            WorkloadKind::DaemonSet => "DaemonSet",
            WorkloadKind::Host => "Host",
        }
    }

    /// Lower case, as repository names and prefixes begin.
    #[must_use]
    pub fn lowercase(self) -> &'static str {
        match self {
            WorkloadKind::Deployment => "deployment",
            WorkloadKind::ReplicaSet => "replicaset",
            WorkloadKind::ReplicationController => "replicationcontroller",
            WorkloadKind::StatefulSet => "statefulset",
            WorkloadKind::DaemonSet => "daemonset",
            WorkloadKind::Host => "host",
        }
    }
}

impl fmt::Display for WorkloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for WorkloadKind {
    type Err = WorkloadError;

    /// Singular, plural and kubectl's short names, in any case.
    fn from_str(text: &str) -> Result<Self, WorkloadError> {
        match text.to_ascii_lowercase().as_str() {
            "" => Err(WorkloadError::MissingKind),
            "deployments" | "deployment" | "deploy" => Ok(WorkloadKind::Deployment),
            "replicasets" | "replicaset" | "rs" => Ok(WorkloadKind::ReplicaSet),
            "replicationcontrollers" | "replicationcontroller" | "rc" => {
                Ok(WorkloadKind::ReplicationController)
            }
            "statefulsets" | "statefulset" | "sts" => Ok(WorkloadKind::StatefulSet),
            "daemonsets" | "daemonset" | "ds" => Ok(WorkloadKind::DaemonSet),
            "hosts" | "host" => Ok(WorkloadKind::Host),
            _ => Err(WorkloadError::UnknownKind(text.to_owned())),
        }
    }
}

/// Why a workload reference cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WorkloadError {
    /// No kind.
    #[error("the workload kind is missing: give one of {}", kinds())]
    MissingKind,
    /// Not one of the supported kinds.
    #[error("unknown workload kind `{0}`: give one of {kinds}", kinds = kinds())]
    UnknownKind(String),
    /// No name.
    #[error("the name of the {0} is missing")]
    MissingName(WorkloadKind),
    /// A StatefulSet has a repository per pod.
    #[error("the pod name of StatefulSet {0} is missing: each of its pods has a repository of its own")]
    MissingPod(String),
    /// A DaemonSet has a repository per node.
    #[error("the node name of DaemonSet {0} is missing: each of its nodes has a repository of its own")]
    MissingNode(String),
    /// A host has a repository per Restic.
    #[error("the Restic of host {0} is missing: each Restic of a host has a repository of its own")]
    MissingRestic(String),
    /// The name would change the meaning of the path it becomes a part of.
    #[error(
        "`{0}` cannot be a folder of the repository's path: use a name without `/` that is not `.` or `..`"
    )]
    NotAFolderName(String),
    /// A Repository that nobody labelled.
    #[error(
        "the Repository has no label `{0}`: add the labels `workload-kind` and `workload-name` \
         (and `pod-name` for a StatefulSet, `node-name` for a DaemonSet, `restic` for a Host)"
    )]
    MissingLabel(&'static str),
}

fn kinds() -> String {
    WorkloadKind::ALL.map(WorkloadKind::as_str).join(", ")
}

/// The part of a workload that has a repository of its own, beyond kind and name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Part {
    Whole,
    Pod(String),
    Node(String),
    Restic(String),
}

/// A reference to what one repository holds. Complete by construction: a StatefulSet has its pod, a DaemonSet its
/// node, a host its Restic.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Workload {
    kind: WorkloadKind,
    name: String,
    part: Part,
}

impl Workload {
    /// A workload of a cluster. `pod` is used for a StatefulSet only, `node` for a DaemonSet only; empty counts as
    /// missing. For a host there is [`Workload::host`].
    ///
    /// # Errors
    /// A part that the kind needs is missing, or cannot be a folder name.
    pub fn new(
        kind: WorkloadKind,
        name: &str,
        pod: Option<&str>,
        node: Option<&str>,
    ) -> Result<Self, WorkloadError> {
        let some = |value: Option<&str>| value.filter(|value| !value.is_empty()).map(str::to_owned);
        let part = match kind {
            WorkloadKind::StatefulSet => {
                Part::Pod(some(pod).ok_or_else(|| WorkloadError::MissingPod(name.to_owned()))?)
            }
            WorkloadKind::DaemonSet => {
                Part::Node(some(node).ok_or_else(|| WorkloadError::MissingNode(name.to_owned()))?)
            }
            WorkloadKind::Host => return Err(WorkloadError::MissingRestic(name.to_owned())),
            _ => Part::Whole,
        };
        Self::checked(kind, name, part)
    }

    /// The machine a standalone Restic runs on. One host may have many Restics and hosts may share a bucket, so
    /// both names are part of the prefix.
    ///
    /// # Errors
    /// One of them is empty or cannot be a folder name.
    pub fn host(hostname: &str, restic: &str) -> Result<Self, WorkloadError> {
        if restic.is_empty() {
            return Err(WorkloadError::MissingRestic(hostname.to_owned()));
        }
        Self::checked(WorkloadKind::Host, hostname, Part::Restic(restic.to_owned()))
    }

    /// What a Repository holds, from its labels; annotations hold what was too long for a label.
    ///
    /// # Errors
    /// A label is missing or cannot be used.
    pub fn of_repository(
        labels: &BTreeMap<String, String>,
        annotations: &BTreeMap<String, String>,
    ) -> Result<Self, WorkloadError> {
        let get = |label: &'static str| {
            annotations
                .get(&names::full_value_annotation(label))
                .or_else(|| labels.get(label))
                .filter(|value| !value.is_empty())
                .map(String::as_str)
        };
        let need = |label: &'static str| get(label).ok_or(WorkloadError::MissingLabel(label));
        let kind: WorkloadKind = need(LABEL_WORKLOAD_KIND)?.parse()?;
        let name = need(LABEL_WORKLOAD_NAME)?;
        match kind {
            WorkloadKind::Host => Self::host(name, need(LABEL_RESTIC)?),
            WorkloadKind::StatefulSet => Self::new(kind, name, Some(need(LABEL_POD_NAME)?), None),
            WorkloadKind::DaemonSet => Self::new(kind, name, None, Some(need(LABEL_NODE_NAME)?)),
            _ => Self::new(kind, name, None, None),
        }
    }

    fn checked(kind: WorkloadKind, name: &str, part: Part) -> Result<Self, WorkloadError> {
        if name.is_empty() {
            return Err(WorkloadError::MissingName(kind));
        }
        let inner = match &part {
            Part::Whole => name,
            Part::Pod(inner) | Part::Node(inner) | Part::Restic(inner) => inner,
        };
        for folder in [name, inner] {
            if folder.contains(['/', '\0']) || folder == "." || folder == ".." {
                return Err(WorkloadError::NotAFolderName(folder.to_owned()));
            }
        }
        Ok(Self { kind, name: name.to_owned(), part })
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> WorkloadKind {
        self.kind
    }

    /// Its name; for a host, the hostname.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The pod, for a StatefulSet.
    #[must_use]
    pub fn pod(&self) -> Option<&str> {
        if let Part::Pod(pod) = &self.part { Some(pod) } else { None }
    }

    /// The node, for a DaemonSet.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        if let Part::Node(node) = &self.part { Some(node) } else { None }
    }

    /// The Restic, for a host.
    #[must_use]
    pub fn restic(&self) -> Option<&str> {
        if let Part::Restic(restic) = &self.part { Some(restic) } else { None }
    }
}

impl fmt::Display for Workload {
    /// As people name it: `Deployment web`, `StatefulSet db, pod db-0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)?;
        match &self.part {
            Part::Whole => Ok(()),
            Part::Pod(pod) => write!(f, ", pod {pod}"),
            Part::Node(node) => write!(f, ", node {node}"),
            Part::Restic(restic) => write!(f, ", Restic {restic}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_in_any_case_and_by_every_alias() {
        for kind in WorkloadKind::ALL {
            for text in [kind.as_str().to_owned(), kind.lowercase().to_owned(), format!("{kind}S")] {
                assert_eq!(text.parse(), Ok(kind), "{text}");
            }
        }
        for (alias, kind) in [
            ("deploy", WorkloadKind::Deployment),
            ("RS", WorkloadKind::ReplicaSet),
            ("rc", WorkloadKind::ReplicationController),
            ("Statefulset", WorkloadKind::StatefulSet),
            ("ds", WorkloadKind::DaemonSet),
        ] {
            assert_eq!(alias.parse(), Ok(kind), "{alias}");
        }
    }

    #[test]
    fn a_reference_without_a_needed_part_says_which() {
        assert_eq!("".parse::<WorkloadKind>(), Err(WorkloadError::MissingKind));
        assert_eq!("pod".parse::<WorkloadKind>(), Err(WorkloadError::UnknownKind("pod".into())));
        let new = |kind, name, pod, node| Workload::new(kind, name, pod, node).unwrap_err();
        assert_eq!(
            new(WorkloadKind::Deployment, "", None, None),
            WorkloadError::MissingName(WorkloadKind::Deployment)
        );
        assert_eq!(
            new(WorkloadKind::StatefulSet, "db", Some(""), None),
            WorkloadError::MissingPod("db".into())
        );
        assert_eq!(
            new(WorkloadKind::DaemonSet, "log", Some("p"), None),
            WorkloadError::MissingNode("log".into())
        );
        assert_eq!(new(WorkloadKind::Host, "box", None, None), WorkloadError::MissingRestic("box".into()));
        assert_eq!(Workload::host("a/b", "r").unwrap_err(), WorkloadError::NotAFolderName("a/b".into()));
        assert_eq!(Workload::host("box", "..").unwrap_err(), WorkloadError::NotAFolderName("..".into()));
    }

    #[test]
    fn a_repository_without_labels_says_which_one_it_lacks() {
        let mut labels = BTreeMap::new();
        let none = BTreeMap::new();
        let of = |labels: &BTreeMap<String, String>| Workload::of_repository(labels, &none);
        assert_eq!(of(&labels), Err(WorkloadError::MissingLabel(LABEL_WORKLOAD_KIND)));
        labels.insert(LABEL_WORKLOAD_KIND.to_owned(), "StatefulSet".to_owned());
        assert_eq!(of(&labels), Err(WorkloadError::MissingLabel(LABEL_WORKLOAD_NAME)));
        labels.insert(LABEL_WORKLOAD_NAME.to_owned(), "db".to_owned());
        assert_eq!(of(&labels), Err(WorkloadError::MissingLabel(LABEL_POD_NAME)));
        labels.insert(LABEL_POD_NAME.to_owned(), "db-0".to_owned());
        assert_eq!(of(&labels), Workload::new(WorkloadKind::StatefulSet, "db", Some("db-0"), None));
    }
}
