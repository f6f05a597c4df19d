//! A catalogue as it is kept in memory: unpacked when it arrives, and its ConfigMap forgotten.

use std::borrow::Cow;
use std::sync::Arc;

use domain::catalogue::{self, Record};
use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::{Deserialize, Deserializer};

/// The catalogue of one Repository.
#[derive(Clone, Debug)]
pub struct Kept {
    metadata: ObjectMeta,
    /// The Repository; none when the object only looks like a catalogue.
    pub(super) repository: Option<String>,
    /// What is in it, or why that cannot be read.
    pub(super) content: Arc<Result<Listed, String>>,
}

/// The snapshots of one Repository.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) at: Timestamp,
    pub(super) left_out: u64,
    pub(super) records: Vec<Arc<Record>>,
}

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(ConfigMap::deserialize(deserializer)?))
    }
}

impl From<ConfigMap> for Kept {
    fn from(object: ConfigMap) -> Self {
        let repository = catalogue::repository_of(&object.metadata).map(ToOwned::to_owned);
        let content = match (&repository, catalogue::of(&object)) {
            (None, _) => Err("it belongs to no Repository".to_owned()),
            (Some(_), Err(error)) => Err(error.to_string()),
            (Some(_), Ok(read)) => Ok(Listed {
                at: read.listed,
                left_out: read.left_out,
                records: read.records.into_iter().map(Arc::new).collect(),
            }),
        };
        let metadata = object.metadata;
        let metadata = ObjectMeta {
            name: metadata.name,
            namespace: metadata.namespace,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            ..ObjectMeta::default()
        };
        Self { metadata, repository, content: Arc::new(content) }
    }
}

impl Resource for Kept {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "ConfigMap".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "configmaps".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
