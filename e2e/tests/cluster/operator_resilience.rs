//! What goes wrong in real clusters: a control plane that does not answer, pods that die, two operators, rights that
//! are missing.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use e2e::faults::{self, Component};
use e2e::operator::NAME;
use e2e::workload::{self, DATA, injected};
use e2e::{alone_with_operator, wait, with_operator};
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

/// How long the API server answers nothing: longer than a Lease lasts, than a token is renewed, than a client waits.
const OUTAGE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn freeze_apiserver_during_backups() -> Result<()> {
    alone_with_operator(&[], async |space, operator| {
        space.prepare().await?;
        space.put_restic(workload::restic("web", "web", "online", "@every 10s")).await?;
        space.put(workload::workload("Deployment", "web", 1)).await?;
        space.put_restic(workload::restic("set", "set", "online", "@every 10s")).await?;
        space.put(workload::workload("StatefulSet", "set", 1)).await?;
        space.backed_up("deployment.web", 1).await?;
        space.backed_up("statefulset.set-0", 1).await?;

        // Snapshots are files of this machine, so they are seen while nobody can be asked.
        let repositories = space.volume_folder(workload::REPOSITORY)?;
        let made = |kind, name| -> Result<usize> {
            Ok(std::fs::read_dir(repositories.join(workload::folder(kind, name, "")).join("snapshots"))?
                .count())
        };
        let one_more = async |kind, name| {
            let before = made(kind, name)?;
            let what = format!("one more backup of the {kind} without a control plane");
            let grown = async || Ok((made(kind, name)? > before).then_some(()));
            wait::until(&what, wait::PATIENCE, grown).await
        };
        let set = space.pods_ready("set", 1).await?.remove(0);
        let (start, fault) = (Instant::now(), faults::freeze(&space.cluster, Component::KubeApiserver)?);
        // The outage is what is tested, and its length is its only property. Backups are due all along.
        while start.elapsed() < OUTAGE {
            one_more("Deployment", "web").await?;
            one_more("StatefulSet", "set").await?;
        }
        // One that is started anew now can ask nobody what to back up, and remembers it.
        faults::kill_container(&space.cluster, &set, workload::CONTAINER)?;
        for _ in 0..2 {
            one_more("StatefulSet", "set").await?;
        }
        one_more("Deployment", "web").await?;
        fault.heal()?;
        for kind in [("Deployment", "web"), ("StatefulSet", "set")] {
            space.restic_checks(&workload::folder(kind.0, kind.1, "")).await?;
        }
        // What could not be told then is told now.
        let repository = space.read("Repository", "deployment.web").await?;
        let count = repository["status"]["backupCount"].as_i64().unwrap_or_default();
        space.backed_up("deployment.web", count + 1).await?;
        operator.rolled_out().await?;
        let deployment = space.read("Deployment", "web").await?;
        ensure!(injected(&deployment).is_some(), "the sidecar is gone");
        for pod in space.pods_of("web").await? {
            let statuses = pod["status"]["containerStatuses"].as_array().cloned().unwrap_or_default();
            let restarts: Vec<&Value> = statuses.iter().map(|status| &status["restartCount"]).collect();
            ensure!(restarts.iter().all(|count| **count == 0), "containers were restarted: {restarts:?}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_backed_up_pod_mid_backup() -> Result<()> {
    with_operator(async |space, _| {
        space.prepare().await?;
        space.shell("head -c 200000000 /dev/urandom > /data/tree/large", &[(DATA, "/data")]).await?;
        let mut restic = workload::restic("web", "web", "online", "@every 2s");
        // So little of a processor that the first session is far from its end when the pod goes.
        restic["spec"]["resources"] = json!({ "limits": { "cpu": "100m", "memory": "512Mi" } });
        space.put_restic(restic).await?;
        space.put(workload::workload("Deployment", "web", 1)).await?;
        let pod = space.pods_ready("web", 1).await?.remove(0);
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let folder = workload::folder("Deployment", "web", "");
        // The repository is there, so the session has begun.
        let begun = format!("/repository/{folder}/config");
        let script = format!("until test -e {begun}; do sleep 0.2; done");
        space.shell(&script, &[(workload::REPOSITORY, "/repository")]).await?;
        space.kill_pod(name).await?;
        let left = space.restic_at(&folder, &["snapshots", "--json"]).await?;
        ensure!(left.trim().ends_with("[]"), "the session had ended before the pod was killed: {left}");
        space.restic_checks(&folder).await?;

        // The next pod has no need to know.
        space
            .change("Restic", "web", json!({ "spec": { "resources": { "limits": { "cpu": "2" } } } }))
            .await?;
        space.backed_up("deployment.web", 1).await?;
        space.change("Restic", "web", json!({ "spec": { "paused": true } })).await?;
        space.restic_checks(&folder).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn run_two_operators() -> Result<()> {
    alone_with_operator(&[], async |space, operator| {
        space.storage_secret().await?;
        operator.scale(2).await?;
        let first = operator.leader().await?;
        space.put_restic(workload::restic("web", "web", "online", "@every 1h")).await?;
        let generation = |object: &Value| object["metadata"]["generation"].clone();
        let made = space.put(workload::workload("Deployment", "web", 0)).await?;
        let found = space.is_injected("Deployment", "web", false).await?;
        ensure!(generation(&found).as_i64() <= Some(2), "two operators wrote: {made} became {found}");
        assert_eq!(operator.leader().await?, first, "nobody took the Lease away");

        operator.kill_pod(&first).await?;
        let second = wait::until("another to lead", e2e::operator::SUCCESSION, async || {
            let leader = operator.leader().await?;
            Ok((leader != first).then_some(leader))
        })
        .await?;
        ensure!(second != first, "{first} leads for ever");
        // It acts: this is the controller's, never the webhook's.
        space.change("Restic", "web", json!({ "spec": { "type": "offline" } })).await?;
        space.is_injected("Deployment", "web", true).await?;
        space.until("CronJob", "stash-scaledown-cron-web", "is there", |_| true).await?;
        Ok(())
    })
    .await
}

/// Without a right the operator says which, waits, and goes on when it has it.
#[tokio::test(flavor = "multi_thread")]
async fn run_operator_without_rights() -> Result<()> {
    alone_with_operator(&[], async |space, operator| {
        space.storage_secret().await?;
        let roles: Api<ClusterRole> = Api::all(space.cluster.client.clone());
        let whole = roles.get(NAME).await?;
        let rules: Vec<_> = whole.rules.iter().flatten().cloned().collect();
        let is_about = |rule: &k8s_openapi::api::rbac::v1::PolicyRule, resource: &str| {
            rule.resources.iter().flatten().any(|known| known == resource)
        };
        let kept: Vec<_> = rules.iter().filter(|rule| !is_about(rule, "deployments")).collect();
        ensure!(kept.len() < rules.len(), "no rule is about Deployments");
        let manager = PatchParams::default();
        roles.patch(NAME, &manager, &Patch::Merge(json!({ "rules": kept }))).await?;
        operator.kill().await?;
        operator.says(&["Deployment", "may not", "ClusterRole"]).await?;
        assert_eq!(operator.restarts().await?, 0, "it ends itself for want of a right");

        roles.patch(NAME, &manager, &Patch::Merge(json!({ "rules": rules }))).await?;
        operator.rolled_out().await?;
        space.put_restic(workload::restic("web", "web", "online", "@every 1h")).await?;
        space.put(workload::workload("Deployment", "web", 0)).await?;
        space.is_injected("Deployment", "web", false).await?;
        Ok(())
    })
    .await
}
