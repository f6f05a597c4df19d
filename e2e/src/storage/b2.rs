//! Backblaze B2, by a server of our own: there is no other to be had.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::storage::{Setup, Storage};

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/servers/b2.py");

const ID: &str = "stash-test";
const KEY: &str = "stash-test-secret";

/// Starts it.
pub async fn start() -> Result<Storage> {
    let mut setup = Setup::new()?;
    let address = setup.place.free()?;
    let process = setup.start("python3", |command| {
        command.args([SERVER, &address.ip().to_string(), &address.port().to_string(), ID]).env("B2_KEY", KEY);
    })?;
    process.listens(address).await?;
    let endpoint = format!("http://{address}");
    let remote = [("type", "b2"), ("account", ID), ("key", KEY), ("endpoint", endpoint.as_str())];
    let storage = Storage {
        secret: BTreeMap::from([("B2_ACCOUNT_ID", ID.to_owned()), ("B2_ACCOUNT_KEY", KEY.to_owned())]),
        // restic knows B2 by its public name alone, so it goes through rclone.
        clients: BTreeMap::from([
            ("RCLONE_CONFIG", "/dev/null".to_owned()),
            ("RCLONE_CONFIG_KIT_TYPE", "b2".to_owned()),
            ("RCLONE_CONFIG_KIT_ACCOUNT", ID.to_owned()),
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
