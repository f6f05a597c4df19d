//! Volumes on a plain host: the folder each one is, and where a restored path lands in them.

use std::path::{Path, PathBuf};

use domain::objects::backend::LocalSpec;
use domain::report::{Failure, FailureReason};

/// The folder of this host that a volume is.
pub(super) fn volume_root(volume: &LocalSpec) -> Option<PathBuf> {
    let host_path = volume.volume_source.host_path.as_ref()?;
    Some(Path::new(&host_path.path).join(volume.sub_path.trim_start_matches('/')))
}

/// Where a path is restored to: below the volume that is mounted at it, or nearest above it.
pub(super) fn target(path: &str, volumes: &[LocalSpec], owner: &str) -> Result<PathBuf, Failure> {
    let path = Path::new(path);
    let over = volumes
        .iter()
        .filter(|volume| path.starts_with(&volume.mount_path))
        .max_by_key(|volume| Path::new(&volume.mount_path).components().count());
    let Some(volume) = over else {
        return Err(Failure {
            reason: FailureReason::InvalidSpec,
            message: format!(
                "{owner} has no volume to restore {} into; mount one of spec.recoveredVolumes at that path or above it",
                path.display()
            ),
        });
    };
    let Some(root) = volume_root(volume) else {
        return Err(Failure {
            reason: FailureReason::Unsupported,
            message: format!(
                "{owner}: the volume mounted at {} can only be mounted by a cluster; use `hostPath: {{path: …}}`",
                volume.mount_path
            ),
        });
    };
    match path.strip_prefix(&volume.mount_path) {
        Ok(below) if below.as_os_str().is_empty() => Ok(root),
        Ok(below) => Ok(root.join(below)),
        Err(_) => Ok(root),
    }
}
