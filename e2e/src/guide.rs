//! What the guides have their readers apply, made fit for a test: its own namespaces, the tests' images, no patience.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::image;
use crate::namespace::Namespace;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/monitoring");
/// Where the guides have Prometheus, and Stash.
const PROMETHEUS: &str = "monitoring";
const STASH: &str = "kube-system";

/// Objects of a guide, in the cluster until [`Applied::remove`].
pub struct Applied<'a> {
    space: &'a Namespace,
    text: String,
}

impl<'a> Applied<'a> {
    /// Applies a file of `docs/examples/monitoring` with `space` as the namespace of Prometheus and `stash` as that of
    /// Stash.
    pub async fn file(space: &'a Namespace, name: &str, stash: &str) -> Result<Self> {
        let path = Path::new(FOLDER).join(name);
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let applied = Self { space, text: fit(&text, &space.name, stash)? };
        applied.kubectl("apply").await?;
        Ok(applied)
    }

    /// Takes away what it brought, also outside of the namespace.
    pub async fn remove(self) -> Result<()> {
        self.kubectl("delete").await
    }

    async fn kubectl(&self, verb: &str) -> Result<()> {
        let mut command = self.space.cluster.command("kubectl");
        command.args([verb, "--filename", "-"]);
        if verb == "delete" {
            command.args(["--ignore-not-found", "--wait=false"]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let text = self.text.clone();
        let output = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().context("kubectl comes with `cargo xtask e2e`")?;
            let mut input = child.stdin.take().context("it takes no input")?;
            input.write_all(text.as_bytes())?;
            drop(input);
            child.wait_with_output().context("waiting for kubectl")
        })
        .await??;
        ensure!(output.status.success(), "kubectl says: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}

/// Each of these has to be in the text, or it would not be the guide's that is tested.
fn fit(text: &str, prometheus: &str, stash: &str) -> Result<String> {
    let mut text = text.to_owned();
    for (from, to) in [(format!("namespace: {PROMETHEUS}\n"), format!("namespace: {prometheus}\n"))] {
        ensure!(text.contains(&from), "it does not say {from:?}");
        text = text.replace(&from, &to);
    }
    Ok(text
        .replace(&format!(".{STASH}.svc"), &format!(".{stash}.svc"))
        .replace("image: prom/prometheus:v3.5.0", &format!("image: {}", image::PROMETHEUS))
        .replace("scrape_interval: 30s", "scrape_interval: 2s")
        .replace("scrape_timeout: 10s", "scrape_timeout: 2s")
        // Of an object of the Prometheus operator.
        .replace("  replicas: 1\n  serviceAccountName", &format!("  image: {}\n  version: v3.5.3\n  scrapeInterval: 2s\n  scrapeTimeout: 2s\n  replicas: 1\n  serviceAccountName", image::PROMETHEUS)))
}
