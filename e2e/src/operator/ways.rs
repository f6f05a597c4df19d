//! The other two ways to install it: the script and the chart, as their users call them, with the tests' image.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use futures_util::FutureExt as _;

use super::{NAME, NAMESPACE, Operator};
use crate::image;
use crate::namespace::{Namespace, alone_in_namespace};
use crate::process::output;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Runs a test that has the cluster for itself and installs the operator, in its namespace, which is not that of the test.
/// At the end nothing is left, whether or not the test has uninstalled it.
pub async fn alone_to_install(test: impl AsyncFnOnce(&Namespace, &Operator) -> Result<()>) -> Result<()> {
    alone_in_namespace(async |space| {
        let operator = Operator { cluster: space.cluster.clone() };
        operator.make_namespace().await?;
        let outcome = AssertUnwindSafe(test(space, &operator)).catch_unwind().await;
        if !matches!(outcome, Ok(Ok(()))) {
            operator.tell().await;
        }
        let removed = operator.remove().await;
        match outcome {
            Ok(outcome) => outcome.and(removed),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
    .await
}

impl Operator {
    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &'static str {
        NAMESPACE
    }

    /// Runs `deploy/stash.sh` with these flags, and returns what it printed. To install is to wait until it is ready.
    pub async fn script(&self, flags: &[&str]) -> Result<String> {
        self.script_in(Path::new("."), flags).await
    }

    /// The same in a folder, where it may write files.
    pub async fn script_in(&self, folder: &Path, flags: &[&str]) -> Result<String> {
        let mut command = self.cluster.command("sh");
        command.arg(Path::new(ROOT).join("deploy/stash.sh")).args(installed()?);
        command.args(flags).current_dir(folder);
        run(command).await.context("deploy/stash.sh")
    }

    /// Runs `stash install` with these flags, and returns what it printed.
    pub async fn command(&self, flags: &[&str]) -> Result<String> {
        let mut command = self.cluster.command(&image::program()?.to_string_lossy());
        command.arg("install").args(installed()?).args(flags);
        run(command).await.context("stash install")
    }

    /// Runs helm for the release `stash-operator`: `install` or `upgrade` of the chart with these arguments, or `uninstall`.
    pub async fn chart(&self, verb: &str, arguments: &[&str]) -> Result<String> {
        let mut command = self.cluster.command("helm");
        command.args([verb, NAME, "--namespace", NAMESPACE]);
        if verb != "uninstall" {
            let (registry, tag) =
                image::STASH.split_once("/stash:").context("our image is called otherwise")?;
            command.arg(Path::new(ROOT).join("charts/stash"));
            for value in [format!("operator.registry={registry}"), format!("operator.tag={tag}")] {
                command.args(["--set".to_owned(), value]);
            }
        }
        command.args(arguments);
        run(command).await.context("helm")
    }
}

/// The flags that say what is installed, and where.
fn installed() -> Result<[String; 3]> {
    let (registry, tag) = image::STASH.split_once("/stash:").context("our image is called otherwise")?;
    Ok([
        format!("--namespace={NAMESPACE}"),
        format!("--docker-registry={registry}"),
        format!("--image-tag={tag}"),
    ])
}

async fn run(mut command: Command) -> Result<String> {
    tokio::task::spawn_blocking(move || output(&mut command)).await?
}
