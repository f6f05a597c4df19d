//! The Job that takes out of the cluster what the operator put into it, once the operator is gone.

use domain::rules::names::{APP, LABEL_APP};
use serde_json::{Value, json};

use crate::deployment::{container_security, image, pod_security};
use crate::options::Options;
use crate::parts::{Part, Parts};
use crate::{names, objects};

/// The Job, which runs as the operator did.
#[must_use]
pub fn uninstall_job(options: &Options, parts: &Parts) -> Value {
    let mut pod = json!({ "serviceAccountName": options.service_account() });
    if parts.contains(&Part::PullSecret) {
        pod["imagePullSecrets"] = json!([{ "name": options.image.pull_secret }]);
    }
    pod["restartPolicy"] = json!("Never");
    pod["nodeSelector"] = json!({ "kubernetes.io/os": "linux" });
    // It runs wherever the operator might have.
    pod["tolerations"] = json!([
        { "key": "CriticalAddonsOnly", "operator": "Exists" },
        { "key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule" },
    ]);
    pod["securityContext"] = pod_security();
    pod["containers"] = json!([{
        "name": "stash",
        "image": image(options),
        "imagePullPolicy": options.image.pull_policy,
        "args": ["uninstall", "--only=clean-up", format!("--namespace={}", options.namespace)],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": { "requests": { "cpu": "20m", "memory": "32Mi" }, "limits": { "memory": "256Mi" } },
        "securityContext": container_security(),
    }]);
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": objects::metadata(names::UNINSTALL_JOB, options.names_its_namespace.then_some(&*options.namespace)),
        "spec": {
            "backoffLimit": 3,
            "activeDeadlineSeconds": 600,
            "template": { "metadata": { "labels": { LABEL_APP: APP } }, "spec": pod },
        },
    })
}
