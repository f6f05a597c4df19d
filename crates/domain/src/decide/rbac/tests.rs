//! Who may do what, rule by rule; and that no two workloads share a Role.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn object(name: &str, spec: Value) -> Value {
    json!({"metadata": {"name": name, "uid": "1234"}, "spec": spec})
}

fn target(kind: WorkloadKind, object: &Value) -> Target<'_> {
    Target { kind, namespace: "demo", object }
}

/// Rules as `group/resources[names]: verbs`.
fn lines(access: &Access) -> Vec<String> {
    let rules = access.role.rules.iter().flatten();
    rules
        .map(|rule| {
            let join =
                |list: &Option<Vec<String>>| list.as_ref().map(|list| list.join(",")).unwrap_or_default();
            let names = rule.resource_names.as_ref().map(|names| format!("[{}]", names.join(",")));
            let (groups, resources) = (join(&rule.api_groups), join(&rule.resources));
            format!("{groups}/{resources}{}: {}", names.unwrap_or_default(), rule.verbs.join(","))
        })
        .collect()
}

fn of_workload(kind: WorkloadKind, object: &Value) -> Access {
    let target = target(kind, object);
    workload(target, "nightly", &repositories_of(target, ["node-1", "node-2"])).unwrap()
}

#[test]
fn a_workload_that_elects_a_leader_has_its_lease() {
    let access = of_workload(WorkloadKind::Deployment, &object("web", json!({})));
    assert_eq!(
        lines(&access),
        [
            "stash.appscode.com/restics[nightly]: get,list,watch",
            "stash.appscode.com/repositories: create",
            "stash.appscode.com/repositories[deployment.web]: get,list,watch,patch",
            "stash.appscode.com/repositories/status[deployment.web]: get,patch",
            "/configmaps[stash-catalogue-deployment.web]: get,create,patch",
            "coordination.k8s.io/leases: create",
            "coordination.k8s.io/leases[lock-deployment-web]: get,update,patch",
            "apps/deployments[web]: get",
            "events.k8s.io/events: create,patch",
        ]
    );
}

#[test]
fn the_role_is_bound_to_the_pods_own_account_and_goes_with_the_workload() {
    let spec = json!({"template": {"spec": {"serviceAccountName": "web"}}});
    let access = of_workload(WorkloadKind::ReplicationController, &object("web", spec));
    assert!(access.service_account.is_none());
    let subjects = access.role_binding.subjects.unwrap();
    let subject = &subjects[0];
    assert_eq!((subject.name.as_str(), subject.namespace.as_deref()), ("web", Some("demo")));
    assert_eq!(access.role_binding.role_ref.name, access.role.metadata.name.clone().unwrap());
    assert_eq!(
        json!(access.role.metadata),
        json!({
            "name": "replicationcontroller-web-stash-sidecar",
            "namespace": "demo",
            "labels": {"app": "stash", "restic": "nightly", "workload-kind": "ReplicationController", "workload-name": "web"},
            "ownerReferences": [{"apiVersion": "v1", "kind": "ReplicationController", "name": "web", "uid": "1234"}],
        })
    );
    let access = of_workload(WorkloadKind::Deployment, &object("web", json!({})));
    assert_eq!(access.role_binding.subjects.unwrap()[0].name, "default");
}

#[test]
fn each_pod_of_a_stateful_set_and_each_node_of_a_daemon_set_has_a_repository() {
    let names = |kind, spec| -> Vec<String> {
        let object = object("db", spec);
        repositories_of(target(kind, &object), ["node-1", "node-2"]).into_iter().collect()
    };
    let set = WorkloadKind::StatefulSet;
    assert_eq!(names(set, json!({"replicas": 2})), ["statefulset.db-0", "statefulset.db-1"]);
    assert_eq!(names(set, json!({})), ["statefulset.db-0"]);
    assert_eq!(names(set, json!({"replicas": 1, "ordinals": {"start": 5}})), ["statefulset.db-5"]);
    assert_eq!(names(set, json!({"replicas": 0})), [""; 0]);
    assert_eq!(names(WorkloadKind::DaemonSet, json!({})), ["daemonset.db.node-1", "daemonset.db.node-2"]);
}

/// A rule with an empty list of names would be a rule about all of them.
#[test]
fn a_workload_without_pods_has_no_repository() {
    let none = object("db", json!({"replicas": 0}));
    let access = of_workload(WorkloadKind::StatefulSet, &none);
    assert!(lines(&access).iter().all(|line| !line.contains("patch") || line.contains("events")));
    assert!(access.role.rules.unwrap().iter().all(|rule| rule.resource_names != Some(Vec::new())));
}

#[test]
fn without_an_owner_nothing_is_made() {
    let new = json!({"metadata": {"name": "web"}});
    assert_eq!(workload(target(WorkloadKind::Deployment, &new), "nightly", &BTreeSet::new()), None);
}

#[test]
fn jobs_have_accounts_of_their_own() {
    let recovery = recovery("demo", "back", "1");
    assert_eq!(
        lines(&recovery),
        [
            "stash.appscode.com/recoveries[back]: get",
            "stash.appscode.com/recoveries/status[back]: get,patch",
            "events.k8s.io/events: create,patch",
        ]
    );
    assert_eq!(recovery.service_account.unwrap().metadata.name.as_deref(), Some("stash-recovery-back"));
    let check = check("demo", "deployment.web", "1");
    let forget = forget("demo", "deployment.web", "1");
    assert_eq!(lines(&check), lines(&forget));
    assert_eq!(forget.service_account.unwrap().metadata.name.as_deref(), Some("stash-forget-deployment.web"));
    assert_eq!(
        lines(&check),
        [
            "stash.appscode.com/repositories[deployment.web]: get",
            "stash.appscode.com/repositories/status[deployment.web]: get,patch",
            "/configmaps[stash-catalogue-deployment.web]: get,create,patch",
            "events.k8s.io/events: create,patch",
        ]
    );
    let workloads = BTreeSet::from([
        (WorkloadKind::Deployment, "b".to_owned()),
        (WorkloadKind::Deployment, "a".to_owned()),
        (WorkloadKind::ReplicationController, "c".to_owned()),
    ]);
    assert_eq!(
        lines(&scale_down("demo", "nightly", "1", &workloads)),
        [
            "stash.appscode.com/restics[nightly]: get",
            "apps/deployments: get,list,watch",
            "apps/deployments[a,b]: patch",
            "apps/replicasets: get,list,watch",
            "/replicationcontrollers: get,list,watch",
            "/replicationcontrollers[c]: patch",
            "apps/statefulsets: get,list,watch",
            "apps/daemonsets: get,list,watch",
            "/pods: get,list,watch",
            "/pods/eviction: create",
            "events.k8s.io/events: create,patch",
        ]
    );
}

#[test]
fn nobody_may_read_secrets_run_pods_or_give_rights() {
    let accesses = [
        of_workload(WorkloadKind::Deployment, &object("web", json!({}))),
        of_workload(WorkloadKind::StatefulSet, &object("web", json!({}))),
        of_workload(WorkloadKind::DaemonSet, &object("web", json!({}))),
        recovery("demo", "back", "1"),
        check("demo", "deployment.web", "1"),
        forget("demo", "deployment.web", "1"),
        scale_down("demo", "nightly", "1", &BTreeSet::new()),
    ];
    let catalogue = "/configmaps[stash-catalogue-";
    for line in accesses.iter().flat_map(lines).filter(|line| !line.starts_with(catalogue)) {
        for forbidden in ["secrets", "*", "configmaps", "jobs", "roles", "accounts", "delete", "exec", "bind"]
        {
            assert!(!line.contains(forbidden), "{line}");
        }
    }
}

fn named_kind() -> impl Strategy<Value = (WorkloadKind, String)> {
    let kinds = proptest::sample::select(&WorkloadKind::ALL[..5]);
    // Long names that begin alike are cut alike.
    let name = prop_oneof!["[a-z]([a-z0-9-]{0,3}[a-z0-9])?", "[a-b]\\.[a-b]", "a{238,244}[a-c]{0,3}"];
    (kinds, name)
}

proptest! {
    #[test]
    fn names_of_two_workloads_differ_and_fit(one in named_kind(), other in named_kind()) {
        let name = |(kind, name): &(WorkloadKind, String)| names::sidecar_role_binding(*kind, name);
        prop_assert_eq!(name(&one) == name(&other), one == other);
        prop_assert!(names::is_dns_subdomain(&name(&one)), "{}", name(&one));
        let job = |(_, name): &(WorkloadKind, String)| names::recovery_job(name);
        prop_assert_eq!(job(&one) == job(&other), one.1 == other.1);
        prop_assert!(names::is_label_value(&job(&one)));
        prop_assert!(names::scale_down_cron_job(&one.1).len() <= names::MAX_CRON_JOB);
    }
}
