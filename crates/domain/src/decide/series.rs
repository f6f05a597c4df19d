//! Whose series a group at the push gateway holds, and whether that still exists: series live exactly as long as the
//! object they describe.
//!
//! | session | its group goes with |
//! |---|---|
//! | `backup` | the Restic, the workload, the Restic's choice of it, the Repository |
//! | `recovery` | the Recovery |
//!
//! A group that is not exactly as ours are belongs to somebody else and is never touched.

use std::collections::BTreeMap;

use crate::objects::restic::Restic;
use crate::objects::workload::WorkloadKind;
use crate::report::{SessionIdentity, SessionKind};
use crate::rules::{names, select};
use kube_core::SelectorExt as _;

/// What exists in the cluster.
pub trait Existing {
    /// The Restic of this namespace and name, unless it is being deleted.
    fn restic(&self, namespace: &str, name: &str) -> Option<impl AsRef<Restic>>;
    /// Whether there is such a Repository.
    fn has_repository(&self, namespace: &str, name: &str) -> bool;
    /// Whether there is such a Recovery.
    fn has_recovery(&self, namespace: &str, name: &str) -> bool;
    /// The labels of a workload.
    fn workload(&self, kind: WorkloadKind, namespace: &str, name: &str) -> Option<BTreeMap<String, String>>;
}

/// Why a group has outlived what it describes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Orphan {
    /// There is no such Recovery.
    NoRecovery,
    /// There is no such Restic.
    NoRestic,
    /// There is no such workload.
    NoWorkload,
    /// The Restic does not select the workload any more.
    NotSelected,
    /// There is no such Repository.
    NoRepository,
}

impl Orphan {
    /// For the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Orphan::NoRecovery => "its Recovery is gone",
            Orphan::NoRestic => "its Restic is gone",
            Orphan::NoWorkload => "its workload is gone",
            Orphan::NotSelected => "its Restic does not select the workload any more",
            Orphan::NoRepository => "its Repository is gone",
        }
    }
}

/// The session that pushed a group with these labels; `None` when it is none of a cluster's.
#[must_use]
pub fn session_of(labels: &BTreeMap<String, String>) -> Option<SessionIdentity> {
    let get = |name: &str| labels.get(name).cloned();
    let kind = get("kind")?;
    let identity = SessionIdentity {
        session: match get("session")?.as_str() {
            "backup" => SessionKind::Backup,
            "recovery" => SessionKind::Recovery,
            _ => return None,
        },
        namespace: get("namespace")?,
        config: get("stash_config")?,
        app: get("app")?,
        repository: get("repository")?,
        kind,
    };
    (names::grouping_key(&identity) == *labels).then_some(identity)
}

/// Why the group of this session is to go; `None` while what it describes is there.
#[must_use]
pub fn orphan(identity: &SessionIdentity, existing: &impl Existing) -> Option<Orphan> {
    let SessionIdentity { namespace, config, app, repository, .. } = identity;
    if identity.session == SessionKind::Recovery {
        return (!existing.has_recovery(namespace, config)).then_some(Orphan::NoRecovery);
    }
    // The page of a host's own backups may be fed through this gateway, too.
    let kind = WorkloadKind::ALL.into_iter().find(|kind| kind.as_str() == identity.kind)?;
    if kind == WorkloadKind::Host {
        return None;
    }
    let Some(restic) = existing.restic(namespace, config) else { return Some(Orphan::NoRestic) };
    let Some(labels) = existing.workload(kind, namespace, app) else { return Some(Orphan::NoWorkload) };
    // One whose selector is refused selects nothing new, and its sidecars go on with what they know.
    let selector = select::selector("", &restic.as_ref().spec.selector).ok()?;
    if !selector.matches(&labels) {
        return Some(Orphan::NotSelected);
    }
    (!existing.has_repository(namespace, repository)).then_some(Orphan::NoRepository)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    /// One of each, but for what is taken away.
    #[derive(Clone, Copy, Default)]
    struct All {
        without: &'static str,
        app: &'static str,
    }

    impl Existing for All {
        fn restic(&self, namespace: &str, name: &str) -> Option<impl AsRef<Restic>> {
            let restic: Restic = serde_json::from_value(json!({
                "apiVersion": "stash.appscode.com/v1alpha1", "kind": "Restic",
                "metadata": {"name": "nightly", "namespace": "shop"},
                "spec": {"selector": {"matchLabels": {"app": "web"}}},
            }))
            .unwrap();
            ((namespace, name) == ("shop", "nightly") && self.without != "restic").then(|| Arc::new(restic))
        }
        fn has_repository(&self, namespace: &str, name: &str) -> bool {
            (namespace, name) == ("shop", "deployment.web") && self.without != "repository"
        }
        fn has_recovery(&self, namespace: &str, name: &str) -> bool {
            (namespace, name) == ("shop", "back") && self.without != "recovery"
        }
        fn workload(
            &self,
            kind: WorkloadKind,
            namespace: &str,
            name: &str,
        ) -> Option<BTreeMap<String, String>> {
            let is_it = (kind, namespace, name) == (WorkloadKind::Deployment, "shop", "web");
            (is_it && self.without != "workload").then(|| [("app".to_owned(), self.app.to_owned())].into())
        }
    }

    fn identity(session: SessionKind, config: &str) -> SessionIdentity {
        SessionIdentity {
            session,
            namespace: "shop".into(),
            config: config.into(),
            kind: "Deployment".into(),
            app: "web".into(),
            repository: "deployment.web".into(),
        }
    }

    #[test]
    fn a_group_goes_with_what_it_describes() {
        let all = All { without: "", app: "web" };
        let backup = identity(SessionKind::Backup, "nightly");
        let of_backup = |all: All| orphan(&backup, &all);
        assert_eq!(of_backup(all), None);
        assert_eq!(of_backup(All { without: "restic", ..all }), Some(Orphan::NoRestic));
        assert_eq!(of_backup(All { without: "workload", ..all }), Some(Orphan::NoWorkload));
        assert_eq!(of_backup(All { without: "repository", ..all }), Some(Orphan::NoRepository));
        assert_eq!(of_backup(All { app: "db", ..all }), Some(Orphan::NotSelected));
        assert_eq!(of_backup(All { without: "recovery", ..all }), None, "that is another group");
        let recovery = identity(SessionKind::Recovery, "back");
        assert_eq!(orphan(&recovery, &all), None);
        assert_eq!(orphan(&recovery, &All { without: "recovery", ..all }), Some(Orphan::NoRecovery));
        assert_eq!(orphan(&recovery, &All { without: "workload", ..all }), None, "the Recovery is there");
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let key = names::grouping_key(&identity(SessionKind::Backup, "nightly"));
        assert_eq!(session_of(&key), Some(identity(SessionKind::Backup, "nightly")));
        for name in key.keys() {
            let less: BTreeMap<_, _> = key.clone().into_iter().filter(|(known, _)| known != name).collect();
            assert_eq!(session_of(&less), None, "without {name}");
        }
        let with = |name: &str, value: &str| {
            let mut more = key.clone();
            more.insert(name.to_owned(), value.to_owned());
            session_of(&more)
        };
        assert_eq!(with("team", "shop"), None, "a label more");
        assert_eq!(with("job", "something"), None, "another's job");
        assert_eq!(with("session", "check"), None);
        let host = SessionIdentity { kind: "Host".into(), ..identity(SessionKind::Backup, "gone") };
        assert_eq!(orphan(&host, &All::default()), None);
        let unknown = SessionIdentity { kind: "Pod".into(), ..host };
        assert_eq!(orphan(&unknown, &All::default()), None);
    }
}
