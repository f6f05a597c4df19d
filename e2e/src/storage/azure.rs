//! Azure Blob Storage, by Azurite.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::storage::{Setup, Storage};

const ACCOUNT: &str = "stashtest";

/// `stash-test-secret` in base64, as keys of Azure are.
const KEY: &str = "c3Rhc2gtdGVzdC1zZWNyZXQ=";

/// Starts it. The account is the first part of the path, since an address of numbers has no subdomains.
pub async fn start() -> Result<Storage> {
    let mut setup = Setup::new()?;
    let data = setup.sub_folder("data")?;
    let address = setup.place.free()?;
    let process = setup.start("azurite-blob", |command| {
        command.args(["--blobHost", &address.ip().to_string(), "--blobPort", &address.port().to_string()]);
        command.arg("--location").arg(data);
        command.args(["--silent", "--skipApiVersionCheck", "--disableTelemetry"]);
        command.env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{KEY}"));
    })?;
    process.listens(address).await?;
    let endpoint = format!("http://{address}/{ACCOUNT}");
    let remote = [("type", "azureblob"), ("account", ACCOUNT), ("key", KEY), ("endpoint", endpoint.as_str())];
    let storage = Storage {
        secret: BTreeMap::from([
            ("AZURE_ACCOUNT_NAME", ACCOUNT.to_owned()),
            ("AZURE_ACCOUNT_KEY", KEY.to_owned()),
        ]),
        // restic reaches only accounts that have a name of their own, so it goes through rclone.
        clients: BTreeMap::from([
            ("RCLONE_CONFIG", "/dev/null".to_owned()),
            ("RCLONE_CONFIG_KIT_TYPE", "azureblob".to_owned()),
            ("RCLONE_CONFIG_KIT_ACCOUNT", ACCOUNT.to_owned()),
            ("RCLONE_CONFIG_KIT_KEY", KEY.to_owned()),
            ("RCLONE_CONFIG_KIT_ENDPOINT", endpoint.clone()),
        ]),
        restic: format!("rclone:kit:{}", crate::storage::BUCKET),
        endpoint: endpoint.clone(),
        processes: setup.processes,
        folder: setup.folder,
    };
    storage.with_bucket(&remote).await
}
