//! Names as 0.8.3 made them, and what happens to those that do not fit.

use proptest::prelude::*;

use super::*;
use crate::report::SessionKind;

fn workload(kind: WorkloadKind) -> Workload {
    match kind {
        WorkloadKind::Host => Workload::host("box", "docs").unwrap(),
        kind => Workload::new(kind, "web", Some("web-0"), Some("node-1")).unwrap(),
    }
}

/// Repository, folder, hostname and labels of every kind.
#[test]
fn every_kind_has_its_names() {
    let table: Vec<String> = WorkloadKind::ALL
        .into_iter()
        .map(|kind| {
            let workload = workload(kind);
            let labels: Vec<String> = repository_labels(&workload, "docs")
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            format!(
                "{} | {} | {} | {}",
                repository(&workload),
                auto_prefix(&workload),
                snapshot_hostname(&workload),
                labels.join(" ")
            )
        })
        .collect();
    assert_eq!(
        table,
        [
            "deployment.web | deployment/web | web | restic=docs workload-kind=Deployment workload-name=web",
            "replicaset.web | replicaset/web | web | restic=docs workload-kind=ReplicaSet workload-name=web",
            "replicationcontroller.web | replicationcontroller/web | web | restic=docs workload-kind=ReplicationController workload-name=web",
            "statefulset.web-0 | statefulset/web-0 | web-0 | pod-name=web-0 restic=docs workload-kind=StatefulSet workload-name=web",
            "daemonset.web.node-1 | daemonset/web/node-1 | node-1 | node-name=node-1 restic=docs workload-kind=DaemonSet workload-name=web",
            "host.docs | host/box/docs | box | restic=docs workload-kind=Host workload-name=box",
        ]
    );
}

#[test]
fn other_objects_are_named_as_before() {
    let web = workload(WorkloadKind::Deployment);
    assert_eq!(leader_lock(&web), "lock-deployment-web");
    assert_eq!(sidecar_role_binding(web.kind(), web.name()), "deployment-web-stash-sidecar");
    assert_eq!(legacy_sidecar_role_binding("web"), "web-stash-sidecar");
    assert_eq!(scale_down_cron_job("docs"), "stash-scaledown-cron-docs");
    assert_eq!(check_job("docs"), "stash-check-docs");
    assert_eq!(recovery_job("back"), "stash-recovery-back");
    assert_eq!(recovered_volume(2), "vol-2");
    assert_eq!(repo_reader_role("deployment.web"), "appscode:stash:repo-reader:deployment.web");
    assert_eq!(
        repo_reader_role_binding("stash-recovery-back", "demo"),
        "stash-recovery-back:demo:repo-reader"
    );
    assert_eq!(file_group_label("/source/data"), "|source|data");
}

#[test]
fn the_longest_names_that_fit_are_those_of_the_documentation() {
    for (max, name) in [(31, scale_down_cron_job as fn(&str) -> String), (51, check_job), (48, recovery_job)]
    {
        let fits = "a".repeat(max);
        assert!(name(&fits).ends_with(&fits));
        assert!(!name(&"a".repeat(max + 1)).ends_with(&fits));
    }
}

#[test]
fn a_node_name_that_is_too_long_for_a_label_is_kept_in_an_annotation() {
    let node = format!("ip-10-0-0-1.{}.compute.internal", "eu-central-1".repeat(5));
    let log = Workload::new(WorkloadKind::DaemonSet, "log", None, Some(&node)).unwrap();
    let (labels, annotations) = (repository_labels(&log, "logs"), repository_annotations(&log, "logs"));
    assert!(is_label_value(&labels[LABEL_NODE_NAME]));
    assert_eq!(annotations, [("restic.appscode.com/node-name".to_owned(), node)].into());
    assert_eq!(Workload::of_repository(&labels, &annotations), Ok(log));
}

#[test]
fn snapshot_names_are_read_back() {
    let id = "e0e9cc41".repeat(8);
    let name = snapshot("daemonset.web.node-1", &id);
    assert_eq!(name, "daemonset.web.node-1-e0e9cc41");
    assert_eq!(parse_snapshot(&name), Ok(("daemonset.web.node-1", "e0e9cc41")));
    for wrong in
        ["", "-e0e9cc41", "e0e9cc41", "web-e0e9cc4", "web-e0e9cc411", "web-e0e9cc4g", "web-e0e9cc41-"]
    {
        assert_eq!(parse_snapshot(wrong), Err(SnapshotNameError(wrong.to_owned())));
    }
}

#[test]
fn the_grouping_key_names_the_repository_and_no_pod() {
    let identity = SessionIdentity {
        session: SessionKind::Recovery,
        namespace: "demo".into(),
        config: "docs".into(),
        kind: "Deployment".into(),
        app: "web".into(),
        repository: "deployment.web".into(),
    };
    let key: Vec<String> =
        grouping_key(&identity).iter().map(|(label, value)| format!("{label}={value}")).collect();
    assert_eq!(
        key,
        [
            "app=web",
            "job=demo-docs",
            "kind=Deployment",
            "namespace=demo",
            "repository=deployment.web",
            "session=recovery",
            "stash_config=docs",
        ]
    );
}

#[test]
fn label_syntax_is_that_of_kubernetes() {
    for good in ["", "a", "A-b_c.9", &"x".repeat(63)] {
        assert!(is_label_value(good), "{good}");
    }
    for bad in ["-a", "a-", "a b", "ä", "a/b", &"x".repeat(64)] {
        assert!(!is_label_value(bad), "{bad}");
    }
    for good in ["app", "app.kubernetes.io/name", "a_b"] {
        assert!(is_label_key(good), "{good}");
    }
    for bad in ["", "/a", "a/", "A.example/x", "a/b/c", "a b"] {
        assert!(!is_label_key(bad), "{bad}");
    }
}

proptest! {
    #[test]
    fn a_shortened_name_fits_and_depends_on_every_character(name in "[a-z0-9][a-z0-9.-]{63,300}", max in 20_usize..64) {
        let short = bounded(&name, max);
        prop_assert!(short.len() <= max);
        prop_assert!(is_qualified_name(&short), "{}", short);
        let other = format!("{name}x");
        prop_assert_ne!(bounded(&other, max), short);
    }

    #[test]
    fn any_text_becomes_a_label_value(text in ".{0,200}") {
        let value = label_value(&text);
        prop_assert!(is_label_value(&value), "{}", value);
        prop_assert_eq!(value == text, is_label_value(&text));
    }

    #[test]
    fn every_workload_is_found_again_from_its_repository(
        kind in proptest::sample::select(WorkloadKind::ALL.to_vec()),
        name in "[a-z][a-z0-9.-]{0,252}",
        inner in "[A-Za-z0-9_.-]{3,253}",
    ) {
        let workload = match kind {
            WorkloadKind::Host => Workload::host(&name, &inner),
            kind => Workload::new(kind, &name, Some(&inner), Some(&inner)),
        }
        .unwrap();
        let restic = workload.restic().unwrap_or("docs").to_owned();
        let labels = repository_labels(&workload, &restic);
        let annotations = repository_annotations(&workload, &restic);
        prop_assert!(labels.values().all(|value| is_label_value(value)));
        prop_assert!(repository(&workload).len() <= MAX_REPOSITORY);
        prop_assert_eq!(Workload::of_repository(&labels, &annotations), Ok(workload));
    }
}
