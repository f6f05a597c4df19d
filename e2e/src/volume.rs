//! A volume for a test, with a claim to mount it by.
//!
//! On this machine's own cluster it is a folder of the host, so a test can look into it; nothing provides volumes there
//! by itself. Elsewhere the cluster's default storage class makes it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
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
    source: Source,
}

/// Where its files are.
enum Source {
    /// Where the cluster's storage class puts them.
    Class,
    /// In a folder of this machine that was made for it.
    Own(Folder),
    /// In the folder of another volume.
    Other,
}

struct Folder {
    folder: TempDir,
    /// Whether it is a file system of its own.
    is_mounted: bool,
}

impl Volume {
    pub(crate) async fn create(space: &Namespace, claim: &str, bytes: Option<u64>) -> Result<Self> {
        if !space.cluster.is_own() {
            ensure!(
                bytes.is_none(),
                "a volume that can be filled is made only on this machine's own cluster"
            );
            let spec = json!({ "accessModes": ["ReadWriteOnce"], "resources": size() });
            let object = json!({ "metadata": { "name": claim }, "spec": spec });
            space.create::<PersistentVolumeClaim>(object).await?;
            return Ok(Self { name: name(&space.name, claim), source: Source::Class });
        }
        let made = Folder::create(bytes)?;
        claimed(space, claim, made.folder.path()).await?;
        Ok(Self { name: name(&space.name, claim), source: Source::Own(made) })
    }

    /// A volume of this machine whose files are in a folder that is there.
    pub(crate) async fn at(space: &Namespace, claim: &str, folder: &Path) -> Result<Self> {
        claimed(space, claim, folder).await?;
        Ok(Self { name: name(&space.name, claim), source: Source::Other })
    }

    /// Its folder, when it is the volume of this claim of this namespace.
    pub(crate) fn folder_of(&self, namespace: &str, claim: &str) -> Option<PathBuf> {
        match &self.source {
            Source::Own(folder) if self.name == name(namespace, claim) => {
                Some(folder.folder.path().to_owned())
            }
            _ => None,
        }
    }

    pub(crate) fn small(&self) -> Result<SmallVolume> {
        match &self.source {
            Source::Own(folder) if folder.is_mounted => {
                Ok(SmallVolume { folder: folder.folder.path().to_owned() })
            }
            _ => bail!("the volume is not a small one of this machine"),
        }
    }

    /// After the claim and every pod that mounted it.
    pub(crate) async fn remove(self, cluster: &Cluster) -> Result<()> {
        if matches!(self.source, Source::Class) {
            return Ok(());
        }
        let api: Api<PersistentVolume> = Api::all(cluster.client.clone());
        api.delete(&self.name, &DeleteParams::default()).await.context("deleting a volume")?;
        wait::watch(api, &self.name, "gone", |found| found.is_none()).await?;
        let Source::Own(folder) = self.source else { return Ok(()) };
        if folder.is_mounted {
            output(Command::new("umount").arg(folder.folder.path()))?;
        }
        folder.folder.close().context("removing the folder of a volume")
    }
}

fn name(namespace: &str, claim: &str) -> String {
    format!("{namespace}-{claim}")
}

fn size() -> Value {
    json!({ "requests": { "storage": "1Gi" } })
}

/// A volume in a folder of this machine, and the claim that has it.
async fn claimed(space: &Namespace, claim: &str, folder: &Path) -> Result<()> {
    let name = name(&space.name, claim);
    persistent_volume(space, &name, claim, folder).await?;
    let spec = json!({
        "accessModes": ["ReadWriteOnce"],
        "resources": size(),
        "volumeName": name,
        "storageClassName": "",
    });
    space.create::<PersistentVolumeClaim>(json!({ "metadata": { "name": claim }, "spec": spec })).await?;
    // The scheduler lets a pod that comes too early wait for longer than it must. A storage class may wait for the pod
    // itself, so this is for our own volumes alone.
    let is_bound = |claim: Option<&PersistentVolumeClaim>| {
        claim.and_then(|claim| claim.status.as_ref()?.phase.as_deref()) == Some("Bound")
    };
    wait::watch(space.api(), claim, "bound", is_bound).await.map(drop)
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
