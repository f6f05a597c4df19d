//! Each fault of the control plane and of the node does what it says, and heals. They run alone.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::faults::{self, Component};
use e2e::{Cluster, Namespace, alone_in_namespace, pod, wait};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::ResourceExt;
use serde_json::json;
use tokio::time::timeout;

/// Longer than a healthy cluster takes for a small request on a busy machine.
const ANSWER: Duration = Duration::from_secs(20);

/// A write goes through the apiserver into etcd, so it needs both.
async fn write(space: &Namespace) -> Result<()> {
    let object = json!({ "metadata": { "generateName": "written-" } });
    timeout(ANSWER, space.create::<ConfigMap>(object)).await??;
    Ok(())
}

async fn writes_again(space: &Namespace) -> Result<()> {
    wait::until_it_works("the control plane to take a write", wait::PATIENCE, async || write(space).await)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_apiserver() -> Result<()> {
    broken_by(Component::KubeApiserver, faults::kill, |error| {
        ensure!(!error.is::<tokio::time::error::Elapsed>(), "a dead apiserver refuses at once: {error:#}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn freeze_apiserver() -> Result<()> {
    broken_by(Component::KubeApiserver, faults::freeze, |error| {
        ensure!(error.is::<tokio::time::error::Elapsed>(), "a frozen apiserver answers nothing: {error:#}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_etcd() -> Result<()> {
    broken_by(Component::Etcd, faults::kill, |_| Ok(())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn freeze_etcd() -> Result<()> {
    broken_by(Component::Etcd, faults::freeze, |_| Ok(())).await
}

/// While the component is broken no write succeeds, and the failure is of the expected kind; healed, one does, and what
/// was written before is still there.
async fn broken_by(
    component: Component,
    verb: fn(&Cluster, Component) -> Result<faults::Fault>,
    expect: impl Fn(anyhow::Error) -> Result<()>,
) -> Result<()> {
    alone_in_namespace(async |space| {
        let kept = space.create::<ConfigMap>(json!({ "metadata": { "name": "kept" } })).await?;
        write(space).await?;
        let fault = verb(&space.cluster, component)?;
        match write(space).await {
            Ok(()) => anyhow::bail!("a write succeeds without {component:?}"),
            Err(error) => expect(error)?,
        }
        fault.heal()?;
        writes_again(space).await?;
        assert_eq!(space.api::<ConfigMap>().get("kept").await?.uid(), kept.uid());
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_containerd() -> Result<()> {
    alone_in_namespace(async |space| {
        space.create::<Pod>(pod::script("before", "echo started; exec sleep 86400", &[])).await?;
        space.pod_says("before", "started").await?;
        faults::restart(&space.cluster, Component::Containerd)?;
        // New pods start, and those that ran were not touched.
        space.create::<Pod>(pod::script("after", "echo started", &[])).await?;
        space.pod_succeeded("after").await?;
        let before = space.pod_ready("before").await?;
        let restarts = before.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
        assert_eq!(restarts.map(|status| status.restart_count).sum::<i32>(), 0);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn refuse_foreign_cluster() -> Result<()> {
    let Some(mut cluster) = Cluster::connect().await.ok() else {
        anyhow::bail!("this test needs a cluster too; run `cargo xtask e2e`");
    };
    // As if somebody had named it.
    cluster.disown();
    for verb in [faults::kill, faults::freeze] {
        let refusal = match verb(&cluster, Component::Etcd) {
            Ok(_) => anyhow::bail!("somebody else's cluster was broken"),
            Err(error) => error.to_string(),
        };
        assert!(refusal.contains("cargo xtask cluster up"), "{refusal}");
    }
    assert!(faults::restart(&cluster, Component::Containerd).is_err());
    Ok(())
}
