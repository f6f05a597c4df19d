//! The operator and its push gateway: one pod, fit for the `restricted` level of Pod Security.

use domain::rules::names::{APP, LABEL_APP};
use serde_json::{Value, json};

use crate::options::Options;
use crate::parts::{Part, Parts};
use crate::{names, objects};

/// User and group of our processes: nobody in particular.
pub(crate) const USER: u32 = 65532;

/// The Deployment.
pub(crate) fn deployment(options: &Options, parts: &Parts) -> Value {
    let own_namespace = options.names_its_namespace.then_some(&*options.namespace);
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": objects::metadata(names::OPERATOR, own_namespace),
        "spec": {
            // More of them are ready to take over, and one acts; the push gateway, however, is one to each pod, and
            // pushes would be spread over them. So: one.
            "replicas": 1,
            "selector": { "matchLabels": { LABEL_APP: APP } },
            "template": {
                "metadata": { "labels": { LABEL_APP: APP, names::COMPONENT.0: names::COMPONENT.1 } },
                "spec": pod(options, parts),
            },
        },
    })
}

fn pod(options: &Options, parts: &Parts) -> Value {
    let has = |part| parts.contains(&part);
    let mut pod = json!({ "serviceAccountName": options.service_account() });
    if has(Part::PullSecret) {
        pod["imagePullSecrets"] = json!([{ "name": options.image.pull_secret }]);
    }
    if has(Part::Critical) {
        pod["priorityClassName"] = json!("system-cluster-critical");
    }
    pod["nodeSelector"] = json!({ "kubernetes.io/os": "linux" });
    if has(Part::ControlPlane) {
        pod["nodeSelector"]["node-role.kubernetes.io/control-plane"] = json!("");
    }
    if has(Part::Tolerations) {
        let mut tolerations = Vec::new();
        if has(Part::Critical) {
            tolerations.push(json!({ "key": "CriticalAddonsOnly", "operator": "Exists" }));
        }
        if has(Part::ControlPlane) {
            tolerations.push(json!({
                "key": "node-role.kubernetes.io/control-plane",
                "operator": "Exists",
                "effect": "NoSchedule",
            }));
        }
        pod["tolerations"] = json!(tolerations);
    }
    // The gateway writes its state to a volume, so there is a group for that.
    pod["securityContext"] = pod_security();
    pod["containers"] = json!([operator(options, parts), gateway(options)]);
    pod["volumes"] = json!([
        { "name": "stash-scratchdir", "emptyDir": {} },
        // Pushed metrics outlive the container, not the pod; for that the chart can name a claim. The next session of
        // each Restic pushes them anew.
        { "name": "data-volume", "emptyDir": {} },
    ]);
    pod
}

/// What all containers of a pod of ours have in common.
pub(crate) fn pod_security() -> Value {
    json!({
        "runAsNonRoot": true,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "seccompProfile": { "type": "RuntimeDefault" },
    })
}

/// What each container adds to that.
pub(crate) fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": { "drop": ["ALL"] },
    })
}

/// Name of the image.
pub(crate) fn image(options: &Options) -> String {
    format!("{}/stash:{}", options.image.registry, options.image.tag)
}

fn operator(options: &Options, parts: &Parts) -> Value {
    json!({
        "name": "operator",
        "image": image(options),
        "imagePullPolicy": options.image.pull_policy,
        "args": arguments(options, parts),
        "env": [
            { "name": "MY_POD_NAME", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
            { "name": "MY_POD_NAMESPACE", "valueFrom": { "fieldRef": { "fieldPath": "metadata.namespace" } } },
            // What each thread keeps for itself adds up; it has little to do, and nothing to gain from that.
            { "name": "MALLOC_ARENA_MAX", "value": "1" },
        ],
        "ports": [{ "name": names::API_PORT, "containerPort": names::API_POD_PORT }],
        "readinessProbe": {
            "httpGet": { "scheme": "HTTPS", "port": names::API_POD_PORT, "path": "/readyz" },
            "periodSeconds": 5,
        },
        "livenessProbe": {
            "httpGet": { "scheme": "HTTPS", "port": names::API_POD_PORT, "path": "/healthz" },
            "periodSeconds": 10,
            "failureThreshold": 6,
        },
        // Without a limit of CPU: one that waits for its turn renews no Lease.
        "resources": { "requests": { "cpu": "100m", "memory": "64Mi" }, "limits": { "memory": "512Mi" } },
        "securityContext": container_security(),
        "volumeMounts": [{ "name": "stash-scratchdir", "mountPath": "/tmp" }],
    })
}

fn arguments(options: &Options, parts: &Parts) -> Vec<String> {
    let image = &options.image;
    let mut all = vec!["run".to_owned(), "--v=3".to_owned()];
    let mut when = |part, flag: String| {
        if parts.contains(&part) {
            all.push(flag);
        }
    };
    when(Part::Rbac, "--rbac=true".to_owned());
    when(Part::MutatingWebhook, "--enable-mutating-webhook=true".to_owned());
    when(Part::ValidatingWebhook, "--enable-validating-webhook=true".to_owned());
    when(Part::Authority, format!("--prometheus-namespace={}", options.prometheus_namespace()));
    all.extend([
        // The image of sidecars and Jobs. These three, and those of the gateway, say the same.
        format!("--docker-registry={}", image.registry),
        format!("--image-tag={}", image.tag),
        format!("--image-pull-policy={}", image.pull_policy),
        format!("--secure-port={}", names::API_POD_PORT),
        format!("--service-name={}", names::OPERATOR),
        format!("--certificate-secret={}", names::CERTIFICATE_SECRET),
    ]);
    all
}

fn gateway(options: &Options) -> Value {
    let port = names::PUSHGATEWAY_PORT;
    json!({
        "name": names::PUSHGATEWAY,
        "image": image(options),
        "imagePullPolicy": options.image.pull_policy,
        "args": [
            "pushgateway",
            format!("--web.listen-address=:{port}"),
            "--persistence.file=/var/pv/pushgateway.dat",
            // A gateway that is killed loses what was pushed since.
            "--persistence.interval=10s",
        ],
        "ports": [{ "name": names::PUSHGATEWAY, "containerPort": port }],
        "readinessProbe": { "httpGet": { "port": port, "path": "/-/ready" }, "periodSeconds": 5 },
        "livenessProbe": {
            "httpGet": { "port": port, "path": "/-/healthy" },
            "periodSeconds": 10,
            "failureThreshold": 6,
        },
        "resources": { "requests": { "cpu": "20m", "memory": "32Mi" }, "limits": { "memory": "512Mi" } },
        "securityContext": container_security(),
        "volumeMounts": [
            { "name": "data-volume", "mountPath": "/var/pv" },
            { "name": "stash-scratchdir", "mountPath": "/tmp" },
        ],
    })
}
