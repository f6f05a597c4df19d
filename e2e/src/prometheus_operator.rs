//! The Prometheus operator, as its own manifests install it, for the namespace of a test.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use crate::image;
use crate::namespace::Namespace;
use crate::pod::{restricted_container, restricted_pod};
use crate::process::output;

const NAME: &str = "prometheus-operator";

/// Runs a part of a test with it. Its definitions, which the whole cluster sees, go at the end.
pub async fn with_prometheus_operator(
    space: &Namespace,
    part: impl AsyncFnOnce() -> Result<()>,
) -> Result<()> {
    define(space, "create").await?;
    let outcome = match start(space).await {
        Ok(()) => part().await,
        failed => failed,
    };
    let bindings: Api<ClusterRoleBinding> = Api::all(space.cluster.client.clone());
    // It was not made when starting failed.
    let unbound = bindings.delete(&space.name, &DeleteParams::default()).await;
    let undefined = define(space, "delete").await;
    outcome?;
    unbound.context("deleting the rights of the Prometheus operator")?;
    undefined
}

/// The configuration that it has made for the Prometheus `prometheus`. It comes into the pod a minute or more later, when the
/// kubelet and what reloads it have looked.
pub async fn configuration(space: &Namespace) -> Result<String> {
    let mut command: Command = space.cluster.command("sh");
    let read = "kubectl get secret prometheus-prometheus --namespace \"$1\" --output 'jsonpath={.data.prometheus\\.yaml\\.gz}' \
        | base64 -d | gunzip";
    command.args(["-c", read, "sh", &space.name]);
    tokio::task::spawn_blocking(move || output(&mut command)).await?
}

/// `create`, since some are too long for what `apply` notes down in an annotation.
async fn define(space: &Namespace, verb: &str) -> Result<()> {
    let folder: PathBuf = image::prometheus_definitions()?;
    let mut command: Command = space.cluster.command("kubectl");
    command.args([verb, "--filename"]).arg(folder);
    if verb == "delete" {
        command.arg("--ignore-not-found");
    }
    tokio::task::spawn_blocking(move || output(&mut command)).await?.map(drop)
}

async fn start(space: &Namespace) -> Result<()> {
    let metadata = json!({ "name": NAME });
    space.create::<ServiceAccount>(json!({ "metadata": metadata })).await?;
    let subjects = json!([{ "kind": "ServiceAccount", "name": NAME, "namespace": space.name }]);
    let everything =
        json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" });
    space
        .create::<RoleBinding>(json!({ "metadata": metadata, "roleRef": everything, "subjects": subjects }))
        .await?;
    let binding = json!({ "metadata": { "name": space.name }, "roleRef": everything, "subjects": subjects });
    Api::<ClusterRoleBinding>::all(space.cluster.client.clone())
        .create(&PostParams::default(), &serde_json::from_value(binding)?)
        .await
        .context("giving the Prometheus operator its rights")?;
    space
        .create::<Deployment>(json!({
            "metadata": metadata,
            "spec": {
                "replicas": 1,
                "selector": { "matchLabels": { "app": NAME } },
                "template": {
                    "metadata": { "labels": { "app": NAME } },
                    "spec": {
                        "serviceAccountName": NAME,
                        "securityContext": restricted_pod(),
                        "containers": [{
                            "name": NAME,
                            "image": image::PROMETHEUS_OPERATOR,
                            "imagePullPolicy": "IfNotPresent",
                            "args": [
                                format!("--namespaces={}", space.name),
                                format!("--prometheus-config-reloader={}", image::PROMETHEUS_RELOADER),
                            ],
                            "securityContext": restricted_container(),
                        }],
                    },
                },
            },
        }))
        .await?;
    Ok(())
}
