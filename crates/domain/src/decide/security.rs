//! Whom our containers run as. Every context here keeps the Pod Security level that its pod has already: a container
//! that did not would keep the application's own pods from starting.

use k8s_openapi::api::core::v1::{Capabilities, SeccompProfile, SecurityContext};
use serde_json::Value;

use super::target::text;
use crate::objects::restic::ResticSpec;
use crate::rules::names;

/// The user of containers that read and write nothing of anybody.
const NOBODY: i64 = 65532;

/// The context of the container that reads the data.
///
/// 0.8.3 was always root with all that a runtime gives. Here, first match:
///
/// 1. What the Restic says, as it is.
/// 2. The user of the containers that mount the same volumes, when all of them have the same one and it is not root:
///    what they wrote, they can read. Not for a local backend, whose folder may belong to root, as it did with 0.8.3.
/// 3. Where the pod refuses root (`runAsNonRoot`), nobody in particular.
/// 4. Root with `DAC_OVERRIDE` alone, which reads files of every owner. The volumes are mounted read-only, so it does
///    not write them; `DAC_READ_SEARCH` would say it better, but the `baseline` level forbids to add it.
pub(super) fn reader(restic: &ResticSpec, pod_spec: &Value) -> SecurityContext {
    if let Some(context) = &restic.security_context {
        return context.clone();
    }
    let containers = identities(restic, pod_spec);
    let user = shared(containers.iter().map(|identity| identity.user)).filter(|user| *user != 0);
    let group = shared(containers.iter().map(|identity| identity.group));
    let no_root = pod_spec.pointer("/securityContext/runAsNonRoot") == Some(&Value::Bool(true))
        || identities_of(pod_spec, |_| true).iter().all(|identity| identity.non_root);
    match user {
        Some(user) if no_root || restic.backend.local.is_none() => unprivileged(user, group),
        None if no_root => unprivileged(NOBODY, group),
        _ => root(&["DAC_OVERRIDE"]),
    }
}

/// The context of the container that gives files back to their owners.
pub(super) fn restorer() -> SecurityContext {
    root(&["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETFCAP"])
}

/// The context of the container that checks a repository: nobody in particular, but for one in a folder, which may
/// belong to anybody.
pub(super) fn checker(in_a_folder: bool) -> SecurityContext {
    if in_a_folder { root(&["DAC_OVERRIDE"]) } else { unprivileged(NOBODY, Some(NOBODY)) }
}

/// The context of a container that only talks to the API.
pub(super) fn api_only() -> SecurityContext {
    unprivileged(NOBODY, Some(NOBODY))
}

/// Fit for the `restricted` level.
fn unprivileged(user: i64, group: Option<i64>) -> SecurityContext {
    SecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(user),
        run_as_group: group,
        ..confined(None)
    }
}

/// Fit for the `baseline` level.
fn root(capabilities: &[&str]) -> SecurityContext {
    SecurityContext {
        run_as_user: Some(0),
        run_as_group: Some(0),
        ..confined(Some(capabilities.iter().map(|name| (*name).to_owned()).collect()))
    }
}

fn confined(add: Option<Vec<String>>) -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { add, drop: Some(vec!["ALL".to_owned()]) }),
        // Everything we write is below `/tmp`, which is a volume.
        read_only_root_filesystem: Some(true),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            ..SeccompProfile::default()
        }),
        ..SecurityContext::default()
    }
}

/// Whom a container runs as, as far as the pod template says it.
struct Identity {
    user: Option<i64>,
    group: Option<i64>,
    non_root: bool,
}

/// Of the containers that mount what the Restic mounts; of all when none does.
fn identities(restic: &ResticSpec, pod_spec: &Value) -> Vec<Identity> {
    let mounts = |container: &Value| {
        let mounts = container.get("volumeMounts").and_then(Value::as_array);
        mounts
            .into_iter()
            .flatten()
            .any(|mount| restic.volume_mounts.iter().any(|wanted| wanted.name == text(mount, "/name")))
    };
    let found = identities_of(pod_spec, mounts);
    if found.is_empty() { identities_of(pod_spec, |_| true) } else { found }
}

fn identities_of(pod_spec: &Value, wanted: impl Fn(&Value) -> bool) -> Vec<Identity> {
    let containers = pod_spec.get("containers").and_then(Value::as_array);
    containers
        .into_iter()
        .flatten()
        .filter(|container| text(container, "/name") != names::CONTAINER && wanted(container))
        .map(|container| {
            let get = |field: &str| {
                let pointer = format!("/securityContext/{field}");
                container
                    .pointer(&pointer)
                    .or_else(|| pod_spec.pointer(&pointer))
                    .filter(|value| !value.is_null())
            };
            Identity {
                user: get("runAsUser").and_then(Value::as_i64),
                group: get("runAsGroup").and_then(Value::as_i64),
                non_root: get("runAsNonRoot") == Some(&Value::Bool(true)),
            }
        })
        .collect()
}

/// The value that all have, if all have one and the same.
fn shared(mut values: impl Iterator<Item = Option<i64>>) -> Option<i64> {
    let first = values.next()??;
    values.all(|value| value == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn user(pod_spec: &Value, restic: &Value) -> (Option<i64>, Option<i64>, Option<bool>) {
        let restic: ResticSpec = serde_json::from_value(restic.clone()).unwrap();
        let context = reader(&restic, pod_spec);
        assert_eq!(context.capabilities.unwrap().drop.unwrap(), ["ALL"]);
        (context.run_as_user, context.run_as_group, context.run_as_non_root)
    }

    #[test]
    fn it_reads_as_whoever_uses_the_volumes() {
        let remote = json!({"volumeMounts": [{"name": "data", "mountPath": "/data"}], "backend": {"s3": {}}});
        let local =
            json!({"volumeMounts": [{"name": "data", "mountPath": "/data"}], "backend": {"local": {}}});
        let root = (Some(0), Some(0), None);
        let app = |context: Value| json!({"name": "app", "volumeMounts": [{"name": "data"}], "securityContext": context});
        let other = json!({"name": "proxy", "securityContext": {"runAsUser": 1}});
        let ours =
            json!({"name": "stash", "volumeMounts": [{"name": "data"}], "securityContext": {"runAsUser": 0}});

        let pod = json!({"containers": [app(json!({"runAsUser": 999, "runAsGroup": 99})), other, ours]});
        assert_eq!(user(&pod, &remote), (Some(999), Some(99), Some(true)));
        assert_eq!(user(&pod, &local), root, "the repository may belong to root");

        let pod = json!({"securityContext": {"runAsUser": 5}, "containers": [app(json!({})), other]});
        assert_eq!(user(&pod, &remote), (Some(5), None, Some(true)), "the pod's own user counts");
        let pod = json!({"containers": [app(json!({"runAsUser": 5})), app(json!({"runAsUser": 6}))]});
        assert_eq!(user(&pod, &remote), root, "two users share the volume");
        let pod = json!({"containers": [app(json!({"runAsUser": 5})), app(json!({}))]});
        assert_eq!(user(&pod, &remote), root, "one of them is unknown");
        let pod = json!({"containers": [app(json!({"runAsUser": 0}))]});
        assert_eq!(user(&pod, &remote), root);
    }

    #[test]
    fn a_pod_without_root_never_gets_it() {
        let local = json!({"backend": {"local": {}}});
        let pod = json!({"securityContext": {"runAsNonRoot": true}, "containers": [{"name": "app"}]});
        assert_eq!(user(&pod, &local), (Some(65532), None, Some(true)));
        let app =
            |user: i64| json!({"name": "app", "securityContext": {"runAsNonRoot": true, "runAsUser": user}});
        assert_eq!(user(&json!({"containers": [app(7), app(7)]}), &local), (Some(7), None, Some(true)));
        assert_eq!(user(&json!({"containers": [app(7), {"name": "b"}]}), &local), (Some(0), Some(0), None));
    }

    #[test]
    fn what_the_restic_says_is_taken_as_it_is() {
        let context = SecurityContext { run_as_user: Some(42), ..SecurityContext::default() };
        let restic = ResticSpec { security_context: Some(context.clone()), ..ResticSpec::default() };
        let pod = json!({"securityContext": {"runAsNonRoot": true}, "containers": [{"name": "app"}]});
        assert_eq!(reader(&restic, &pod), context);
    }
}
