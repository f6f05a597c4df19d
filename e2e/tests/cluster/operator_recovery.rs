//! Who may restore what, and what is said when it fails.

use anyhow::{Result, ensure};
use e2e::object::{condition, has};
use e2e::workload::{self, DATA, PASSWORD, REPOSITORY, SECRET};
use e2e::{Namespace, tree, with_operator};
use serde_json::{Value, json};

/// A workload that has been backed up once and is not any more.
async fn backed_up(space: &Namespace) -> Result<String> {
    let files = space.prepare().await?;
    space.put_restic(workload::restic("web", "web", "online", "@every 3s")).await?;
    space.put(workload::workload("Deployment", "web", 1)).await?;
    space.backed_up("deployment.web", 1).await?;
    space.delete_and_wait("Restic", "web").await?;
    space.is_clean("Deployment", "web").await?;
    let alone = |pod: &Value| e2e::object::named(&pod["spec"]["containers"], workload::CONTAINER).is_none();
    e2e::wait::until("the sidecar to be gone", e2e::wait::PATIENCE, async || {
        Ok(space.pods_ready("web", 1).await?.iter().all(alone).then_some(()))
    })
    .await?;
    Ok(files)
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_restores_across_namespaces() -> Result<()> {
    with_operator(async |owner, _| {
        let files = backed_up(owner).await?;
        owner
            .beside(async |other| {
                other.volume(DATA).await?;
                // A repository in a folder is reached where its volume is; the right to it is another matter.
                other.share_volume(owner, REPOSITORY).await?;
                other.put(workload::recovery("back", owner, "deployment.web")).await?;
                let refused = |recovery: &Value| has(recovery, "Complete", "False", "NotAllowed");
                let recovery = other.until("Recovery", "back", "is not allowed", refused).await?;
                assert_eq!(recovery["status"]["phase"], "Pending");
                let (_, _, message) = condition(&recovery, "Complete").unwrap_or_default();
                ensure!(message.contains("usagePolicy.allowedNamespaces"), "{message}");
                ensure!(other.list("Job", "").await?.is_empty(), "there is a Job all the same");
                ensure!(other.list("Secret", "").await?.is_empty(), "the Secret was copied all the same");

                let policy = json!({ "allowedNamespaces": { "from": "Selector", "selector": {
                    "matchLabels": { "kubernetes.io/metadata.name": other.name } } } });
                owner
                    .change("Repository", "deployment.web", json!({ "spec": { "usagePolicy": policy } }))
                    .await?;
                let recovery = other.recovered("back").await?;
                assert_eq!(recovery["status"]["phase"], "Succeeded", "{}", recovery["status"]);
                assert_eq!(other.tree(DATA).await?, files);
                other.is_gone("Secret", "stash-recovery-back").await
            })
            .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_restores_only_what_was_asked_for() -> Result<()> {
    with_operator(async |space, _| {
        let first = backed_up(space).await?;
        let folder = workload::folder("Deployment", "web", "");
        let old = newest(space, &folder).await?;
        let second = space.fill_tree(DATA, 2).await?;
        ensure!(first != second, "the files did not change");
        space.put_restic(workload::restic("web", "web", "online", "@every 3s")).await?;
        space
            .until("Repository", "deployment.web", "has a snapshot of the second files", |found| {
                found["status"]["backupCount"].as_i64() >= Some(2)
            })
            .await?;
        space.delete_and_wait("Restic", "web").await?;

        // The old one holds the old files; a path that is not in it is a failure that says so.
        let mut recovery = workload::recovery("old", space, "deployment.web");
        recovery["spec"]["snapshot"] = format!("deployment.web-{old}").into();
        space.wipe_tree(DATA).await?;
        space.put(recovery.clone()).await?;
        assert_eq!(space.recovered("old").await?["status"]["phase"], "Succeeded");
        assert_eq!(space.tree(DATA).await?, first);

        recovery["metadata"]["name"] = "other".into();
        recovery["spec"]["paths"] = json!(["/data/other"]);
        space.put(recovery).await?;
        let recovery = space.recovered("other").await?;
        assert_eq!(recovery["status"]["phase"], "Failed", "{}", recovery["status"]);
        assert_eq!(recovery["status"]["stats"][0]["phase"], "Failed", "{}", recovery["status"]);
        ensure!(recovery["status"].to_string().contains("/data/other"), "{}", recovery["status"]);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_tells_why_recovery_failed() -> Result<()> {
    with_operator(async |space, operator| {
        backed_up(space).await?;
        // What is missing is waited for.
        space.put(workload::recovery("none", space, "deployment.none")).await?;
        let waits = |recovery: &Value| has(recovery, "Complete", "False", "RepositoryMissing");
        space.until("Recovery", "none", "waits for its Repository", waits).await?;

        let wrong = json!({ "stringData": { "RESTIC_PASSWORD": "wrong-horse-battery" } });
        space.change("Secret", SECRET, wrong).await?;
        space.put(workload::recovery("back", space, "deployment.web")).await?;
        let recovery = space.recovered("back").await?;
        assert_eq!(recovery["status"]["phase"], "Failed", "{}", recovery["status"]);
        let (status, _, message) = condition(&recovery, "Complete").unwrap_or_default();
        ensure!(status == "True" && message.contains("password"), "{message}");
        ensure!(!message.contains("wrong-horse"), "{message}");
        let note = space.event("Recovery", "back", "FailedRecovery").await?;
        ensure!(note.contains("password"), "{note}");
        let own = format!("namespace=\"{}\"", space.name);
        let line = operator.shows("restic_session_success", &[&own, "session=\"recovery\""]).await?;
        ensure!(line.ends_with(" 0"), "{line}");

        // Failed is final, also when the reason is gone.
        let right = json!({ "stringData": { "RESTIC_PASSWORD": PASSWORD } });
        space.change("Secret", SECRET, right).await?;
        space.put(workload::recovery("again", space, "deployment.web")).await?;
        assert_eq!(space.recovered("again").await?["status"]["phase"], "Succeeded");
        assert_eq!(space.read("Recovery", "back").await?["status"]["phase"], "Failed");

        // A Recovery takes its Job with it.
        space.read("Job", "stash-recovery-back").await?;
        space.delete_and_wait("Recovery", "back").await?;
        space.is_gone("Job", "stash-recovery-back").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_restores_daemon_set_on_its_node() -> Result<()> {
    with_operator(async |space, _| {
        space.prepare().await?;
        let node = space.node().await?;
        space.put_restic(workload::restic("web", "web", "online", "@every 3s")).await?;
        space.put(workload::workload("DaemonSet", "web", 1)).await?;
        let name = workload::repository("DaemonSet", "web", &node);
        space.backed_up(&name, 1).await?;
        let mut recovery = workload::recovery("back", space, &name);
        // What the user says of nodes does not count here: the data is where it is.
        recovery["spec"]["nodeSelector"] = json!({ "stash.test/no": "node" });
        space.put(recovery).await?;
        let recovery = space.recovered("back").await?;
        assert_eq!(recovery["status"]["phase"], "Succeeded", "{}", recovery["status"]);
        assert_eq!(recovery["status"]["stats"][0]["path"], tree::PATH);
        let pods = space.list("Pod", "recovery=back").await?;
        assert_eq!(pods.len(), 1);
        assert_eq!(pods[0]["spec"]["nodeName"], node.as_str());
        let affinity = pods[0]["spec"]["affinity"]["nodeAffinity"].to_string();
        ensure!(affinity.contains(&node), "{affinity}");
        Ok(())
    })
    .await
}

/// The first eight digits of the newest snapshot.
async fn newest(space: &Namespace, folder: &str) -> Result<String> {
    let listed = space.restic_at(folder, &["snapshots", "--json", "latest"]).await?;
    let line = listed.lines().find(|line| line.starts_with('[')).unwrap_or("[]");
    let snapshots: Vec<Value> = serde_json::from_str(line)?;
    let id = snapshots.last().and_then(|snapshot| snapshot["id"].as_str()).unwrap_or_default();
    Ok(id.chars().take(8).collect())
}
