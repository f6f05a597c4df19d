//! Storage servers, each started for one test: the real program, or the one that its users test with.
//!
//! They listen in the node's network, where pods and this machine reach them, or on the loopback address, and end with
//! the test. `docs/contributing/testing.md` says which program stands for which storage.

mod azure;
mod b2;
mod gcs;
mod rest;
mod s3;
mod swift;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::place::Place;
use crate::process::{Process, output};
use crate::wait;

pub use self::azure::start as azure;
pub use self::b2::start as b2;
pub use self::gcs::start as gcs;
pub use self::rest::start as rest;
pub use self::s3::start as s3;
pub use self::swift::start as swift;

/// The bucket, or container, that is there from the start.
pub const BUCKET: &str = "stash-test";

/// A running server with an empty bucket.
#[derive(Debug)]
pub struct Storage {
    /// Where clients reach it, without a path: `http://10.200.0.2:20000`.
    pub endpoint: String,
    /// What a storage Secret holds to open it, the password of the repository apart.
    pub secret: BTreeMap<&'static str, String>,
    /// What restic and rclone need to know beside that, since they look elsewhere by default.
    clients: BTreeMap<&'static str, String>,
    /// How restic names a repository in it, up to the path.
    restic: String,
    // The programs end before their folder goes: fields are dropped in this order.
    processes: Vec<Process>,
    folder: TempDir,
}

/// A server while it is being started.
struct Setup {
    place: Place,
    folder: TempDir,
    processes: Vec<Process>,
}

impl Setup {
    fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("stash-storage-").tempdir()?;
        Ok(Self { place: Place::chosen()?, folder, processes: Vec::new() })
    }

    fn start(&mut self, program: &str, prepare: impl FnOnce(&mut Command)) -> Result<&mut Process> {
        let process = Process::start(&self.place, program, self.folder.path(), prepare)
            .with_context(|| format!("{program} comes with `cargo xtask e2e`"))?;
        self.processes.push(process);
        self.processes.last_mut().context("a process was just started")
    }

    /// A folder below that of the server, and a file in it.
    fn sub_folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(path)
    }

    fn file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }
}

impl Storage {
    /// How restic names the repository at this path of the bucket.
    pub fn repository(&self, path: &str) -> String {
        format!("{}/{path}", self.restic)
    }

    /// restic at the repository of this path, with all it needs to know but the password.
    pub fn restic(&self, restic: &Path, path: &str) -> Command {
        let mut command = Command::new(restic);
        command.env("RESTIC_REPOSITORY", self.repository(path)).envs(&self.secret).envs(&self.clients);
        command
    }

    /// What each program said last, for error messages.
    pub fn tail(&self) -> String {
        let tails: Vec<String> = self.processes.iter().map(Process::tail).collect();
        format!("{} in {}", tails.join("\n"), self.folder.path().display())
    }

    /// Makes the bucket, again and again until it works: a server that listens is not yet one that stores. rclone does
    /// it, since it speaks to all of them; `remote` is its description of the server.
    async fn with_bucket(self, remote: &[(&str, &str)]) -> Result<Self> {
        wait::until_it_works("the storage server to make a bucket", wait::PATIENCE, async || {
            let mut command = Command::new("rclone");
            command
                .args(["mkdir", "--retries", "1", "--low-level-retries", "1"])
                .arg(format!("kit:{BUCKET}"));
            // No configuration of whoever runs the tests.
            command.env("RCLONE_CONFIG", "/dev/null");
            for (name, value) in remote {
                command.env(format!("RCLONE_CONFIG_KIT_{}", name.to_uppercase()), value);
            }
            tokio::task::spawn_blocking(move || output(&mut command)).await?
        })
        .await
        .with_context(|| self.tail())?;
        Ok(self)
    }
}
