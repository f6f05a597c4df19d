//! The volume sources of Kubernetes, as they stand inside [`LocalSpec`](super::backend::LocalSpec).
//!
//! `k8s-openapi` has them only inlined into `Volume`, together with a required `name` that our objects do not have.

use k8s_openapi::api::core::v1::{
    AWSElasticBlockStoreVolumeSource, AzureDiskVolumeSource, AzureFileVolumeSource, CSIVolumeSource,
    CephFSVolumeSource, CinderVolumeSource, ConfigMapVolumeSource, DownwardAPIVolumeSource,
    EmptyDirVolumeSource, EphemeralVolumeSource, FCVolumeSource, FlexVolumeSource, FlockerVolumeSource,
    GCEPersistentDiskVolumeSource, GitRepoVolumeSource, GlusterfsVolumeSource, HostPathVolumeSource,
    ISCSIVolumeSource, ImageVolumeSource, NFSVolumeSource, PersistentVolumeClaimVolumeSource,
    PhotonPersistentDiskVolumeSource, PortworxVolumeSource, ProjectedVolumeSource, QuobyteVolumeSource,
    RBDVolumeSource, ScaleIOVolumeSource, SecretVolumeSource, StorageOSVolumeSource, Volume,
    VsphereVirtualDiskVolumeSource,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One volume source; at most one field is set.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeSource {
    /// An EBS disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_elastic_block_store: Option<AWSElasticBlockStoreVolumeSource>,
    /// An Azure disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure_disk: Option<AzureDiskVolumeSource>,
    /// An Azure file share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure_file: Option<AzureFileVolumeSource>,
    /// A Ceph file system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cephfs: Option<CephFSVolumeSource>,
    /// An OpenStack disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cinder: Option<CinderVolumeSource>,
    /// A ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapVolumeSource>,
    /// An inline volume of a CSI driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csi: Option<CSIVolumeSource>,
    /// The pod's own fields.
    #[serde(default, rename = "downwardAPI", skip_serializing_if = "Option::is_none")]
    pub downward_api: Option<DownwardAPIVolumeSource>,
    /// A scratch folder that lives as long as the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_dir: Option<EmptyDirVolumeSource>,
    /// A claim that lives as long as the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ephemeral: Option<EphemeralVolumeSource>,
    /// A Fibre Channel disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fc: Option<FCVolumeSource>,
    /// A Flexvolume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flex_volume: Option<FlexVolumeSource>,
    /// A Flocker dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flocker: Option<FlockerVolumeSource>,
    /// A GCE disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gce_persistent_disk: Option<GCEPersistentDiskVolumeSource>,
    /// A clone; disabled in current Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_repo: Option<GitRepoVolumeSource>,
    /// A Gluster volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glusterfs: Option<GlusterfsVolumeSource>,
    /// A folder of the node; in standalone mode, of the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_path: Option<HostPathVolumeSource>,
    /// The content of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageVolumeSource>,
    /// An iSCSI disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iscsi: Option<ISCSIVolumeSource>,
    /// An NFS export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nfs: Option<NFSVolumeSource>,
    /// A PersistentVolumeClaim of the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim: Option<PersistentVolumeClaimVolumeSource>,
    /// A Photon disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photon_persistent_disk: Option<PhotonPersistentDiskVolumeSource>,
    /// A Portworx volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portworx_volume: Option<PortworxVolumeSource>,
    /// Several sources in one folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projected: Option<ProjectedVolumeSource>,
    /// A Quobyte volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quobyte: Option<QuobyteVolumeSource>,
    /// A Ceph block device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rbd: Option<RBDVolumeSource>,
    /// A ScaleIO volume.
    #[serde(default, rename = "scaleIO", skip_serializing_if = "Option::is_none")]
    pub scale_io: Option<ScaleIOVolumeSource>,
    /// A Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretVolumeSource>,
    /// A StorageOS volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storageos: Option<StorageOSVolumeSource>,
    /// A vSphere disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vsphere_volume: Option<VsphereVirtualDiskVolumeSource>,
}

impl VolumeSource {
    /// The volume of a pod that has this source.
    #[must_use]
    pub fn volume(&self, name: &str) -> Volume {
        Volume {
            name: name.to_owned(),
            aws_elastic_block_store: self.aws_elastic_block_store.clone(),
            azure_disk: self.azure_disk.clone(),
            azure_file: self.azure_file.clone(),
            cephfs: self.cephfs.clone(),
            cinder: self.cinder.clone(),
            config_map: self.config_map.clone(),
            csi: self.csi.clone(),
            downward_api: self.downward_api.clone(),
            empty_dir: self.empty_dir.clone(),
            ephemeral: self.ephemeral.clone(),
            fc: self.fc.clone(),
            flex_volume: self.flex_volume.clone(),
            flocker: self.flocker.clone(),
            gce_persistent_disk: self.gce_persistent_disk.clone(),
            git_repo: self.git_repo.clone(),
            glusterfs: self.glusterfs.clone(),
            host_path: self.host_path.clone(),
            image: self.image.clone(),
            iscsi: self.iscsi.clone(),
            nfs: self.nfs.clone(),
            persistent_volume_claim: self.persistent_volume_claim.clone(),
            photon_persistent_disk: self.photon_persistent_disk.clone(),
            portworx_volume: self.portworx_volume.clone(),
            projected: self.projected.clone(),
            quobyte: self.quobyte.clone(),
            rbd: self.rbd.clone(),
            scale_io: self.scale_io.clone(),
            secret: self.secret.clone(),
            storageos: self.storageos.clone(),
            vsphere_volume: self.vsphere_volume.clone(),
        }
    }

    /// The fields that are set, as YAML spells them. A valid volume has exactly one.
    #[must_use]
    pub fn fields(&self) -> Vec<&'static str> {
        [
            ("awsElasticBlockStore", self.aws_elastic_block_store.is_some()),
            ("azureDisk", self.azure_disk.is_some()),
            ("azureFile", self.azure_file.is_some()),
            ("cephfs", self.cephfs.is_some()),
            ("cinder", self.cinder.is_some()),
            ("configMap", self.config_map.is_some()),
            ("csi", self.csi.is_some()),
            ("downwardAPI", self.downward_api.is_some()),
            ("emptyDir", self.empty_dir.is_some()),
            ("ephemeral", self.ephemeral.is_some()),
            ("fc", self.fc.is_some()),
            ("flexVolume", self.flex_volume.is_some()),
            ("flocker", self.flocker.is_some()),
            ("gcePersistentDisk", self.gce_persistent_disk.is_some()),
            ("gitRepo", self.git_repo.is_some()),
            ("glusterfs", self.glusterfs.is_some()),
            ("hostPath", self.host_path.is_some()),
            ("image", self.image.is_some()),
            ("iscsi", self.iscsi.is_some()),
            ("nfs", self.nfs.is_some()),
            ("persistentVolumeClaim", self.persistent_volume_claim.is_some()),
            ("photonPersistentDisk", self.photon_persistent_disk.is_some()),
            ("portworxVolume", self.portworx_volume.is_some()),
            ("projected", self.projected.is_some()),
            ("quobyte", self.quobyte.is_some()),
            ("rbd", self.rbd.is_some()),
            ("scaleIO", self.scale_io.is_some()),
            ("secret", self.secret.is_some()),
            ("storageos", self.storageos.is_some()),
            ("vsphereVolume", self.vsphere_volume.is_some()),
        ]
        .into_iter()
        .filter_map(|(field, set)| set.then_some(field))
        .collect()
    }
}
