//! Tells the API server that Snapshots are to be asked of us, and sees to it that this stays so.

use domain::objects::{SNAPSHOT_GROUP, VERSION};
use domain::rules::names::{APP, LABEL_APP};
use k8s_openapi::ByteString;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::{
    APIService, APIServiceSpec, ServiceReference,
};
use kube::api::ObjectMeta;

use crate::admission::registration::RegistrationSettings;
use crate::certificates::CaBundle;

/// Name of the APIService: what it has to be by the rules of Kubernetes.
pub const NAME: &str = "v1alpha1.repositories.stash.appscode.com";

/// The priorities of 0.8.3.
const PRIORITIES: (i32, i32) = (10_000, 15);

/// What the API server is told.
#[must_use]
pub fn api_service(settings: &RegistrationSettings, bundle: &CaBundle) -> APIService {
    APIService {
        metadata: ObjectMeta {
            name: Some(NAME.to_owned()),
            labels: Some([(LABEL_APP.to_owned(), APP.to_owned())].into()),
            ..ObjectMeta::default()
        },
        spec: Some(APIServiceSpec {
            group: Some(SNAPSHOT_GROUP.to_owned()),
            version: Some(VERSION.to_owned()),
            group_priority_minimum: PRIORITIES.0,
            version_priority: PRIORITIES.1,
            ca_bundle: Some(ByteString(bundle.pem().as_bytes().to_vec())),
            insecure_skip_tls_verify: None,
            service: Some(ServiceReference {
                name: Some(settings.service.clone()),
                namespace: Some(settings.namespace.clone()),
                port: Some(i32::from(settings.port)),
            }),
        }),
        status: None,
    }
}
