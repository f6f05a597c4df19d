//! Each storage server starts, and a restic that is not ours stores a file there and gets it back.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use e2e::process::output;
use e2e::storage::{self, Storage};

const CONTENT: &str = "what must not be lost";

#[tokio::test(flavor = "multi_thread")]
async fn serve_s3() -> Result<()> {
    round_trip(storage::s3().await?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_rest() -> Result<()> {
    round_trip(storage::rest().await?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_gcs() -> Result<()> {
    round_trip(storage::gcs().await?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_azure() -> Result<()> {
    round_trip(storage::azure().await?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_b2() -> Result<()> {
    round_trip(storage::b2().await?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_swift() -> Result<()> {
    round_trip(storage::swift().await?).await
}

/// A server that is stopped answers no more.
#[tokio::test(flavor = "multi_thread")]
async fn stop_server() -> Result<()> {
    let storage = storage::rest().await?;
    let address = storage.endpoint.trim_start_matches("http://").to_owned();
    ensure!(tokio::net::TcpStream::connect(&address).await.is_ok(), "it does not answer");
    drop(storage);
    ensure!(tokio::net::TcpStream::connect(&address).await.is_err(), "it still answers");
    Ok(())
}

async fn round_trip(storage: Storage) -> Result<()> {
    let restic = e2e::image::newer_restic()?;
    tokio::task::spawn_blocking(move || back_and_forth(&storage, &restic).with_context(|| storage.tail()))
        .await?
}

fn back_and_forth(storage: &Storage, restic: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let source = folder.path().join("source");
    std::fs::create_dir(&source)?;
    std::fs::write(source.join("file"), CONTENT)?;
    let run = |arguments: &[&str]| {
        let mut command = storage.restic(restic, "some/path");
        command.env("RESTIC_PASSWORD", "correct-horse").arg("--no-cache").args(arguments);
        command.current_dir(&source);
        output(&mut command)
    };
    run(&["init"])?;
    run(&["backup", "file"])?;
    run(&["check", "--read-data"])?;
    let restored = run(&["dump", "latest", "/file"])?;
    ensure!(restored == CONTENT, "got back {restored:?}");
    Ok(())
}
