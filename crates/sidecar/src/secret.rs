//! The storage Secret: mounted into our container alone, or, where the container was written by hand, read from the API.

use std::path::{Path, PathBuf};

use domain::report::{Failure, FailureReason};
use domain::secret::{RESTIC_PASSWORD, Secret};
use engine::Credentials;
use k8s_openapi::api::core::v1;
use kube::{Api, Client};

/// Where the Secret is found. It is read anew for each session, so that a rotated one is in force at the next.
#[derive(Clone)]
pub enum SecretSource {
    /// In a folder with one file a key.
    Folder(PathBuf),
    /// At the API server.
    Api {
        /// The connection.
        client: Client,
        /// Namespace of the Secret.
        namespace: String,
    },
}

impl SecretSource {
    /// What opens the repository; `name` is that of the Secret.
    ///
    /// # Errors
    /// The Secret is missing, or lacks a usable password. Nothing of it is in the message.
    pub async fn credentials(&self, name: &str) -> Result<Credentials, Failure> {
        let (password, place) = match self {
            SecretSource::Folder(folder) => {
                (from_folder(folder, name)?, format!("mounted at {}", folder.display()))
            }
            SecretSource::Api { client, namespace } => {
                (from_api(client, namespace, name).await?, format!("in namespace {namespace}"))
            }
        };
        let usable = password.expose_str().is_some_and(|text| !text.is_empty());
        if usable {
            return Ok(Credentials { password });
        }
        Err(Failure {
            reason: FailureReason::SecretInvalid,
            message: format!(
                "Secret {name}, {place}, has no usable key {RESTIC_PASSWORD}; it must be text and not empty"
            ),
        })
    }
}

fn from_folder(folder: &Path, name: &str) -> Result<Secret, Failure> {
    let file = folder.join(RESTIC_PASSWORD);
    std::fs::read(&file).map(Secret::new).map_err(|error| Failure {
        reason: FailureReason::SecretMissing,
        message: format!(
            "Secret {name} is not there or has no key {RESTIC_PASSWORD} ({}: {error}); create it in the namespace of \
             this pod, and it appears within a minute or two",
            file.display()
        ),
    })
}

async fn from_api(client: &Client, namespace: &str, name: &str) -> Result<Secret, Failure> {
    let api: Api<v1::Secret> = Api::namespaced(client.clone(), namespace);
    let missing = |why: String| Failure {
        reason: FailureReason::SecretMissing,
        message: format!("cannot read Secret {namespace}/{name}: {why}"),
    };
    let secret = match api.get_opt(name).await {
        Ok(Some(secret)) => secret,
        Ok(None) => {
            return Err(missing(format!("it does not exist; create it, with the key {RESTIC_PASSWORD}")));
        }
        Err(error) => return Err(missing(error.to_string())),
    };
    let password = secret.data.and_then(|mut data| data.remove(RESTIC_PASSWORD));
    Ok(Secret::new(password.map(|password| password.0).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn reason(folder: &Path) -> Result<Credentials, FailureReason> {
        let source = SecretSource::Folder(folder.to_owned());
        source.credentials("key").await.map_err(|failure| failure.reason)
    }

    #[tokio::test]
    async fn a_secret_that_comes_or_changes_is_in_force_the_next_time() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(reason(folder.path()).await.err(), Some(FailureReason::SecretMissing));
        std::fs::write(folder.path().join(RESTIC_PASSWORD), "").unwrap();
        assert_eq!(reason(folder.path()).await.err(), Some(FailureReason::SecretInvalid));
        std::fs::write(folder.path().join(RESTIC_PASSWORD), b"\xff").unwrap();
        assert_eq!(reason(folder.path()).await.err(), Some(FailureReason::SecretInvalid));
        std::fs::write(folder.path().join(RESTIC_PASSWORD), "geheim").unwrap();
        assert_eq!(reason(folder.path()).await.unwrap().password.expose_str(), Some("geheim"));
    }
}
