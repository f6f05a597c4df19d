//! The API server lets the operator give away only what it has: `deploy/operator.yaml` holds every right that a Role of
//! ours does.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy takes the functions beside tests for production code"
)]

use std::collections::BTreeSet;
use std::path::Path;

use domain::decide::rbac;
use domain::decide::target::Target;
use domain::objects::workload::WorkloadKind;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use serde_json::{Value, json};

use super::objects::documents;

/// What the operator may do wherever it acts.
fn held() -> Vec<PolicyRule> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/operator.yaml");
    let role = documents(&std::fs::read_to_string(file).unwrap())
        .into_iter()
        .find(|object| object["kind"] == "ClusterRole" && object["metadata"]["name"] == "stash-operator")
        .unwrap();
    serde_json::from_value::<ClusterRole>(role).unwrap().rules.unwrap()
}

/// Whether one of the rules, not limited to names, gives this.
fn gives(rules: &[PolicyRule], group: &str, resource: &str, verb: &str) -> bool {
    let has = |list: Option<&Vec<String>>, wanted: &str| {
        list.is_some_and(|list| list.iter().any(|entry| entry == wanted))
    };
    rules.iter().any(|rule| {
        rule.resource_names.is_none()
            && has(rule.api_groups.as_ref(), group)
            && has(rule.resources.as_ref(), resource)
            && rule.verbs.iter().any(|known| known == verb)
    })
}

#[test]
fn the_operator_holds_what_it_gives_away() {
    let held = held();
    let mut given = Vec::new();
    for kind in WorkloadKind::ALL {
        let object: Value =
            json!({"metadata": {"name": "web", "uid": "1"}, "spec": {"template": {"spec": {}}}});
        let target = Target { kind, namespace: "shop", object: &object };
        let repositories = BTreeSet::from(["some.web".to_owned()]);
        given.extend(rbac::workload(target, "nightly", &repositories).map(|access| access.role));
    }
    assert_eq!(given.len(), 5, "one for each kind of a cluster");
    let workloads = WorkloadKind::ALL.into_iter().map(|kind| (kind, "web".to_owned())).collect();
    given.push(rbac::scale_down("shop", "nightly", "1", &workloads).role);
    given.push(rbac::recovery("shop", "back", "1").role);
    given.push(rbac::check("shop", "deployment.web", "1").role);
    given.push(rbac::forget("shop", "deployment.web", "1").role);
    for role in given {
        for rule in role.rules.unwrap() {
            for group in rule.api_groups.iter().flatten() {
                for resource in rule.resources.iter().flatten() {
                    for verb in &rule.verbs {
                        let right = format!("{verb} {resource} of group `{group}`");
                        assert!(
                            gives(&held, group, resource, verb),
                            "the operator cannot give away: {right}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn the_operator_may_not_do_everything() {
    for rule in held() {
        let text = serde_json::to_string(&rule).unwrap();
        assert!(!text.contains("\"*\""), "{text}");
        for verb in ["escalate", "bind", "impersonate", "deletecollection"] {
            assert!(!rule.verbs.iter().any(|known| known == verb), "{text}");
        }
        assert!(!text.contains("pods/exec"), "{text}");
    }
}
