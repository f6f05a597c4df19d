//! What the guides have their readers apply, made fit for a test: its own namespaces, the tests' images, no patience.

pub mod blocks;
pub mod follow;
pub mod kept;
pub mod script;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use crate::image;
use crate::namespace::Namespace;
use crate::process::{fed, output};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Where the guides have Prometheus, and Stash.
const PROMETHEUS: &str = "monitoring";
const STASH: &str = "kube-system";

/// Objects of a guide, in the cluster until [`Applied::remove`].
pub struct Applied<'a> {
    space: &'a Namespace,
    text: String,
}

impl<'a> Applied<'a> {
    /// Applies files of `docs/examples/monitoring` with `space` as the namespace of Prometheus.
    pub async fn files(space: &'a Namespace, names: &[&str]) -> Result<Self> {
        let mut all = Vec::new();
        for name in names {
            all.push(fit(&read(&format!("docs/examples/monitoring/{name}"))?, &space.name)?);
        }
        let applied = Self { space, text: all.join("\n---\n") };
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
        let text = self.text.clone();
        tokio::task::spawn_blocking(move || fed(&mut command, &text)).await?
    }
}

/// `kubectl apply` of a file of ours as it is, in this namespace, with which it goes.
pub async fn apply(space: &Namespace, file: &str) -> Result<()> {
    let mut command = space.cluster.command("kubectl");
    command.args(["apply", "--namespace", &space.name, "--filename"]).arg(Path::new(ROOT).join(file));
    tokio::task::spawn_blocking(move || output(&mut command)).await?.map(drop)
}

/// Makes the ConfigMap `name` of a file of ours, as `kubectl create configmap --from-file` does. Stash is in the
/// namespace `stash`.
pub async fn configure(space: &Namespace, name: &str, file: &str, stash: &str) -> Result<()> {
    let path = Path::new(file);
    let key = path.file_name().context("a file has a name")?.to_string_lossy();
    let text = read(file)?
        .replace(&format!(".{STASH}.svc"), &format!(".{stash}.svc"))
        .replace("_interval: 30s", "_interval: 2s")
        .replace("scrape_timeout: 10s", "scrape_timeout: 2s");
    space.create::<ConfigMap>(json!({ "metadata": { "name": name }, "data": { key: text } })).await.map(drop)
}

fn read(file: &str) -> Result<String> {
    let path = Path::new(ROOT).join(file);
    std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
}

/// An object as it is in the guide, with another namespace and image, and a Prometheus of the Prometheus operator that
/// is told its version, which it would have read from the tag of the image, and has less patience.
fn fit(text: &str, namespace: &str) -> Result<String> {
    let from = format!("namespace: {PROMETHEUS}\n");
    ensure!(text.contains(&from), "it does not say {from:?}");
    let managed = format!(
        "spec:\n  image: {}\n  version: v3.5.3\n  scrapeInterval: 2s\n  scrapeTimeout: 2s\n  evaluationInterval: 2s\n  replicas: 1\n  serviceAccountName",
        image::PROMETHEUS
    );
    Ok(text
        .replace(&from, &format!("namespace: {namespace}\n"))
        .replace("image: prom/prometheus:v3.5.0", &format!("image: {}", image::PROMETHEUS))
        .replace("spec:\n  replicas: 1\n  serviceAccountName", &managed))
}
