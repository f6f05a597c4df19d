//! What an application gains by being backed up: nothing that it should not have.

use anyhow::{Result, ensure};
use e2e::process::output;
use e2e::with_operator;
use e2e::workload::{self, CONTAINER, PASSWORD, SECRET};
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn operator_keeps_secrets() -> Result<()> {
    with_operator(async |space, operator| {
        space.prepare().await?;
        space.put_restic(workload::restic("web", "web", "online", "@every 5s")).await?;
        space.put(workload::workload("Deployment", "web", 1)).await?;
        space.backed_up("deployment.web", 1).await?;
        space.put(workload::recovery("back", space, "deployment.web")).await?;
        assert_eq!(space.recovered("back").await?["status"]["phase"], "Succeeded");

        // The ServiceAccount of the application's pods can do what the sidecar needs, and no more.
        let account = format!("system:serviceaccount:{}:default", space.name);
        let can = |arguments: &[&str]| -> Result<bool> {
            let mut command = space.cluster.command("kubectl");
            command.args(["--namespace", &space.name, "auth", "can-i", "--as", &account]).args(arguments);
            // It fails to say no.
            let said = output(&mut command).or_else(|error| {
                let text = format!("{error:#}");
                if text.contains("no") && !text.contains("rror:") { Ok("no".to_owned()) } else { Err(error) }
            })?;
            Ok(said.trim().starts_with("yes"))
        };
        for allowed in [
            ["get", "restics.stash.appscode.com/web"],
            ["get", "repositories.stash.appscode.com/deployment.web"],
        ] {
            ensure!(can(&allowed)?, "the sidecar may not {allowed:?}");
        }
        let secret = format!("secrets/{SECRET}");
        for denied in [
            vec!["get", secret.as_str()],
            vec!["list", "secrets"],
            vec!["list", "pods"],
            vec!["create", "pods"],
            vec!["create", "pods/exec"],
            vec!["patch", "deployments.apps/web"],
            vec!["delete", "repositories.stash.appscode.com/deployment.web"],
            vec!["patch", "restics.stash.appscode.com/web"],
            vec!["create", "rolebindings.rbac.authorization.k8s.io"],
        ] {
            ensure!(!can(&denied)?, "the application may {denied:?}");
        }

        // Only the container of Stash has the Secret, and nothing tells its content.
        let pod = space.pods_of("web").await?.remove(0);
        for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
            let has = container["volumeMounts"].to_string().contains("stash-secret");
            assert_eq!(has, container["name"] == CONTAINER, "{container}");
        }
        let mut said = operator.log().await? + &operator.metrics().await?;
        for kind in [
            "Pod",
            "Deployment",
            "ReplicaSet",
            "Job",
            "Event",
            "Restic",
            "Recovery",
            "Repository",
            "ConfigMap",
        ] {
            for object in space.list(kind, "").await? {
                said += &object.to_string();
                if kind == "Pod" {
                    said += &logs(space, &object).await?;
                }
            }
        }
        let at = said.find(PASSWORD);
        ensure!(
            at.is_none(),
            "the password is told: {:?}",
            at.and_then(|at| said.get(at.saturating_sub(200)..at))
        );
        Ok(())
    })
    .await
}

/// What the containers of Stash in a pod have said.
async fn logs(space: &e2e::Namespace, pod: &Value) -> Result<String> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    if e2e::object::named(&pod["spec"]["containers"], CONTAINER).is_none() {
        return Ok(String::new());
    }
    let options = LogParams { container: Some(CONTAINER.to_owned()), ..LogParams::default() };
    Ok(space.api::<Pod>().logs(name, &options).await?)
}
