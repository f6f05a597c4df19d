//! The custom resource definitions, made from the types, so that the two cannot drift.
//!
//! What one object can say about itself is also said to the API server (as CEL rules and bounds), so that it holds
//! even while the operator is away. Everything else is in [`crate::rules::validate`].

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool, ValidationRule,
};
use kube_core::CustomResourceExt as _;

use crate::objects::recovery::Recovery;
use crate::objects::repository::Repository;
use crate::objects::restic::Restic;
use crate::rules::names::{APP, LABEL_APP};

/// The definitions of `Restic`, `Recovery` and `Repository`.
#[must_use]
pub fn crds() -> Vec<CustomResourceDefinition> {
    [Restic::crd(), Recovery::crd(), Repository::crd()].into_iter().map(finished).collect()
}

fn finished(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    crd.metadata.labels.get_or_insert_default().insert(LABEL_APP.to_owned(), APP.to_owned());
    for version in &mut crd.spec.versions {
        if let Some(schema) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            tidy(schema, 0);
            rules(schema);
        }
    }
    crd
}

/// Depth from which descriptions are left out: that deep there are only fields of Kubernetes itself, whose texts
/// would make the definition too large for `kubectl apply`.
const DESCRIBED: usize = 5;

/// Leaves out what would change or bloat objects: defaults (the API server would write them into every object),
/// number formats it does not know, and descriptions of Kubernetes' own fields.
fn tidy(schema: &mut JSONSchemaProps, depth: usize) {
    schema.default = None;
    match schema.format.as_deref() {
        Some("uint64" | "uint") => schema.format = Some("int64".to_owned()),
        Some("uint32" | "uint16" | "uint8") => schema.format = Some("int32".to_owned()),
        _ => {}
    }
    if depth > DESCRIBED {
        schema.description = None;
    }
    for property in schema.properties.iter_mut().flat_map(|properties| properties.values_mut()) {
        tidy(property, depth + 1);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        tidy(items, depth + 1);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        tidy(values, depth + 1);
    }
}

/// The rules that one object can be held to by itself.
fn rules(schema: &mut JSONSchemaProps) {
    if let Some(backend) = at(schema, &["spec", "backend"]) {
        let storages = ["local", "s3", "gcs", "azure", "swift", "b2", "rest"];
        let set: Vec<String> = storages.iter().map(|storage| format!("has(self.{storage})")).collect();
        rule(
            backend,
            format!("[{}].filter(set, set).size() == 1", set.join(", ")),
            format!("set exactly one of {}", storages.join(", ")),
        );
    }
    if let Some(spec) = at(schema, &["spec"])
        && spec.properties.as_ref().is_some_and(|fields| fields.contains_key("wipeOut"))
    {
        rule(
            spec,
            "!has(self.wipeOut) || !self.wipeOut || !has(self.backend) \
             || (!has(self.backend.local) && !has(self.backend.b2))"
                .to_owned(),
            "wipeOut is unsupported for the backends local and b2".to_owned(),
        );
    }
    if let Some(allowed) = at(schema, &["spec", "usagePolicy", "allowedNamespaces"]) {
        rule(
            allowed,
            "!has(self.from) || self.from != 'Selector' || (has(self.selector) && (has(self.selector.matchLabels) \
             || has(self.selector.matchExpressions)))"
                .to_owned(),
            "from Selector needs a selector".to_owned(),
        );
    }
}

fn rule(schema: &mut JSONSchemaProps, rule: String, message: String) {
    schema.x_kubernetes_validations.get_or_insert_default().push(ValidationRule {
        rule,
        message: Some(message),
        ..ValidationRule::default()
    });
}

fn at<'a>(schema: &'a mut JSONSchemaProps, path: &[&str]) -> Option<&'a mut JSONSchemaProps> {
    path.iter().try_fold(schema, |schema, field| schema.properties.as_mut()?.get_mut(*field))
}

#[cfg(test)]
mod tests;
