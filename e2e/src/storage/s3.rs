//! S3, by SeaweedFS.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::storage::{Setup, Storage};

const KEY: &str = "stash-test";
const SECRET: &str = "stash-test-secret";

/// Starts it.
pub async fn start() -> Result<Storage> {
    let mut setup = Setup::new()?;
    let data = setup.sub_folder("data")?;
    let identities = setup.file(
        "s3.json",
        &format!(
            r#"{{"identities": [{{"name": "test",
                "credentials": [{{"accessKey": "{KEY}", "secretKey": "{SECRET}"}}],
                "actions": ["Admin", "Read", "Write", "List", "Tagging"]}}]}}"#
        ),
    )?;
    let place = setup.place.clone();
    let address = place.free()?;
    // Its parts speak to each other; each port is chosen, so that two servers can run at once.
    let mut ports = Vec::new();
    for part in [
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
    ] {
        ports.push(format!("-{part}={}", place.free()?.port()));
    }
    let grpc = place.free()?.port();
    let process = setup.start("weed", |command| {
        command
            .arg("server")
            .arg(format!("-ip={}", place.address()))
            .arg(format!("-ip.bind={}", place.address()))
            .arg(format!("-dir={}", data.display()))
            .args(ports)
            .args([
                "-s3",
                "-s3.iam=false",
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                "-master.telemetry=false",
            ])
            .arg(format!("-s3.port={}", address.port()))
            .arg(format!("-s3.port.grpc={grpc}"))
            .arg(format!("-s3.config={}", identities.display()))
            // A bucket takes several volumes of this size, which is the most that a test may write to one of them.
            .args(["-volume.max=300", "-master.volumeSizeLimitMB=64"]);
    })?;
    process.listens(address).await?;
    let endpoint = format!("http://{address}");
    let remote = [
        ("type", "s3"),
        ("provider", "SeaweedFS"),
        ("endpoint", endpoint.as_str()),
        ("access_key_id", KEY),
        ("secret_access_key", SECRET),
    ];
    let storage = Storage {
        secret: BTreeMap::from([
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ]),
        clients: BTreeMap::new(),
        restic: format!("s3:{endpoint}/{}", crate::storage::BUCKET),
        endpoint: endpoint.clone(),
        processes: setup.processes,
        folder: setup.folder,
    };
    storage.with_bucket(&remote).await
}
