//! A Restic makes backups happen and a Recovery brings the data back: every kind of workload, beside it and before it.

use anyhow::{Result, ensure};
use e2e::workload::{self, DATA};
use e2e::{Namespace, Operator, tree, with_operator};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn operator_backs_up_deployment() -> Result<()> {
    online("Deployment").await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_backs_up_replica_set() -> Result<()> {
    online("ReplicaSet").await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_backs_up_replication_controller() -> Result<()> {
    online("ReplicationController").await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_backs_up_stateful_set() -> Result<()> {
    online("StatefulSet").await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_backs_up_daemon_set() -> Result<()> {
    online("DaemonSet").await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_backs_up_deployment_offline() -> Result<()> {
    offline("Deployment").await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_backs_up_replica_set_offline() -> Result<()> {
    offline("ReplicaSet").await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_backs_up_replication_controller_offline() -> Result<()> {
    offline("ReplicationController").await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_backs_up_stateful_set_offline() -> Result<()> {
    offline("StatefulSet").await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_backs_up_daemon_set_offline() -> Result<()> {
    offline("DaemonSet").await
}

/// A sidecar backs up while the application runs; what is lost then comes back.
async fn online(kind: &str) -> Result<()> {
    with_operator(async |space, operator| {
        let files = space.prepare().await?;
        space.put_restic(workload::restic("web", "web", "online", "@every 5s")).await?;
        let made = space.put(workload::workload(kind, "web", 1)).await?;
        ensure!(workload::injected(&made).is_some(), "the webhook did not inject into a {kind}");
        comes_back(space, operator, kind, &files).await
    })
    .await
}

/// The application is taken down, an init container backs up, and the application has its replicas again.
async fn offline(kind: &str) -> Result<()> {
    with_operator(async |space, operator| {
        let files = space.prepare().await?;
        space.put_restic(workload::restic("web", "web", "offline", "@every 15s")).await?;
        space.put(workload::workload(kind, "web", 2)).await?;
        let replicas = if kind == "DaemonSet" { 1 } else { 2 };
        space.is_injected(kind, "web", true).await?;
        comes_back(space, operator, kind, &files).await?;
        // The Restic is paused: no more cycles, and the one that may be under way ends.
        space.pods_ready("web", replicas).await?;
        let ended = |object: &Value| {
            let annotations = &object["metadata"]["annotations"];
            annotations["old-replica"].is_null()
                && object["spec"]["replicas"].as_u64().is_none_or(|count| count == 2)
        };
        space.until(kind, "web", "has its replicas back", ended).await?;
        let cron = space.read("CronJob", "stash-scaledown-cron-web").await?;
        assert_eq!(cron["spec"]["concurrencyPolicy"], "Forbid");
        let suspended = |cron: &Value| cron["spec"]["suspend"] == true;
        space.until("CronJob", "stash-scaledown-cron-web", "is suspended", suspended).await?;
        Ok(())
    })
    .await
}

async fn comes_back(space: &Namespace, operator: &Operator, kind: &str, files: &str) -> Result<()> {
    let node = space.node().await?;
    let name = workload::repository(kind, "web", &node);
    let repository = space.backed_up(&name, 1).await?;
    let status = &repository["status"];
    assert_eq!(status["lastResult"], "Succeeded", "{status}");
    for field in
        ["firstBackupTime", "lastBackupTime", "lastSuccessfulBackupTime", "lastBackupDuration", "size"]
    {
        ensure!(status[field].is_string(), "{field} is missing: {status}");
    }
    ensure!(status["snapshotCount"].as_u64() >= Some(1), "{status}");
    let labels = &repository["metadata"]["labels"];
    assert_eq!(labels["restic"], "web", "{labels}");
    assert_eq!(labels["workload-kind"], kind, "{labels}");
    let note = space.event("Repository", &name, "SuccessfulBackup").await?;
    ensure!(note.contains(tree::PATH), "{note}");
    let quoted = |label: &str, value: &str| format!("{label}=\"{value}\"");
    let (own, of) = (quoted("namespace", &space.name), quoted("repository", &name));
    let line = operator.shows("restic_session_success", &[&own, &of, &quoted("kind", kind)]).await?;
    ensure!(line.ends_with(" 1"), "{line}");

    // No more sessions; the one that may be under way ends by itself.
    space.change("Restic", "web", serde_json::json!({ "spec": { "paused": true } })).await?;
    space.wipe_tree(DATA).await?;
    // Of a snapshot from before: the session that was under way may have backed up the loss.
    let first = first_snapshot(space, kind, &node).await?;
    let mut recovery = workload::recovery("back", space, &name);
    recovery["spec"]["snapshot"] = format!("{name}-{first}").into();
    space.put(recovery).await?;
    let recovery = space.recovered("back").await?;
    let status = &recovery["status"];
    assert_eq!(status["phase"], "Succeeded", "{status}");
    assert_eq!(status["stats"][0]["path"], tree::PATH, "{status}");
    assert_eq!(status["stats"][0]["phase"], "Succeeded", "{status}");
    assert_eq!(space.tree(DATA).await?, files, "what came back is not what was lost");
    let line = operator.shows("restic_session_success", &[&own, &of, "session=\"recovery\""]).await?;
    ensure!(line.ends_with(" 1"), "{line}");
    space.restic_checks(&workload::folder(kind, "web", &node)).await
}

/// The first eight digits of the oldest snapshot that there is.
async fn first_snapshot(space: &Namespace, kind: &str, node: &str) -> Result<String> {
    let listed = space.restic_at(&workload::folder(kind, "web", node), &["snapshots", "--json"]).await?;
    let line = listed.lines().find(|line| line.starts_with('[')).unwrap_or("[]");
    let snapshots: Vec<Value> = serde_json::from_str(line)?;
    let oldest = snapshots.iter().min_by_key(|snapshot| snapshot["time"].as_str().map(str::to_owned));
    let id = oldest.and_then(|snapshot| snapshot["id"].as_str()).unwrap_or_default();
    Ok(id.chars().take(8).collect())
}
