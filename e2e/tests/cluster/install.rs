//! Installed, upgraded and taken away as the guide says, by the script and by Helm: what was there works on or is gone.

use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use e2e::process::output;
use e2e::workload::KINDS;
use e2e::{Namespace, Operator, alone_to_install, wait, workload};
use serde_json::{Value, json};

/// Far more sessions than there are meanwhile.
const SOON: &str = "@every 5s";

#[tokio::test(flavor = "multi_thread")]
async fn install_and_uninstall_with_script() -> Result<()> {
    alone_to_install(async |space, operator| {
        operator.script(&[]).await?;
        space.prepare().await?;
        space.put_restic(workload::restic("web", "web", "online", SOON)).await?;
        for kind in KINDS {
            space.put(workload::workload(kind, "web", 1)).await?;
            space.is_injected(kind, "web", false).await?;
        }
        space.put_restic(workload::restic("cold", "cold", "offline", "0 0 1 1 *")).await?;
        space.put(workload::workload("Deployment", "cold", 1)).await?;
        space.is_injected("Deployment", "cold", true).await?;
        space.until("CronJob", "stash-scaledown-cron-cold", "is there", |_| true).await?;
        space.backed_up("deployment.web", 1).await?;

        // The default namespace is not this one.
        for flags in [&["--namespace=kube-system"] as &[&str], &["--namespace=kube-system", "--uninstall"]] {
            let Err(refused) = operator.script(flags).await else { bail!("{flags:?} was done") };
            let refused = format!("{refused:#}");
            ensure!(refused.contains(&format!("--namespace={}", operator.namespace())), "{refused}");
        }
        operator.script(&["--uninstall"]).await?;
        nothing_is_registered(operator)?;
        ensure!(operator.pods().await?.is_empty(), "its pod is still there");
        for kind in KINDS {
            space.is_clean(kind, "web").await?;
        }
        space.is_clean("Deployment", "cold").await?;
        for kind in ["CronJob", "Job", "Role", "RoleBinding", "ServiceAccount"] {
            wait::until(&format!("every {kind} of ours to be gone"), wait::PATIENCE, async || {
                Ok(space.list(kind, "app=stash").await?.is_empty().then_some(()))
            })
            .await?;
        }
        wait::until("pods without our container", wait::PATIENCE, async || {
            let has_ours = |pod: &Value| {
                let containers = pod["spec"]["containers"].as_array();
                containers.is_some_and(|all| all.iter().any(|one| one["name"] == workload::CONTAINER))
            };
            Ok((!space.pods_of("web").await?.iter().any(has_ours)).then_some(()))
        })
        .await?;
        // Data and what users wrote are still there, and can be deleted without an operator.
        space.restic_checks(&workload::folder("Deployment", "web", "")).await?;
        space.read("Restic", "web").await?;
        space.delete_and_wait("Repository", "deployment.web").await?;
        // A second time there is nothing to do.
        operator.script(&["--uninstall"]).await?;

        // It goes on from there, by whichever of the ways.
        operator.command(&[]).await?;
        space.backed_up("deployment.web", 1).await?;
        purge(space, operator).await
    })
    .await
}

/// With everything of it: what users wrote is in files of the folder, and nowhere else.
async fn purge(space: &Namespace, operator: &Operator) -> Result<()> {
    let folder = tempfile::tempdir()?;
    operator.script_in(folder.path(), &["--uninstall", "--purge"]).await?;
    space.is_clean("Deployment", "web").await?;
    nothing_is_registered(operator)?;
    let left = kubectl(operator, &["get", "customresourcedefinitions,clusterroles", "--output", "name"])?;
    ensure!(!left.contains("stash"), "these are left: {left}");
    for (plural, name) in
        [("restics", "cold"), ("recoveries", "items: []"), ("repositories", "deployment.web")]
    {
        let file = folder.path().join(format!("{plural}.yaml"));
        let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        ensure!(text.contains(name), "{plural}.yaml lacks {name}: {text}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn install_upgrade_and_uninstall_with_helm() -> Result<()> {
    alone_to_install(async |space, operator| {
        let outcome = with_helm(space, operator).await;
        // What is left of a release is in nobody's way when the test has uninstalled it.
        let _ = operator.chart("uninstall", &["--ignore-not-found", "--no-hooks"]).await;
        outcome
    })
    .await
}

async fn with_helm(space: &Namespace, operator: &Operator) -> Result<()> {
    operator.chart("install", &["--wait"]).await?;
    space.prepare().await?;
    space.put_restic(workload::restic("web", "web", "online", SOON)).await?;
    space.put(workload::workload("Deployment", "web", 1)).await?;
    space.backed_up("deployment.web", 1).await?;
    let pods = space.pods_ready("web", 1).await?;

    let monitoring = [
        "--wait",
        "--reuse-values",
        "--set=monitoring.agent=prometheus.io/builtin",
        "--set=monitoring.backup=true",
    ];
    operator.chart("upgrade", &monitoring).await?;
    let annotations = kubectl(
        operator,
        &["get", "service", "stash-operator", "--output", "jsonpath={.metadata.annotations}"],
    )?;
    ensure!(
        annotations.contains("prometheus.io/pushgateway_port") && !annotations.contains("operator_port"),
        "the Service says {annotations}"
    );
    goes_on(space, &pods).await?;
    let Err(refused) = operator.chart("upgrade", &["--set=monitoring.agent=nagios"]).await else {
        bail!("an agent that does not exist was taken");
    };
    let refused = format!("{refused:#}");
    ensure!(refused.contains("prometheus.io/coreos-operator"), "it does not say what is right: {refused}");

    operator.chart("uninstall", &["--wait"]).await?;
    nothing_is_registered(operator)?;
    ensure!(operator.pods().await?.is_empty(), "its pod is still there");
    goes_on(space, &pods).await
}

/// Waits for one more session by the same pods.
async fn goes_on(space: &Namespace, pods: &[Value]) -> Result<()> {
    let count = space.read("Repository", "deployment.web").await?["status"]["backupCount"].as_i64();
    space.backed_up("deployment.web", count.unwrap_or(0) + 1).await?;
    let uids =
        |pods: &[Value]| -> Vec<Value> { pods.iter().map(|pod| pod["metadata"]["uid"].clone()).collect() };
    let now = space.pods_ready("web", 1).await?;
    ensure!(uids(&now) == uids(pods), "other pods are there: {}", json!(uids(&now)));
    Ok(())
}

/// Kubernetes calls nobody that is no longer there.
fn nothing_is_registered(operator: &Operator) -> Result<()> {
    let kinds = "mutatingwebhookconfigurations,validatingwebhookconfigurations,apiservices";
    let left = kubectl(operator, &["get", kinds, "--output", "name"])?;
    let ours: Vec<&str> = left
        .lines()
        .filter(|line| line.contains("stash") && !line.contains("v1alpha1.stash.appscode.com"))
        .collect();
    ensure!(ours.is_empty(), "these are left: {ours:?}");
    Ok(())
}

fn kubectl(operator: &Operator, arguments: &[&str]) -> Result<String> {
    let mut command: Command = operator.cluster.command("kubectl");
    output(command.args(["--namespace", operator.namespace()]).args(arguments))
}
