//! restic's own protocol, by rclone.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::storage::{Setup, Storage};

const USER: &str = "stash-test";
const PASSWORD: &str = "stash-test-secret";

/// Starts it. A repository is a path; there are no buckets.
pub async fn start() -> Result<Storage> {
    let mut setup = Setup::new()?;
    let data = setup.sub_folder("data")?;
    let address = setup.place.free()?;
    let process = setup.start("rclone", |command| {
        command.args(["serve", "restic", "--addr", &address.to_string()]).arg(data);
        command.env("RCLONE_CONFIG", "/dev/null").env("RCLONE_USER", USER).env("RCLONE_PASS", PASSWORD);
    })?;
    process.listens(address).await?;
    Ok(Storage {
        endpoint: format!("http://{address}"),
        secret: BTreeMap::from([
            ("REST_SERVER_USERNAME", USER.to_owned()),
            ("REST_SERVER_PASSWORD", PASSWORD.to_owned()),
        ]),
        clients: BTreeMap::from([
            ("RESTIC_REST_USERNAME", USER.to_owned()),
            ("RESTIC_REST_PASSWORD", PASSWORD.to_owned()),
        ]),
        restic: format!("rest:http://{address}/{}", crate::storage::BUCKET),
        processes: setup.processes,
        folder: setup.folder,
    })
}
