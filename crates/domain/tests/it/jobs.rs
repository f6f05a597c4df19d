//! The Jobs that the operator makes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy takes the functions beside tests for production code"
)]

use std::collections::BTreeMap;

use domain::decide::recovery_job::{recovery_job, secret_copy};
use domain::decide::scaledown::cron_job;
use domain::decide::scaledown::cycle::{self, Action, Limits, Observation, step};
use domain::decide::target::Target;
use domain::objects::recovery::Recovery;
use domain::objects::repository::Repository;
use domain::objects::restic::Restic;
use domain::objects::workload::{Workload, WorkloadError, WorkloadKind};
use k8s_openapi::ByteString;
use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};

use crate::golden::{cases, compare};
use crate::inject::settings;

fn recovery_case(name: &str) -> (Recovery, Repository) {
    let cases = cases("recovery");
    let [recovery, repository] = cases[name].given().map(Clone::clone);
    (serde_json::from_value(recovery).unwrap(), serde_json::from_value(repository).unwrap())
}

fn job(name: &str) -> Job {
    let (recovery, repository) = recovery_case(name);
    recovery_job(&recovery, &repository, &settings()).unwrap()
}

#[test]
fn every_recovery_has_the_job_its_file_says() {
    compare("recovery", |name| json!(job(name)));
}

#[test]
fn every_offline_restic_has_the_cron_job_its_file_says() {
    let cases = cases("scaledown");
    compare("scaledown", |name| {
        let [restic] = cases[name].given();
        let restic: Restic = serde_json::from_value(restic.clone()).unwrap();
        json!(cron_job(&restic, &settings(), &Limits::DEFAULT).unwrap().unwrap())
    });
}

#[test]
fn what_the_job_is_handed_is_the_repository() {
    for name in ["deployment-local", "daemonset", "other-namespace"] {
        let job = job(name);
        let container = &job.spec.unwrap().template.spec.unwrap().containers[0];
        let variables = container.env.as_ref().unwrap();
        let handed = variables.iter().find(|variable| variable.name == "STASH_REPOSITORY").unwrap();
        let expanded = handed.value.as_ref().unwrap().replace("$$", "$");
        let mut handed: Value = serde_json::from_str(&expanded).unwrap();
        handed["apiVersion"] = json!("stash.appscode.com/v1alpha1");
        handed["kind"] = json!("Repository");
        let handed: Repository = serde_json::from_value(handed).unwrap();
        let (_, repository) = recovery_case(name);
        assert_eq!(handed.spec.backend, repository.spec.backend);
        let of = |repository: &Repository| {
            Workload::of_repository(repository.metadata.labels.as_ref().unwrap(), &BTreeMap::new()).unwrap()
        };
        assert_eq!(of(&handed), of(&repository));
    }
}

#[test]
fn only_a_secret_of_another_namespace_is_copied() {
    let data = BTreeMap::from([("RESTIC_PASSWORD".to_owned(), ByteString(b"p".to_vec()))]);
    let (recovery, repository) = recovery_case("daemonset");
    assert_eq!(secret_copy(&recovery, &repository, &data), None);
    let (recovery, repository) = recovery_case("other-namespace");
    let copy = secret_copy(&recovery, &repository, &data).unwrap();
    assert_eq!(copy.data, Some(data));
    assert_eq!(copy.metadata.namespace.as_deref(), Some("staging"));
    assert_eq!(copy.metadata.owner_references, job("other-namespace").metadata.owner_references);
    let volumes = job("other-namespace").spec.unwrap().template.spec.unwrap().volumes.unwrap();
    let mounted = volumes.iter().find_map(|volume| volume.secret.as_ref()?.secret_name.clone());
    assert_eq!(mounted, copy.metadata.name);
}

#[test]
fn a_repository_without_labels_has_no_job() {
    let (recovery, mut repository) = recovery_case("daemonset");
    repository.metadata.labels.as_mut().unwrap().remove("node-name");
    let error = recovery_job(&recovery, &repository, &settings()).unwrap_err();
    assert_eq!(error, WorkloadError::MissingLabel("node-name"));
}

#[test]
fn an_online_restic_has_no_cron_job_and_a_schedule_without_one_is_an_error() {
    let cases = cases("scaledown");
    let [restic] = cases["utc"].given();
    let with = |field: &str, value: &str| {
        let mut restic = restic.clone();
        restic["spec"][field] = json!(value);
        cron_job(&serde_json::from_value(restic).unwrap(), &settings(), &Limits::DEFAULT)
    };
    assert_eq!(with("type", "online").unwrap(), None);
    for schedule in ["30 0 3 * * *", "never", "0 3 */2 * MON"] {
        let error = with("schedule", schedule).unwrap_err();
        assert!(!error.to_string().is_empty(), "{schedule}");
    }
}

/// The Deployment controller copies annotations to the ReplicaSets of a Deployment. Two who took steps of one cycle
/// would scale against one another without end.
#[test]
fn a_cycle_of_a_deployment_is_none_of_its_replica_sets() {
    let owner = json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "1", "controller": true}]);
    let mark = json!({"tick": "1", "phase": "BackingUp", "since": "2026-01-01T03:00:00Z"}).to_string();
    let annotations = json!({"old-replica": "2", "restic.appscode.com/offline-cycle": mark});
    let is_under_way = |kind, owners: &Value| {
        let object = json!({
            "metadata": {"name": "web", "annotations": annotations, "ownerReferences": owners},
            "spec": {"replicas": 1, "template": {"spec": {}}},
        });
        let target = Target { kind, namespace: "demo", object: &object };
        let observed = Observation { target, pods: &[], injected: false, paused: false, tick: Some("2") };
        let action = step(observed, &Limits::DEFAULT, "2026-01-01T03:00:10Z".parse().unwrap());
        assert_eq!(cycle::is_under_way(target), action != Action::Nothing, "{kind}");
        cycle::is_under_way(target)
    };
    assert!(is_under_way(WorkloadKind::Deployment, &json!([])));
    assert!(is_under_way(WorkloadKind::ReplicaSet, &json!([])));
    assert!(!is_under_way(WorkloadKind::ReplicaSet, &owner));
}
