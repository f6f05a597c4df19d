//! What the API server is told of the webhooks.
//!
//! Names and resources are those of 0.8.3, so that a configuration of its installers is taken over. The rest is another
//! thing: workloads are asked for with a short patience and admitted when nobody answers, and calls go to the operator's
//! own Service.

use std::collections::BTreeMap;

use domain::objects::workload::WorkloadKind;
use domain::objects::{GROUP, VERSION};
use domain::rules::names::{ANNOTATION_TAG, APP, LABEL_APP};
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, MutatingWebhook, MutatingWebhookConfiguration, RuleWithOperations, ServiceReference,
    ValidatingWebhook, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use kube::api::ObjectMeta;

use super::RegistrationSettings;
use crate::admission::{Hook, OwnKind};
use crate::certificates::CaBundle;

/// Name of both configurations.
pub const NAME: &str = "admission.stash.appscode.com";

/// Patience of somebody who writes a workload, in seconds.
const WORKLOADS_WAIT: i32 = 5;
/// Patience of somebody who writes an object of ours, in seconds.
const OWN_KINDS_WAIT: i32 = 10;

/// The webhooks of workloads. Those of the operator's namespace and of `kube-system` are left out, so that an operator
/// that is ill is never asked about its own pods, nor about what it needs to run.
#[must_use]
pub fn mutating(settings: &RegistrationSettings, bundle: &CaBundle) -> MutatingWebhookConfiguration {
    let webhook = |hook: Hook| MutatingWebhook {
        name: format!("{}.{NAME}", hook.kind().lowercase()),
        client_config: client(settings, bundle, hook.path()),
        rules: Some(vec![rule(hook.group(), "v1", hook.resource())]),
        failure_policy: Some("Ignore".to_owned()),
        timeout_seconds: Some(WORKLOADS_WAIT),
        side_effects: "None".to_owned(),
        admission_review_versions: vec!["v1".to_owned()],
        match_policy: Some("Equivalent".to_owned()),
        // What another webhook adds later may be a volume that a Restic mounts.
        reinvocation_policy: Some("IfNeeded".to_owned()),
        namespace_selector: Some(LabelSelector {
            match_expressions: Some(vec![LabelSelectorRequirement {
                key: "kubernetes.io/metadata.name".to_owned(),
                operator: "NotIn".to_owned(),
                values: Some(left_out(&settings.namespace)),
            }]),
            match_labels: None,
        }),
        match_conditions: is_mostly_controlled(hook.kind()).then(|| {
            vec![condition(
                "nobody-controls-it",
                "!has(object.metadata.ownerReferences) || !object.metadata.ownerReferences.exists(owner, \
                 (has(owner.controller) && owner.controller) || owner.kind == 'Deployment')"
                    .to_owned(),
            )]
        }),
        object_selector: None,
    };
    MutatingWebhookConfiguration {
        metadata: metadata(),
        webhooks: Some(Hook::ALL.into_iter().map(webhook).collect()),
    }
}

/// The webhooks of our own kinds. They fail closed, hence the API server asks only about what the operator would look
/// at: while it is away, objects can be deleted, their finalizers removed, their labels changed. Status is a subresource,
/// about which it does not ask at all.
///
/// Repositories fail open, for sidecars make them after a backup, and no backup depends on the operator. What a user could
/// write wrong in one is also in the rules of its definition ([`domain::crds`]), and the operator says it afterwards.
#[must_use]
pub fn validating(settings: &RegistrationSettings, bundle: &CaBundle) -> ValidatingWebhookConfiguration {
    let webhook = |kind: OwnKind| ValidatingWebhook {
        name: format!("{}.{NAME}", kind.singular()),
        client_config: client(settings, bundle, kind.path()),
        rules: Some(vec![rule(GROUP, VERSION, kind.resource())]),
        failure_policy: Some(if kind == OwnKind::Repository { "Ignore" } else { "Fail" }.to_owned()),
        timeout_seconds: Some(OWN_KINDS_WAIT),
        side_effects: "None".to_owned(),
        admission_review_versions: vec!["v1".to_owned()],
        match_policy: Some("Equivalent".to_owned()),
        match_conditions: Some(vec![
            condition("not-being-deleted", "!has(object.metadata.deletionTimestamp)".to_owned()),
            condition("changes-what-is-looked-at", changes()),
        ]),
        namespace_selector: None,
        object_selector: None,
    };
    ValidatingWebhookConfiguration {
        metadata: metadata(),
        webhooks: Some(OwnKind::ALL.into_iter().map(webhook).collect()),
    }
}

/// True for a new object, and for one whose spec, or whose one annotation that is a setting, becomes another.
fn changes() -> String {
    let tag = |object: &str| {
        format!(
            "(has({object}.metadata.annotations) && '{ANNOTATION_TAG}' in {object}.metadata.annotations \
             ? {object}.metadata.annotations['{ANNOTATION_TAG}'] : '')"
        )
    };
    format!(
        "request.operation != 'UPDATE' || has(object.spec) != has(oldObject.spec) \
         || (has(object.spec) && object.spec != oldObject.spec) || {} != {}",
        tag("object"),
        tag("oldObject")
    )
}

/// Each change of a Deployment writes its ReplicaSets, which are none of our business: see
/// [`domain::decide::target::LeftAlone::Owned`].
fn is_mostly_controlled(kind: WorkloadKind) -> bool {
    matches!(kind, WorkloadKind::ReplicaSet | WorkloadKind::ReplicationController)
}

fn client(settings: &RegistrationSettings, bundle: &CaBundle, path: String) -> WebhookClientConfig {
    WebhookClientConfig {
        ca_bundle: Some(ByteString(bundle.pem().as_bytes().to_vec())),
        service: Some(ServiceReference {
            name: settings.service.clone(),
            namespace: settings.namespace.clone(),
            path: Some(path),
            port: Some(settings.port.into()),
        }),
        url: None,
    }
}

fn rule(group: &str, version: &str, resource: &str) -> RuleWithOperations {
    RuleWithOperations {
        api_groups: Some(vec![group.to_owned()]),
        api_versions: Some(vec![version.to_owned()]),
        operations: Some(vec!["CREATE".to_owned(), "UPDATE".to_owned()]),
        resources: Some(vec![resource.to_owned()]),
        scope: Some("Namespaced".to_owned()),
    }
}

fn condition(name: &str, expression: String) -> MatchCondition {
    MatchCondition { name: name.to_owned(), expression }
}

fn left_out(own: &str) -> Vec<String> {
    let mut names = vec!["kube-system".to_owned(), own.to_owned()];
    names.dedup();
    names
}

/// The label by which an uninstaller finds it.
fn metadata() -> ObjectMeta {
    ObjectMeta {
        name: Some(NAME.to_owned()),
        labels: Some(BTreeMap::from([(LABEL_APP.to_owned(), APP.to_owned())])),
        ..ObjectMeta::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> RegistrationSettings {
        RegistrationSettings {
            namespace: "stash".into(),
            service: "stash-operator".into(),
            port: 443,
            mutating: true,
            validating: true,
        }
    }

    #[test]
    fn workloads_are_admitted_when_nobody_answers_and_own_kinds_are_not() {
        let bundle = CaBundle::new("PEM".into());
        let mutating = mutating(&settings(), &bundle).webhooks.unwrap();
        let names: Vec<&str> = mutating.iter().map(|webhook| webhook.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "deployment.admission.stash.appscode.com",
                "daemonset.admission.stash.appscode.com",
                "statefulset.admission.stash.appscode.com",
                "replicationcontroller.admission.stash.appscode.com",
                "replicaset.admission.stash.appscode.com",
            ]
        );
        for webhook in mutating {
            assert_eq!(
                (webhook.failure_policy.as_deref(), webhook.timeout_seconds),
                (Some("Ignore"), Some(5))
            );
            let left_out = webhook.namespace_selector.unwrap().match_expressions.unwrap().remove(0);
            assert_eq!(left_out.values.unwrap(), ["kube-system", "stash"]);
            let service = webhook.client_config.service.unwrap();
            assert_eq!((service.name.as_str(), service.namespace.as_str()), ("stash-operator", "stash"));
            let rule = &webhook.rules.as_ref().unwrap()[0];
            assert_eq!(rule.operations.as_ref().unwrap(), &["CREATE", "UPDATE"]);
            let resource = &rule.resources.as_ref().unwrap()[0];
            assert!(service.path.unwrap().ends_with(&format!("/{resource}")));
        }
        for webhook in validating(&settings(), &bundle).webhooks.unwrap() {
            // No backup depends on the operator.
            let policy = if webhook.name.starts_with("repository.") { "Ignore" } else { "Fail" };
            assert_eq!(
                (webhook.failure_policy.as_deref(), webhook.timeout_seconds),
                (Some(policy), Some(10))
            );
            assert_eq!(webhook.namespace_selector, None, "an object of ours is looked at wherever it is");
        }
    }

    /// The webhook decides about what others control, too, where the decision does.
    #[test]
    fn only_kinds_that_are_made_by_others_are_left_out_by_their_owner() {
        let webhooks = mutating(&settings(), &CaBundle::new(String::new())).webhooks.unwrap();
        let with = webhooks.iter().filter(|webhook| webhook.match_conditions.is_some());
        let names: Vec<&str> = with.map(|webhook| webhook.name.split('.').next().unwrap()).collect();
        assert_eq!(names, ["replicationcontroller", "replicaset"]);
    }

    #[test]
    fn an_operator_in_the_namespace_of_the_system_names_it_once() {
        assert_eq!(left_out("kube-system"), ["kube-system"]);
    }
}
