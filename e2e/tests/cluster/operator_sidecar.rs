//! What a sidecar does beside backing up: one of several acts, checks are made, the last valid Restic stays in force.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use e2e::workload::{self, REPOSITORY};
use e2e::{Namespace, alone_with_operator, wait, with_operator};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

/// Repositories are checked, whether a sidecar fills them or an init container, and a damaged one is told of.
#[tokio::test(flavor = "multi_thread")]
async fn operator_has_repositories_checked() -> Result<()> {
    alone_with_operator(&["--check-interval=1s", "--schedule-jitter=1m"], async |space, _| {
        space.prepare().await?;
        spreads_schedules(space).await?;
        space.put_restic(workload::restic("web", "web", "online", "@every 5s")).await?;
        space.put(workload::workload("Deployment", "web", 1)).await?;
        let whole = |object: &Value| object["status"]["integrity"] == "Ok";
        let checked = space.until("Repository", "deployment.web", "was checked", whole).await?;
        ensure!(checked["status"]["lastCheckTime"].is_string(), "{checked}");

        // Of a pack that is cut short, its hash says so.
        let folder = space.volume_folder(REPOSITORY)?.join(workload::folder("Deployment", "web", ""));
        damage(&folder.join("data"))?;
        let damaged = |object: &Value| object["status"]["integrity"] == "Damaged";
        space.until("Repository", "deployment.web", "is known to be damaged", damaged).await?;
        space.event("Repository", "deployment.web", "FailedCheck").await?;
        space.delete_and_wait("Restic", "web").await?;
        space.delete_and_wait("Deployment", "web").await?;

        // The Job of the check takes it from here; by default it may read whatever is there, which no namespace of tests
        // lets in.
        let mut restic = workload::restic("off", "off", "offline", "@every 15s");
        restic["spec"]["securityContext"] = workload::restricted();
        space.put_restic(restic).await?;
        space.put(workload::workload("Deployment", "off", 1)).await?;
        space.until("Repository", "deployment.off", "was checked by a Job", whole).await?;
        let note = space.event("Repository", "deployment.off", "CheckJobCreated").await?;
        ensure!(note.contains("Job"), "{note}");
        space.event("Repository", "deployment.off", "SuccessfulCheck").await?;
        Ok(())
    })
    .await
}

/// Each pod of a StatefulSet has a repository, and their sessions are due at moments of their own.
async fn spreads_schedules(space: &Namespace) -> Result<()> {
    space.put_restic(workload::restic("many", "many", "online", "30 3 1 1 *")).await?;
    space.put(workload::workload("StatefulSet", "many", 4)).await?;
    let mut moments = BTreeSet::new();
    for number in 0..4 {
        let name = format!("statefulset.many-{number}");
        let planned = |object: &Value| object["status"]["nextBackupTime"].is_string();
        let found = space.until("Repository", &name, "says when it is due", planned).await?;
        let next = found["status"]["nextBackupTime"].as_str().unwrap_or_default();
        let next: Timestamp = next.parse().with_context(|| format!("{name} is due at {next}"))?;
        // The tick is a whole minute.
        ensure!(next.to_string().contains("-01-01T03:3"), "{name} is due at {next}");
        moments.insert(next);
    }
    ensure!(moments.len() > 1, "all are due at {moments:?}");
    space.delete_and_wait("Restic", "many").await?;
    space.delete_and_wait("StatefulSet", "many").await
}

/// Cuts a byte off every file of data.
fn damage(folder: &std::path::Path) -> Result<()> {
    let mut cut = 0;
    for entry in std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        for file in std::fs::read_dir(entry?.path())? {
            let file = std::fs::OpenOptions::new().write(true).open(file?.path())?;
            file.set_len(file.metadata()?.len().saturating_sub(1))?;
            cut += 1;
        }
    }
    ensure!(cut > 0, "{} holds no data", folder.display());
    Ok(())
}

/// An edit that passed while nobody judged it changes nothing, and is told of.
#[tokio::test(flavor = "multi_thread")]
async fn sidecar_keeps_last_valid_restic() -> Result<()> {
    alone_with_operator(&[], async |space, operator| {
        space.prepare().await?;
        space.put_restic(workload::restic("web", "web", "online", "@every 5s")).await?;
        space.put(workload::workload("Deployment", "web", 1)).await?;
        space.backed_up("deployment.web", 1).await?;
        operator.scale(0).await?;
        operator.remove_webhooks().await?;
        space.change("Restic", "web", json!({ "spec": { "schedule": "61 25 * * *" } })).await?;
        let note = space.event("Restic", "web", "InvalidRestic").await?;
        ensure!(note.contains("schedule") && note.contains("stays in force"), "{note}");
        let count = count(space).await?;
        space.backed_up("deployment.web", count + 2).await?;
        Ok(())
    })
    .await
}

/// Without its Secret nothing can be backed up; that is said, and mends itself when the Secret is there.
#[tokio::test(flavor = "multi_thread")]
async fn sidecar_waits_for_secret() -> Result<()> {
    with_operator(async |space, operator| {
        space.prepare().await?;
        space.delete_and_wait("Secret", workload::SECRET).await?;
        space.put_restic(workload::restic("web", "web", "online", "@every 5s")).await?;
        space.put(workload::workload("Deployment", "web", 1)).await?;
        let failed = |object: &Value| object["status"]["lastResult"] == "Failed";
        let found = space.until("Repository", "deployment.web", "says that it failed", failed).await?;
        let error = found["status"]["lastError"].as_str().unwrap_or_default();
        ensure!(error.contains(workload::SECRET), "{error}");
        let own = format!("namespace=\"{}\"", space.name);
        let line = operator.shows("restic_session_success", &[&own]).await?;
        ensure!(line.ends_with(" 0"), "{line}");
        space.storage_secret().await?;
        space.backed_up("deployment.web", 1).await?;
        Ok(())
    })
    .await
}

/// One of several pods that share a repository acts; who loses the Lease stops, and stands again.
#[tokio::test(flavor = "multi_thread")]
async fn sidecar_yields_to_holder_of_lease() -> Result<()> {
    const LEASE: &str = "lock-deployment-web";
    with_operator(async |space, _| {
        space.prepare().await?;
        space.put_restic(workload::restic("web", "web", "online", "@every 5s")).await?;
        space.put(workload::workload("Deployment", "web", 2)).await?;
        let names: Vec<String> = space
            .pods_ready("web", 2)
            .await?
            .iter()
            .filter_map(|pod| pod["metadata"]["name"].as_str().map(str::to_owned))
            .collect();
        space.backed_up("deployment.web", 1).await?;
        let holder = |lease: &Value| lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned();
        let first = holder(&space.read("Lease", LEASE).await?);
        ensure!(names.contains(&first), "{first} holds the Lease of {names:?}");

        let now = Timestamp::now();
        let stolen = json!({ "spec": {
            "holderIdentity": "somebody-else", "leaseDurationSeconds": 20,
            "renewTime": format!("{now:.6}"), "acquireTime": format!("{now:.6}"),
        }});
        space.change("Lease", LEASE, stolen).await?;
        wait::until_it_works(&format!("{first} to stop its schedule"), wait::PATIENCE, async || {
            let log = e2e::process::output(space.cluster.command("kubectl").args([
                "--namespace",
                &space.name,
                "logs",
                &first,
                "--container",
                workload::CONTAINER,
            ]))?;
            ensure!(log.contains("the schedule has stopped"), "it says {log}");
            Ok(())
        })
        .await?;
        // Whoever took it does not renew it, so one of the two has it again, and goes on.
        let is_back = |lease: &Value| names.contains(&holder(lease));
        space.until("Lease", LEASE, "is held by a pod again", is_back).await?;
        let count = count(space).await?;
        space.backed_up("deployment.web", count + 1).await?;
        space.change("Restic", "web", json!({ "spec": { "paused": true } })).await?;
        space.restic_checks(&workload::folder("Deployment", "web", "")).await
    })
    .await
}

async fn count(space: &Namespace) -> Result<i64> {
    let repository = space.read("Repository", "deployment.web").await?;
    Ok(repository["status"]["backupCount"].as_i64().unwrap_or_default())
}
