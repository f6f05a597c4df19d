//! The guides of backups, followed word for word: their files are applied, their commands run, and each says when it failed.

use anyhow::Result;
use e2e::guide::follow::follow;
use e2e::with_operator;

/// The volumes of the guides' applications, which a cluster with a storage class would make by itself.
const BACKUPS: &str = "backups";

#[tokio::test(flavor = "multi_thread")]
async fn follow_guides_of_backup_and_restore() -> Result<()> {
    with_operator(async |space, operator| {
        space.volume("data").await?;
        space.volume(BACKUPS).await?;
        follow(space, operator, &["backup.md", "restore.md", "offline-backup.md"]).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn follow_guide_of_workloads() -> Result<()> {
    with_operator(async |space, operator| {
        for claim in ["data-db-0", "data-db-1", BACKUPS] {
            space.volume(claim).await?;
        }
        follow(space, operator, &["workloads.md"]).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn follow_guides_of_cluster_backends_and_rights() -> Result<()> {
    with_operator(async |space, operator| {
        follow(space, operator, &["cluster.md", "backends.md", "rbac.md"]).await
    })
    .await
}
