//! The custom resource definitions, as the cluster is told them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube_core::CustomResourceExt;

use crate::objects::recovery::Recovery;
use crate::objects::repository::Repository;
use crate::objects::restic::Restic;

/// One definition for each kind that is stored in a cluster.
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![Restic::crd(), Recovery::crd(), Repository::crd()]
}
