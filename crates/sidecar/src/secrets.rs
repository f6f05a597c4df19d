//! The storage Secret: mounted by whoever injected us, read from the API for a sidecar that was written by hand.

use std::path::Path;

use domain::report::{Failure, FailureReason};
use domain::secret::{RESTIC_PASSWORD, Secret};
use engine::Credentials;
use k8s_openapi::api::core::v1::Secret as Object;
use kube::Api;

use crate::pod::{PATIENCE, Pod};

/// What opens the repository. Read anew for each session, so that a rotated Secret is used at the next one.
pub(crate) async fn credentials(pod: &Pod, namespace: &str, name: &str) -> Result<Credentials, Failure> {
    let password = match &pod.secret_dir {
        Some(folder) => mounted(folder, name)?,
        None => read(pod, namespace, name).await?,
    };
    if password.expose_str().is_none_or(str::is_empty) {
        return Err(fail(
            FailureReason::SecretInvalid,
            format!(
                "the key {RESTIC_PASSWORD} of Secret {name} is empty or not UTF-8; set it to the password of the repository"
            ),
        ));
    }
    Ok(Credentials { password })
}

fn mounted(folder: &Path, name: &str) -> Result<Secret, Failure> {
    match std::fs::read(folder.join(RESTIC_PASSWORD)) {
        Ok(bytes) => Ok(Secret::new(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(fail(
            FailureReason::SecretMissing,
            format!(
                "Secret {name}, mounted at {}, does not exist or lacks the key {RESTIC_PASSWORD}; create it: \
                 the container sees it within two minutes",
                folder.display()
            ),
        )),
        Err(error) => Err(fail(
            FailureReason::SecretInvalid,
            format!(
                "cannot read the key {RESTIC_PASSWORD} of Secret {name} in {}: {error}",
                folder.display()
            ),
        )),
    }
}

async fn read(pod: &Pod, namespace: &str, name: &str) -> Result<Secret, Failure> {
    let api: Api<Object> = Api::namespaced(pod.client.clone(), namespace);
    let full = format!("{namespace}/{name}");
    let object = match tokio::time::timeout(PATIENCE, api.get_opt(name)).await {
        Ok(Ok(Some(object))) => object,
        Ok(Ok(None)) => {
            return Err(fail(
                FailureReason::SecretMissing,
                format!("Secret {namespace}/{name} does not exist; create it with the key {RESTIC_PASSWORD}"),
            ));
        }
        Ok(Err(error)) => {
            if !cluster::connect::is_definite(&error)
                && let Some(known) = pod.last_secret.of(&full)
            {
                tracing::warn!(secret = full, %error, "cannot read the Secret; the password that was read last is used");
                return Ok(known);
            }
            return Err(fail(
                FailureReason::SecretMissing,
                format!(
                    "cannot read Secret {namespace}/{name} from the API: {error}; mount it and name the folder with \
                     --storage-secret-dir, or let the ServiceAccount read it"
                ),
            ));
        }
        Err(_) => {
            if let Some(known) = pod.last_secret.of(&full) {
                tracing::warn!(
                    secret = full,
                    "the API server does not answer; the password that was read last is used"
                );
                return Ok(known);
            }
            return Err(fail(
                FailureReason::SecretMissing,
                format!(
                    "cannot read Secret {namespace}/{name}: the API server does not answer; mount it and name the \
                     folder with --storage-secret-dir, then no backup needs the API server"
                ),
            ));
        }
    };
    let key = object.data.and_then(|mut data| data.remove(RESTIC_PASSWORD));
    let key = key.map(|bytes| Secret::new(bytes.0));
    if let Some(password) = &key {
        pod.last_secret.keep(&full, password);
    }
    key.ok_or_else(|| {
        fail(
            FailureReason::SecretInvalid,
            format!("Secret {namespace}/{name} lacks the key {RESTIC_PASSWORD}; add the password of the repository"),
        )
    })
}

fn fail(reason: FailureReason, message: String) -> Failure {
    Failure { reason, message }
}
