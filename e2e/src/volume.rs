//! A volume for a test, with a claim to mount it by.
//!
//! On this machine's own cluster it is a folder of the host, so a test can look into it; nothing provides volumes there
//! by itself. Elsewhere the cluster's default storage class makes it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cluster::Cluster;
use crate::namespace::Namespace;
use crate::process::output;
use crate::wait;

/// A volume with so little space that it can be filled. Only the kit makes one, so nothing else is ever filled.
pub struct SmallVolume {
    /// Where its files are on this machine.
    pub(crate) folder: PathBuf,
}

/// One volume and what must go with it.
pub struct Volume {
    /// The volume is an object of the cluster, not of the namespace, so its name must say whose it is.
    name: String,
    folder: Option<Folder>,
}

struct Folder {
    folder: TempDir,
    /// Whether it is a file system of its own.
    is_mounted: bool,
}

impl Volume {
    pub(crate) async fn create(space: &Namespace, claim: &str, bytes: Option<u64>) -> Result<Self> {
        let name = format!("{}-{claim}", space.name);
        let mut spec = json!({
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "1Gi" } },
        });
        let mut folder = None;
        if space.cluster.is_own() {
            let made = Folder::create(bytes)?;
            persistent_volume(space, &name, claim, made.folder.path()).await?;
            spec["volumeName"] = Value::from(name.as_str());
            spec["storageClassName"] = Value::from("");
            folder = Some(made);
        } else {
            ensure!(
                bytes.is_none(),
                "a volume that can be filled is made only on this machine's own cluster"
            );
        }
        space.create::<PersistentVolumeClaim>(json!({ "metadata": { "name": claim }, "spec": spec })).await?;
        if folder.is_some() {
            // The scheduler lets a pod that comes too early wait for longer than it must. A storage class may wait for
            // the pod itself, so this is for our own volumes alone.
            let is_bound = |claim: Option<&PersistentVolumeClaim>| {
                claim.and_then(|claim| claim.status.as_ref()?.phase.as_deref()) == Some("Bound")
            };
            wait::watch(space.api(), claim, "bound", is_bound).await?;
        }
        Ok(Self { name, folder })
    }

    pub(crate) fn small(&self) -> Result<SmallVolume> {
        let folder = self.folder.as_ref().filter(|folder| folder.is_mounted);
        let folder = folder.context("the volume is not a small one of this machine")?;
        Ok(SmallVolume { folder: folder.folder.path().to_owned() })
    }

    /// After the claim and every pod that mounted it.
    pub(crate) async fn remove(self, cluster: &Cluster) -> Result<()> {
        let Some(folder) = self.folder else { return Ok(()) };
        let api: Api<PersistentVolume> = Api::all(cluster.client.clone());
        api.delete(&self.name, &DeleteParams::default()).await.context("deleting a volume")?;
        wait::watch(api, &self.name, "gone", |found| found.is_none()).await?;
        if folder.is_mounted {
            output(Command::new("umount").arg(folder.folder.path()))?;
        }
        folder.folder.close().context("removing the folder of a volume")
    }
}

impl Folder {
    fn create(bytes: Option<u64>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("stash-volume-").tempdir()?;
        if let Some(bytes) = bytes {
            let options = format!("size={bytes}");
            output(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()))?;
        }
        // Kubernetes gives folders of the host to nobody: the user of the pod is unknown here.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777))?;
        Ok(Self { folder, is_mounted: bytes.is_some() })
    }
}

async fn persistent_volume(space: &Namespace, name: &str, claim: &str, folder: &Path) -> Result<()> {
    let object = serde_json::from_value(json!({
        "metadata": { "name": name },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": { "storage": "1Gi" },
            "claimRef": { "namespace": space.name, "name": claim },
            "hostPath": { "path": folder, "type": "Directory" },
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
        },
    }))?;
    let api: Api<PersistentVolume> = Api::all(space.cluster.client.clone());
    api.create(&PostParams::default(), &object).await.with_context(|| format!("making the volume {name}"))?;
    Ok(())
}
