//! What is late needs three objects: a Repository, the workload that fills it, and the one Restic that selects that.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use domain::decide::due::{self, Due, due};
use domain::objects::repository::Repository;
use domain::objects::restic::{BackupType, Restic};
use domain::objects::workload::{Workload, WorkloadKind};
use domain::rules::metrics::operator as listed;
use domain::rules::schedule::Schedule;
use jiff::Timestamp;
use kube::Resource as _;

use super::Families;
use crate::seen::Seen;

/// Namespace, kind and name.
type Key = (String, WorkloadKind, String);

/// The workloads that have a container of the one Restic that selects them.
#[derive(Default)]
pub(super) struct Chosen<'a>(HashMap<Key, Choice<'a>>);

struct Choice<'a> {
    restic: &'a Restic,
    schedule: Option<Schedule>,
    pods: Option<Range<i64>>,
    created: Option<Timestamp>,
    repositories: u32,
}

impl<'a> Chosen<'a> {
    pub(super) fn add(&mut self, kind: WorkloadKind, workload: &Seen, restic: &'a Restic) {
        let metadata = workload.meta();
        let key =
            (metadata.namespace.clone().unwrap_or_default(), kind, metadata.name.clone().unwrap_or_default());
        let made = metadata.creation_timestamp.as_ref().max(restic.metadata.creation_timestamp.as_ref());
        let choice = Choice {
            restic,
            schedule: Schedule::parse(&restic.spec.schedule).ok(),
            pods: workload.pods().cloned(),
            created: made.map(|time| time.0),
            repositories: 0,
        };
        self.0.insert(key, choice);
    }

    /// What is due for a Repository, which is counted; nothing is when nobody is there to fill it.
    pub(super) fn due(&mut self, repository: &Repository, check_interval: Duration) -> Due {
        let metadata = &repository.metadata;
        let (labels, annotations) = (metadata.labels.clone(), metadata.annotations.clone());
        let workload = Workload::of_repository(&labels.unwrap_or_default(), &annotations.unwrap_or_default());
        let (Ok(workload), Some(namespace)) = (workload, &metadata.namespace) else {
            return Due::default();
        };
        let key = (namespace.clone(), workload.kind(), workload.name().to_owned());
        let Some(choice) = self.0.get_mut(&key) else { return Due::default() };
        choice.repositories += 1;
        match &choice.schedule {
            Some(schedule) if choice.has_a_pod_for(&workload) => {
                due(repository, choice.restic, schedule, check_interval)
            }
            _ => Due::default(),
        }
    }

    /// How many Repositories each workload has, when it should have one. Every Repository has been counted.
    pub(super) fn collect(&self, out: &mut Families, now: Timestamp) {
        for ((namespace, kind, workload), choice) in &self.0 {
            if !choice.should_have_one(now) {
                continue;
            }
            let labels = [
                ("namespace", namespace.as_str()),
                ("kind", kind.as_str()),
                ("workload", workload.as_str()),
                ("restic", choice.restic.metadata.name.as_deref().unwrap_or_default()),
            ];
            out.add(&listed::WORKLOAD_REPOSITORIES, labels, f64::from(choice.repositories));
        }
    }
}

impl Choice<'_> {
    /// A StatefulSet that shrank keeps the Repositories of the pods that went.
    fn has_a_pod_for(&self, workload: &Workload) -> bool {
        let Some(pods) = &self.pods else { return true };
        let number = workload.pod().and_then(|pod| pod.rsplit_once('-')?.1.parse::<i64>().ok());
        number.map_or(!pods.is_empty(), |number| pods.contains(&number))
    }

    fn should_have_one(&self, now: Timestamp) -> bool {
        let has_pods = self.pods.as_ref().is_none_or(|pods| !pods.is_empty());
        if self.restic.spec.paused || !has_pods {
            return false;
        }
        // A sidecar makes it when it starts, an init container with its first backup.
        let is_offline = self.restic.spec.backup_type == Some(BackupType::Offline);
        let first = || due::first(self.schedule.as_ref()?, self.created?);
        !is_offline || first().is_some_and(|first| first < now)
    }
}

#[cfg(test)]
mod tests {
    use domain::rules::metrics::Metric;
    use exposition::Value;
    use serde_json::json;

    use super::*;

    fn restic(spec: serde_json::Value) -> Restic {
        let mut object = json!({
            "apiVersion": "stash.appscode.com/v1alpha1", "kind": "Restic",
            "metadata": {"name": "nightly", "namespace": "shop", "creationTimestamp": "2026-01-01T12:00:00Z"},
            "spec": {"schedule": "0 3 * * *"},
        });
        object["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        serde_json::from_value(object).unwrap()
    }

    fn repository(kind: &str, name: &str, pod: &str) -> Repository {
        serde_json::from_value(json!({
            "apiVersion": "stash.appscode.com/v1alpha1", "kind": "Repository",
            "metadata": {
                "name": "any", "namespace": "shop", "creationTimestamp": "2026-01-01T12:00:00Z",
                "labels": {"restic": "nightly", "workload-kind": kind, "workload-name": name, "pod-name": pod},
            },
            "spec": {}, "status": {"nextBackupTime": "2026-01-02T03:00:00Z"},
        }))
        .unwrap()
    }

    fn workload(name: &str, replicas: i64) -> Seen {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "shop", "creationTimestamp": "2026-01-03T12:00:00Z"},
            "spec": {"replicas": replicas},
        }))
        .unwrap()
    }

    /// The values of a metric, in no order.
    fn values(chosen: &Chosen<'_>, metric: &Metric, now: &str) -> Vec<f64> {
        let mut families = Families::default();
        chosen.collect(&mut families, now.parse().unwrap());
        let families = families.done();
        let samples =
            families.iter().filter(|family| family.name == metric.name).flat_map(|family| &family.samples);
        samples
            .map(|sample| match &sample.value {
                Value::Number(number) => *number,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    const REPOSITORIES: &Metric = &listed::WORKLOAD_REPOSITORIES;

    #[test]
    fn nothing_is_due_without_somebody_to_do_it() {
        let restic = restic(json!({}));
        let mut chosen = Chosen::default();
        chosen.add(WorkloadKind::StatefulSet, &workload("db", 2), &restic);
        chosen.add(WorkloadKind::Deployment, &workload("web", 1), &restic);
        chosen.add(WorkloadKind::Deployment, &workload("idle", 0), &restic);
        for (kind, name, pod, is_due) in [
            ("StatefulSet", "db", "db-1", true),
            ("StatefulSet", "db", "db-2", false),
            ("Deployment", "web", "", true),
            ("Deployment", "idle", "", false),
            ("Deployment", "gone", "", false),
        ] {
            let due = chosen.due(&repository(kind, name, pod), Duration::ZERO);
            assert_eq!(due.session.is_some(), is_due, "{kind} {name} {pod}");
        }
    }

    #[test]
    fn a_workload_whose_container_never_started_has_no_repository() {
        let restic = restic(json!({}));
        let mut chosen = Chosen::default();
        chosen.add(WorkloadKind::Deployment, &workload("web", 1), &restic);
        assert_eq!(values(&chosen, REPOSITORIES, "2026-01-03T12:00:00Z"), [0.0]);
        chosen.due(&repository("Deployment", "web", ""), Duration::ZERO);
        assert_eq!(values(&chosen, REPOSITORIES, "2026-01-03T12:00:00Z"), [1.0]);
    }

    #[test]
    fn one_that_needs_no_repository_yet_is_not_told_of() {
        let (paused, offline) = (restic(json!({"paused": true})), restic(json!({"type": "offline"})));
        let mut chosen = Chosen::default();
        chosen.add(WorkloadKind::Deployment, &workload("web", 1), &paused);
        chosen.add(WorkloadKind::Deployment, &workload("idle", 0), &offline);
        assert!(values(&chosen, REPOSITORIES, "2026-02-01T00:00:00Z").is_empty());
        chosen.add(WorkloadKind::Deployment, &workload("shop", 1), &offline);
        assert!(values(&chosen, REPOSITORIES, "2026-01-05T02:59:00Z").is_empty());
        assert_eq!(values(&chosen, REPOSITORIES, "2026-01-05T03:01:00Z"), [0.0]);
    }
}
