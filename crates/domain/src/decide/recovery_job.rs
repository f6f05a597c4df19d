//! The Job that serves a Recovery.
//!
//! It is complete in itself: the operator looked at the Repository, and hands it over as JSON in the environment (it
//! holds no secret); the storage Secret is mounted. So the Job reads no other namespace. 0.8.3 bound it to a Role in
//! the Repository's namespace, whose binding stayed when the Recovery had failed or was gone. For a Repository of
//! another namespace the Secret is copied, see [`secret_copy`]; the copy goes with the Recovery.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::{
    Affinity, Container, EnvVar, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm,
    PodSpec, PodTemplateSpec, Secret, Toleration, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde_json::{Value, json};

use super::rbac::{self, Owner};
use super::settings::Settings;
use super::{pod, security};
use crate::handoff::{self, env};
use crate::objects::recovery::Recovery;
use crate::objects::repository::Repository;
use crate::objects::workload::{Workload, WorkloadError};
use crate::rules::names;
use crate::rules::prefix::unresolved;

/// Pods that are lost (a node gone, memory short) are replaced this often. What fails by itself is not: see
/// [`DEFINITE_EXIT_CODES`].
const REPLACEMENTS: i32 = 3;

/// Exit codes with which `stash recover` says that another try would end the same: it failed and said so, or its
/// arguments are wrong.
pub const DEFINITE_EXIT_CODES: [i32; 2] = [1, 2];

/// A Job stays this long after its end, for its log: a week.
const KEPT_SECONDS: i32 = 7 * 24 * 60 * 60;

/// The Job of a Recovery, with the checks of [`validate`](crate::rules::validate) and [`super::usage`] behind it.
///
/// # Errors
/// The Repository's labels do not say what it holds, and so neither where its data lies nor on which node it belongs.
pub fn recovery_job(
    recovery: &Recovery,
    repository: &Repository,
    settings: &Settings,
) -> Result<Job, WorkloadError> {
    let none = BTreeMap::new();
    let workload = Workload::of_repository(
        repository.metadata.labels.as_ref().unwrap_or(&none),
        repository.metadata.annotations.as_ref().unwrap_or(&none),
    )?;
    let spec = &recovery.spec;
    let backend = unresolved(&repository.spec.backend, &workload);
    let name = recovery.metadata.name.as_deref().unwrap_or_default();
    let secret_name = secret_name(recovery, repository);

    let (scratch, scratch_mount) = pod::scratch();
    let (secret, secret_mount) = pod::secret(&secret_name);
    let mut volumes: Vec<Volume> = vec![scratch, secret];
    let mut mounts: Vec<VolumeMount> = vec![scratch_mount, secret_mount];
    for (index, recovered) in spec.recovered_volumes.iter().enumerate() {
        let name = names::recovered_volume(index);
        volumes.push(recovered.volume_source.volume(&name));
        mounts.push(pod::volume_mount(&name, recovered));
    }
    if let Some(local) = &backend.local {
        volumes.push(local.volume_source.volume(names::VOLUME_LOCAL));
        mounts.push(pod::volume_mount(names::VOLUME_LOCAL, local));
    }
    let mut environment = pod::environment();
    environment.push(EnvVar {
        name: env::REPOSITORY.to_owned(),
        // Kubernetes expands `$(NAME)` in values; a doubled `$` stands for itself.
        value: Some(hand_over(repository).to_string().replace('$', "$$")),
        value_from: None,
    });
    let container = Container {
        name: names::CONTAINER.to_owned(),
        image: Some(settings.image.reference(recovery.metadata.annotations.as_ref())),
        image_pull_policy: settings.image_pull_policy.clone(),
        args: Some(handoff::recover(name, &settings.pushgateway_url, &settings.log_flags)),
        env: Some(environment),
        resources: Some(spec.resources.clone()).filter(|resources| *resources != Default::default()),
        security_context: Some(spec.security_context.clone().unwrap_or_else(security::restorer)),
        termination_message_policy: Some(pod::TERMINATION_MESSAGE.to_owned()),
        volume_mounts: Some(mounts),
        ..Container::default()
    };
    let mut pod_spec = PodSpec {
        containers: vec![container],
        volumes: Some(volumes),
        // A failed pod stays with its log; a new one is the Job's to make.
        restart_policy: Some("Never".to_owned()),
        service_account_name: Some(names::recovery_job(name)),
        image_pull_secrets: Some(spec.image_pull_secrets.clone()).filter(|secrets| !secrets.is_empty()),
        tolerations: Some(spec.tolerations.clone()).filter(|tolerations| !tolerations.is_empty()),
        ..PodSpec::default()
    };
    match workload.node() {
        Some(node) => on_node(&mut pod_spec, node),
        None => {
            pod_spec.node_selector = Some(spec.node_selector.clone()).filter(|selector| !selector.is_empty());
        }
    }
    let labels =
        rbac::labels(&[(names::LABEL_RECOVERY, name), (names::LABEL_OPERATION, names::OPERATION_RECOVERY)]);
    Ok(Job {
        metadata: metadata(recovery, labels.clone()),
        spec: Some(JobSpec {
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta { labels: Some(labels), ..ObjectMeta::default() }),
                spec: Some(pod_spec),
            },
            backoff_limit: Some(REPLACEMENTS),
            active_deadline_seconds: spec.active_deadline_seconds,
            ttl_seconds_after_finished: Some(KEPT_SECONDS),
            pod_failure_policy: Some(failure_policy()),
            ..JobSpec::default()
        }),
        status: None,
    })
}

/// Name of the Secret that the Job mounts: the Repository's, or the copy of it.
fn secret_name(recovery: &Recovery, repository: &Repository) -> String {
    if recovery.metadata.namespace == repository.metadata.namespace {
        return repository.spec.backend.storage_secret_name.clone();
    }
    names::recovery_job(recovery.metadata.name.as_deref().unwrap_or_default())
}

/// The copy of the storage Secret for a Recovery of another namespace than its Repository's; `None` when there is
/// nothing to copy. Whoever can read Secrets there can read it, as could whoever can run pods there, which is why the
/// Repository has to allow the namespace ([`super::usage`]). It is deleted with the Recovery, and the operator
/// deletes it when the Recovery has ended.
#[must_use]
pub fn secret_copy(
    recovery: &Recovery,
    repository: &Repository,
    data: &BTreeMap<String, ByteString>,
) -> Option<Secret> {
    if recovery.metadata.namespace == repository.metadata.namespace {
        return None;
    }
    let name = recovery.metadata.name.as_deref().unwrap_or_default();
    let labels =
        rbac::labels(&[(names::LABEL_RECOVERY, name), (names::LABEL_OPERATION, names::OPERATION_RECOVERY)]);
    Some(Secret {
        metadata: metadata(recovery, labels),
        data: Some(data.clone()),
        immutable: Some(true),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    })
}

/// Name, namespace and owner of what belongs to a Recovery.
fn metadata(recovery: &Recovery, labels: BTreeMap<String, String>) -> ObjectMeta {
    let name = recovery.metadata.name.as_deref().unwrap_or_default();
    let uid = recovery.metadata.uid.as_deref().unwrap_or_default();
    let api_version = rbac::stash_api();
    let owner = Owner { api_version: &api_version, kind: "Recovery", name, uid }.reference();
    ObjectMeta {
        name: Some(names::recovery_job(name)),
        namespace: recovery.metadata.namespace.clone(),
        labels: Some(labels),
        owner_references: Some(vec![OwnerReference { controller: Some(true), ..owner }]),
        ..ObjectMeta::default()
    }
}

/// What the Job is told of the Repository.
fn hand_over(repository: &Repository) -> Value {
    let metadata = &repository.metadata;
    json!({
        "metadata": {
            "name": metadata.name,
            "namespace": metadata.namespace,
            "labels": metadata.labels,
            "annotations": metadata.annotations.iter().flatten()
                .filter(|(name, _)| name.starts_with(names::ANNOTATION_PREFIX)).collect::<BTreeMap<_, _>>(),
        },
        "spec": {"backend": repository.spec.backend},
    })
}

/// Runs the pod on the node of a DaemonSet's Repository, as the DaemonSet itself does: by affinity, so that the
/// scheduler still binds volumes (`nodeName`, which 0.8.3 set, goes past it), and whatever taints the node has. The
/// Recovery's `nodeSelector` does not count, as before.
pub(super) fn on_node(pod_spec: &mut PodSpec, node: &str) {
    let requirement = NodeSelectorRequirement {
        key: "metadata.name".to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![node.to_owned()]),
    };
    let term = NodeSelectorTerm { match_fields: Some(vec![requirement]), ..NodeSelectorTerm::default() };
    pod_spec.affinity = Some(Affinity {
        node_affinity: Some(NodeAffinity {
            required_during_scheduling_ignored_during_execution: Some(NodeSelector {
                node_selector_terms: vec![term],
            }),
            ..NodeAffinity::default()
        }),
        ..Affinity::default()
    });
    pod_spec.tolerations =
        Some(vec![Toleration { operator: Some("Exists".to_owned()), ..Toleration::default() }]);
}

/// A pod that was taken away counts as no failure; one that failed for a reason ends the Job at once.
fn failure_policy() -> PodFailurePolicy {
    let disrupted = PodFailurePolicyOnPodConditionsPattern {
        type_: "DisruptionTarget".to_owned(),
        status: "True".to_owned(),
    };
    PodFailurePolicy {
        rules: vec![
            PodFailurePolicyRule {
                action: "Ignore".to_owned(),
                on_pod_conditions: Some(vec![disrupted]),
                ..PodFailurePolicyRule::default()
            },
            PodFailurePolicyRule {
                action: "FailJob".to_owned(),
                on_exit_codes: Some(PodFailurePolicyOnExitCodesRequirement {
                    container_name: Some(names::CONTAINER.to_owned()),
                    operator: "In".to_owned(),
                    values: DEFINITE_EXIT_CODES.to_vec(),
                }),
                ..PodFailurePolicyRule::default()
            },
        ],
    }
}
