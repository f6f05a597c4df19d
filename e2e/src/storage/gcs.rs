//! Google Cloud Storage, by fake-gcs-server.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::storage::{Setup, Storage};

/// Starts it. It lets everybody in, so the Secret is empty.
pub async fn start() -> Result<Storage> {
    let mut setup = Setup::new()?;
    let address = setup.place.free()?;
    let endpoint = format!("http://{address}");
    let process = setup.start("fake-gcs-server", |command| {
        command.args(["-scheme", "http", "-backend", "memory", "-host", &address.ip().to_string()]);
        command.args(["-port", &address.port().to_string(), "-public-host", &address.to_string()]);
        command.args(["-external-url", &endpoint]);
    })?;
    process.listens(address).await?;
    let api = format!("{endpoint}/storage/v1/");
    let remote = [
        ("type", "google cloud storage"),
        ("endpoint", api.as_str()),
        ("anonymous", "true"),
        ("project_number", "test"),
    ];
    let storage = Storage {
        secret: BTreeMap::from([("GOOGLE_PROJECT_ID", "test".to_owned())]),
        clients: BTreeMap::from([
            // Both are restic's: the first moves every request, the second spares it from asking for a token.
            ("STORAGE_EMULATOR_HOST", address.to_string()),
            ("GOOGLE_ACCESS_TOKEN", "none".to_owned()),
        ]),
        restic: format!("gs:{}:", crate::storage::BUCKET),
        endpoint: endpoint.clone(),
        processes: setup.processes,
        folder: setup.folder,
    };
    storage.with_bucket(&remote).await
}
