//! Stash goes as it came: nothing of it is left that nobody could take away, and no backup stops that was not meant to.

use anyhow::{Context, Result, ensure};
use e2e::operator::{NAME, NAMESPACE};
use e2e::process::output;
use e2e::workload::{self, KINDS, injected};
use e2e::{Namespace, alone_in_namespace, alone_with_operator, wait};
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::Api;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/stash.sh");
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/stash");
/// The values by which the chart takes our own image.
const IMAGE: [&str; 4] = ["--set", "operator.registry=localhost", "--set", "operator.tag=dev"];
const WEBHOOKS: &str = "admission.stash.appscode.com";
const API: &str = "v1alpha1.repositories.stash.appscode.com";

/// Runs a program on the cluster, and returns what it printed.
async fn run(space: &Namespace, program: &str, arguments: &[&str]) -> Result<String> {
    let mut command = space.cluster.command(program);
    command.args(arguments);
    tokio::task::spawn_blocking(move || output(&mut command)).await?
}

/// Nobody is asked who would not answer.
async fn registers_nothing(space: &Namespace) -> Result<()> {
    let client = || space.cluster.client.clone();
    let mutating = Api::<MutatingWebhookConfiguration>::all(client()).get_opt(WEBHOOKS).await?;
    let validating = Api::<ValidatingWebhookConfiguration>::all(client()).get_opt(WEBHOOKS).await?;
    ensure!(mutating.is_none() && validating.is_none(), "a webhook is left");
    ensure!(Api::<APIService>::all(client()).get_opt(API).await?.is_none(), "the API is left");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn uninstall_by_script() -> Result<()> {
    alone_with_operator(&[], async |space, _| {
        space.prepare().await?;
        space.put_restic(workload::restic("web", "web", "online", "@every 5s")).await?;
        for kind in KINDS {
            space.put(workload::workload(kind, "web", 1)).await?;
            space.is_injected(kind, "web", false).await?;
        }
        space.put_restic(workload::restic("off", "off", "offline", "30 3 1 1 *")).await?;
        space.put(workload::workload("Deployment", "off", 1)).await?;
        space.is_injected("Deployment", "off", true).await?;
        space.until("CronJob", "stash-scaledown-cron-off", "is there", |_| true).await?;
        space.backed_up("deployment.web", 1).await?;

        let namespace = format!("--namespace={NAMESPACE}");
        run(space, "sh", &[SCRIPT, "--uninstall", &namespace]).await?;
        registers_nothing(space).await?;
        let deployments: Api<Deployment> = Api::namespaced(space.cluster.client.clone(), NAMESPACE);
        ensure!(deployments.get_opt(NAME).await?.is_none(), "the operator is left");
        for kind in KINDS {
            space.is_clean(kind, "web").await?;
        }
        space.is_clean("Deployment", "off").await?;
        for kind in ["CronJob", "Job", "Role", "RoleBinding", "ServiceAccount"] {
            wait::until(&format!("every {kind} of ours to be gone"), wait::PATIENCE, async || {
                Ok(space.list(kind, "app=stash").await?.is_empty().then_some(()))
            })
            .await?;
        }
        wait::until("pods without our container", wait::PATIENCE, async || {
            let has_ours = |pod: &serde_json::Value| {
                let containers = pod["spec"]["containers"].as_array();
                containers.is_some_and(|all| all.iter().any(|one| one["name"] == workload::CONTAINER))
            };
            Ok((!space.pods_of("web").await?.iter().any(has_ours)).then_some(()))
        })
        .await?;
        // Data and what users wrote are still there, and can be deleted without an operator.
        space.read("Restic", "web").await?;
        space.restic_checks(&workload::folder("Deployment", "web", "")).await?;
        space.delete_and_wait("Repository", "deployment.web").await?;
        // A second time there is nothing to do.
        run(space, "sh", &[SCRIPT, "--uninstall", &namespace]).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn uninstall_chart_leaves_backups_running() -> Result<()> {
    alone_in_namespace(async |space| {
        let outcome = by_chart(space).await;
        // What is of the whole cluster goes with the release, also when the test did not come so far.
        let again = ["uninstall", NAME, "--namespace", &space.name, "--ignore-not-found", "--wait"];
        let removed = run(space, "helm", &again).await;
        outcome.and(removed.map(drop))
    })
    .await
}

async fn by_chart(space: &Namespace) -> Result<()> {
    let helm = async |verb: &str, more: &[&str]| {
        let mut arguments = vec![verb, NAME];
        if verb != "uninstall" {
            arguments.push(CHART);
            arguments.extend(IMAGE);
        }
        arguments.extend(["--namespace", &space.name, "--wait", "--timeout=5m"]);
        arguments.extend(more);
        run(space, "helm", &arguments).await
    };
    helm("install", &[]).await?;
    space.prepare().await?;
    space.put_restic(workload::restic("web", "web", "online", "@every 5s")).await?;
    space.put(workload::workload("Deployment", "web", 1)).await?;
    space.is_injected("Deployment", "web", false).await?;
    space.backed_up("deployment.web", 1).await?;
    let pod = async || {
        let pods = space.pods_ready("web", 1).await?;
        pods[0]["metadata"]["uid"].as_str().map(str::to_owned).context("a pod has no UID")
    };
    let before = pod().await?;

    let monitoring =
        ["monitoring.agent=prometheus.io/builtin", "monitoring.backup=true", "monitoring.operator=true"];
    helm("upgrade", &monitoring.map(|value| ["--set", value]).concat()).await?;
    let service = space.api::<Service>().get(NAME).await?;
    let annotations = service.metadata.annotations.unwrap_or_default();
    let told = annotations.get("prometheus.io/operator_port").map(String::as_str);
    ensure!(told == Some("8443"), "{annotations:?}");
    ensure!(pod().await? == before, "an upgrade to the same image restarts applications");

    helm("uninstall", &[]).await?;
    registers_nothing(space).await?;
    let workload = space.read("Deployment", "web").await?;
    ensure!(injected(&workload).is_some(), "the sidecar is gone");
    ensure!(pod().await? == before, "uninstalling restarts applications");
    let repository = space.read("Repository", "deployment.web").await?;
    let count = repository["status"]["backupCount"].as_i64().unwrap_or_default();
    space.backed_up("deployment.web", count + 2).await?;
    Ok(())
}
