//! Hands the authorities on to the namespace of Prometheus, which has to trust our certificate and must not have its key.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::rules::names::{APP, LABEL_APP};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{AUTHORITIES, CERTIFICATE, CaBundle};
use crate::owned::FIELD_MANAGER;

/// At least so often it is looked whether the copy is still there.
const LOOK: Duration = Duration::from_secs(600);
/// After a failure, first and last.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// What holds no key. Stash 0.8.3 left a `kubernetes.io/tls` there, and the type of a Secret cannot be changed.
const TYPE: &str = "Opaque";

/// The copy: which Secret of which namespace.
pub struct Published {
    secrets: Api<Secret>,
    namespace: String,
    name: String,
}

impl Published {
    /// The Secret `name` of `namespace`, which is not that of the operator: there the Secret with the certificate is.
    #[must_use]
    pub fn new(client: Client, namespace: &str, name: &str) -> Self {
        let secrets = Api::namespaced(client, namespace);
        Self { secrets, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// Keeps the copy as `bundle` says until `stop`. A failure is logged once and tried again: the namespace may come
    /// later, and so may the right to write there.
    pub async fn run(self, mut bundle: watch::Receiver<CaBundle>, stop: &CancellationToken) {
        let (mut pause, mut said) = (PAUSES.0, String::new());
        loop {
            let wanted = bundle.borrow_and_update().clone();
            let wait = match self.write(&wanted).await {
                Ok(()) => {
                    (pause, said) = (PAUSES.0, String::new());
                    LOOK
                }
                Err(error) => {
                    let text = error.to_string();
                    if text != said {
                        tracing::error!(
                            namespace = self.namespace,
                            secret = self.name,
                            "cannot hand the certificate authority on to Prometheus, trying again: {text}; the namespace \
                             has to exist, and the operator to get, create, patch and delete this Secret"
                        );
                        said = text;
                    }
                    let wait = pause;
                    pause = (pause * 2).min(PAUSES.1);
                    wait
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
                changed = bundle.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Writes it when it is not as it should be.
    async fn write(&self, bundle: &CaBundle) -> Result<(), kube::Error> {
        let data = content(bundle);
        if let Some(there) = self.secrets.get_opt(&self.name).await? {
            let is_ours = there.type_.as_deref() == Some(TYPE);
            if is_ours && there.data.as_ref() == Some(&data) {
                return Ok(());
            }
            let has_more =
                there.data.as_ref().is_some_and(|there| there.keys().any(|key| !data.contains_key(key)));
            if !is_ours || has_more {
                // Not patched but made anew: what it holds besides may be the private key of an earlier version.
                let this_one = DeleteParams {
                    preconditions: Some(kube::api::Preconditions {
                        uid: there.metadata.uid.clone(),
                        resource_version: there.metadata.resource_version.clone(),
                    }),
                    ..DeleteParams::default()
                };
                self.secrets.delete(&self.name, &this_one).await?;
            }
        }
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                namespace: Some(self.namespace.clone()),
                labels: Some(BTreeMap::from([(LABEL_APP.to_owned(), APP.to_owned())])),
                ..ObjectMeta::default()
            },
            type_: Some(TYPE.to_owned()),
            data: Some(data),
            ..Secret::default()
        };
        let params = PatchParams::apply(FIELD_MANAGER).force();
        self.secrets.patch(&self.name, &params, &Patch::Apply(&secret)).await?;
        tracing::info!(
            namespace = self.namespace,
            secret = self.name,
            "the certificate authority was handed on to Prometheus"
        );
        Ok(())
    }
}

/// The authorities under the key that says what they are, and under the one that configurations made for Stash 0.8.3
/// mount as what to trust.
fn content(bundle: &CaBundle) -> BTreeMap<String, ByteString> {
    let pem = || ByteString(bundle.pem().as_bytes().to_vec());
    BTreeMap::from([(AUTHORITIES.to_owned(), pem()), (CERTIFICATE.to_owned(), pem())])
}
