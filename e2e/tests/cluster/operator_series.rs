//! Series live exactly as long as the object they describe, whatever is restarted.

use anyhow::{Result, ensure};
use e2e::workload;
use e2e::{Namespace, Operator, alone_with_operator, wait};
use k8s_openapi::api::core::v1;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::json;

/// The labels that a group of this namespace has.
fn own(space: &Namespace) -> String {
    format!("namespace=\"{}\"", space.name)
}

/// Waits until the gateway shows no line with all of `words`.
async fn forgets(operator: &Operator, words: &[&str]) -> Result<()> {
    wait::until_it_works(&format!("the gateway to forget {words:?}"), wait::PATIENCE, async || {
        let text = operator.metrics().await?;
        let left = text.lines().find(|line| words.iter().all(|word| line.contains(word)));
        ensure!(left.is_none(), "it shows {left:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_removes_series_of_what_is_gone() -> Result<()> {
    alone_with_operator(&[], async |space, operator| {
        space.prepare().await?;
        let own = own(space);
        let success = "restic_session_success";
        for app in ["web", "db", "old"] {
            space.put_restic(workload::restic(app, app, "online", "@every 5s")).await?;
            space.put(workload::workload("Deployment", app, 1)).await?;
        }
        for app in ["web", "db", "old"] {
            space.backed_up(&format!("deployment.{app}"), 1).await?;
            operator.shows(success, &[&own, &format!("app=\"{app}\"")]).await?;
        }
        space.put(workload::recovery("back", space, "deployment.web")).await?;
        space.recovered("back").await?;
        operator.shows(success, &[&own, "session=\"recovery\""]).await?;

        space.delete("Deployment", "old").await?;
        forgets(operator, &[&own, "app=\"old\""]).await?;
        space.delete("Restic", "db").await?;
        forgets(operator, &[&own, "app=\"db\""]).await?;
        space.delete("Recovery", "back").await?;
        forgets(operator, &[&own, "session=\"recovery\""]).await?;
        operator.shows(success, &[&own, "app=\"web\""]).await?;
        goes_with_its_namespace(space, operator).await?;

        // A paused Restic pushes no more, so what is there afterwards was kept, and not pushed anew.
        space.change("Restic", "web", json!({ "spec": { "paused": true } })).await?;
        operator.shows("restic_session_paused", &[&own, "app=\"web\""]).await?;
        let before = lines(operator, &own).await?;
        restart_container(operator, "pushgateway").await?;
        ensure!(lines(operator, &own).await? == before, "a restart of the gateway changed the series");

        // What went while nobody looked is found by who leads next; what is somebody else's stays.
        let group = format!(
            "job/{0}-gone/namespace/{0}/kind/Deployment/app/gone/stash_config/gone/repository/deployment.gone/session/backup",
            space.name
        );
        operator.push(&group, "gone 1\n").await?;
        operator.push("job/somebody/session/backup", "else 1\n").await?;
        restart_container(operator, "operator").await?;
        forgets(operator, &[&own, "app=\"gone\""]).await?;
        operator.shows("else", &["somebody"]).await?;
        operator.shows(success, &[&own, "app=\"web\""]).await?;
        space.delete("Repository", "deployment.web").await?;
        forgets(operator, &[&own]).await
    })
    .await
}

/// A namespace goes with all that is in it, pods that were backing up among it.
async fn goes_with_its_namespace(space: &Namespace, operator: &Operator) -> Result<()> {
    space
        .beside(async |gone| {
            gone.prepare().await?;
            gone.put_restic(workload::restic("web", "web", "online", "@every 5s")).await?;
            gone.put(workload::workload("Deployment", "web", 1)).await?;
            gone.backed_up("deployment.web", 1).await?;
            operator.shows("restic_session_success", &[&own(gone)]).await?;
            let api: Api<v1::Namespace> = Api::all(gone.cluster.client.clone());
            api.delete(&gone.name, &DeleteParams::default()).await?;
            forgets(operator, &[&own(gone)]).await
        })
        .await
}

/// What the gateway shows of a namespace.
async fn lines(operator: &Operator, own: &str) -> Result<Vec<String>> {
    let text = operator.metrics().await?;
    Ok(text.lines().filter(|line| line.contains(own)).map(str::to_owned).collect())
}

/// Ends a container of the operator's pod and waits until both serve again.
async fn restart_container(operator: &Operator, container: &str) -> Result<()> {
    let pod = operator.pods().await?.remove(0);
    let before = operator.restarts().await?;
    e2e::faults::end_container(&operator.cluster, &serde_json::to_value(pod)?, container)?;
    wait::until_it_works(&format!("{container} to be back"), wait::PATIENCE, async || {
        ensure!(operator.restarts().await? > before, "it was not restarted yet");
        operator.metrics().await.map(drop)
    })
    .await?;
    operator.rolled_out().await
}
