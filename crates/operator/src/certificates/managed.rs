//! Certificates that the operator makes itself, in a Secret that several operators may share.

use std::collections::BTreeMap;

use domain::rules::names::{APP, LABEL_APP};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};

use super::content::Content;
use super::keeper::KeeperError;
use super::make::{Settled, settle};
use super::names;
use super::plan::Plan;

/// So often another one may be quicker than we are; each time, what it wrote is taken.
const TRIES: usize = 8;

/// The Secret.
#[derive(Clone)]
pub(super) struct Managed {
    secrets: Api<Secret>,
    pub(super) namespace: String,
    pub(super) name: String,
    names: Vec<String>,
}

impl Managed {
    pub(super) fn new(client: &Client, namespace: &str, secret: &str, service: &str) -> Self {
        Self {
            secrets: Api::namespaced(client.clone(), namespace),
            namespace: namespace.to_owned(),
            name: secret.to_owned(),
            names: names(service, namespace),
        }
    }

    pub(super) fn secrets(&self) -> Api<Secret> {
        self.secrets.clone()
    }

    /// Sees to it that the Secret holds what it has to, and returns that. Of several who do so at once, one writes, and
    /// the others take what it wrote: each write is refused when there was another one since what it was made from was
    /// read.
    pub(super) async fn ensure(&self, now: Timestamp) -> Result<Settled, KeeperError> {
        let mut last = None;
        for _ in 0..TRIES {
            let there =
                self.secrets.get_opt(&self.name).await.map_err(|source| self.error("read", source))?;
            let data = there.as_ref().and_then(|secret| secret.data.as_ref());
            let settled = settle(&Content::of(data), now, &self.names)?;
            if settled.made.is_empty() {
                return Ok(settled);
            }
            match self.write(there, &settled.content).await {
                Ok(()) => {
                    self.say(&settled.made);
                    return Ok(settled);
                }
                Err(kube::Error::Api(status)) if status.code == 409 => last = Some(kube::Error::Api(status)),
                // It was deleted meanwhile; the next round creates it.
                Err(kube::Error::Api(status)) if status.code == 404 && status.reason == "NotFound" => {
                    last = Some(kube::Error::Api(status));
                }
                Err(source) => return Err(self.error("write", source)),
            }
        }
        Err(KeeperError::Contended {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            source: last.map(Box::new),
        })
    }

    async fn write(&self, there: Option<Secret>, content: &Content) -> Result<(), kube::Error> {
        let params = PostParams::default();
        // Replacing says which version it replaces, and creating which there is: none.
        if let Some(mut secret) = there {
            content.write(secret.data.get_or_insert_default());
            return self.secrets.replace(&self.name, &params, &secret).await.map(drop);
        }
        let mut data = BTreeMap::new();
        content.write(&mut data);
        let metadata = ObjectMeta {
            name: Some(self.name.clone()),
            namespace: Some(self.namespace.clone()),
            labels: Some(BTreeMap::from([(LABEL_APP.to_owned(), APP.to_owned())])),
            ..ObjectMeta::default()
        };
        let type_ = Some("kubernetes.io/tls".to_owned());
        let secret = Secret { metadata, type_, data: Some(data), ..Secret::default() };
        self.secrets.create(&params, &secret).await.map(drop)
    }

    fn say(&self, made: &[Plan]) {
        for plan in made {
            let (what, why) = match plan {
                Plan::Keep { .. } => continue,
                Plan::Leaf(why) => ("a serving certificate", why),
                Plan::Authority(why) => ("an authority", why),
            };
            tracing::info!(namespace = self.namespace, secret = self.name, "made {what}: {why}");
        }
    }

    fn error(&self, verb: &'static str, source: kube::Error) -> KeeperError {
        KeeperError::Secret {
            verb,
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            source: Box::new(source),
        }
    }
}
