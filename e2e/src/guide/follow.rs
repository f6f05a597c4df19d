//! A guide of backups, followed word for word by a shell in the namespace of a test.

use anyhow::{Context, Result};

use super::{blocks, read, script};
use crate::image;
use crate::namespace::Namespace;
use crate::operator::Operator;
use crate::process::output;

/// The namespace in which the guides of backups are followed, the image of their application, how often it is backed up.
const FOLLOWED: &str = "shop";
const IMAGE: &str = "image: busybox:1.37";
const SCHEDULE: &str = "@every 1m";
/// Longer than all waiting in a guide that goes well.
const PATIENCE: &str = "1200";

/// Follows guides of `docs/guides`, one after the other: every block that has no excuse, each guide in a shell of its own, all
/// in one folder.
pub async fn follow(space: &Namespace, operator: &Operator, guides: &[&str]) -> Result<()> {
    let image = format!("image: {}", image::SHELL);
    let stash = format!("--namespace {}", operator.namespace());
    let words = [
        (FOLLOWED, space.name.as_str()),
        (IMAGE, image.as_str()),
        (SCHEDULE, "@every 10s"),
        ("--namespace stash", stash.as_str()),
    ];
    let folder = tempfile::tempdir()?;
    for guide in guides {
        let text = read(&format!("docs/guides/{guide}"))?;
        let file = folder.path().join(format!("{guide}.sh"));
        std::fs::write(&file, script::script(&blocks::blocks(&text), &words))
            .with_context(|| format!("writing {}", file.display()))?;
        let mut command = space.cluster.command("timeout");
        command.args([PATIENCE, "sh"]).arg(&file).current_dir(folder.path());
        tokio::task::spawn_blocking(move || output(&mut command))
            .await?
            .with_context(|| format!("following docs/guides/{guide}"))?;
    }
    Ok(())
}
