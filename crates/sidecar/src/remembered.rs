//! The last valid Restic, in the scratch volume. That outlives the container: one that is started anew while the API
//! server is away goes on with what the one before it knew. It holds no secret.

use std::io::ErrorKind;
use std::path::Path;

use kube::api::DynamicObject;

use domain::objects::restic::Restic;

use crate::watched::valid;

const FILE: &str = "restic.json";

/// Keeps it. Without it a restart during an outage has no schedule, which is no reason to stop now.
pub(crate) fn keep(scratch: &Path, restic: &Restic) {
    let written = serde_json::to_vec(restic).map_err(std::io::Error::from).and_then(|text| {
        // Whoever is killed in between leaves the one before.
        let new = scratch.join(format!("{FILE}.new"));
        std::fs::write(&new, text)?;
        std::fs::rename(&new, scratch.join(FILE))
    });
    if let Err(error) = written {
        tracing::warn!(folder = %scratch.display(), %error, "cannot remember the Restic for a restart");
    }
}

/// Forgets it, since there is none any more.
pub(crate) fn forget(scratch: &Path) {
    match std::fs::remove_file(scratch.join(FILE)) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            tracing::warn!(folder = %scratch.display(), %error, "cannot forget the Restic that is gone");
        }
        _ => {}
    }
}

/// The one that is remembered, if it can be run.
pub(crate) fn last(scratch: &Path, name: &str) -> Option<Restic> {
    let text = match std::fs::read(scratch.join(FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(folder = %scratch.display(), %error, "cannot read the Restic that was remembered");
            return None;
        }
    };
    let object: Option<DynamicObject> = serde_json::from_slice(&text).ok();
    let restic = object.and_then(|object| valid(object).ok());
    restic.filter(|restic| restic.metadata.name.as_deref() == Some(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_restic_is_remembered_until_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let restic: Restic = serde_json::from_value(json!({
            "apiVersion": "stash.appscode.com/v1alpha1", "kind": "Restic",
            "metadata": {"name": "nightly", "namespace": "shop"},
            "spec": {
                "selector": {"matchLabels": {"app": "web"}},
                "fileGroups": [{"path": "/data"}],
                "schedule": "@daily",
                "backend": {"storageSecretName": "key", "local": {"mountPath": "/repo", "hostPath": {"path": "/b"}}},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            },
        }))
        .unwrap();
        assert!(last(folder.path(), "nightly").is_none());
        keep(folder.path(), &restic);
        assert_eq!(last(folder.path(), "nightly").map(|known| known.spec), Some(restic.spec));
        assert!(last(folder.path(), "weekly").is_none(), "another's is none of ours");
        std::fs::write(folder.path().join(FILE), "{\"kind\":").unwrap();
        assert!(last(folder.path(), "nightly").is_none());
        forget(folder.path());
        forget(folder.path());
        assert!(!folder.path().join(FILE).exists());
    }
}
