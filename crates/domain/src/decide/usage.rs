//! Who may restore from a Repository of another namespace.
//!
//! With 0.8.3 whoever could create a Recovery got at every Repository of the cluster, and at its Secret. Now the
//! Repository says who may, and without a word it is its own namespace alone.

use std::collections::BTreeMap;

use kube_core::SelectorExt as _;

use crate::objects::repository::{NamespaceSource, Repository};
use crate::rules::select;

/// Why a Recovery may not read a Repository.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "Repository {repository} of namespace {owner} allows no recovery in namespace {asking}: have its owner set \
     spec.usagePolicy.allowedNamespaces, or restore in namespace {owner}"
)]
pub struct NotAllowed {
    /// Name of the Repository.
    pub repository: String,
    /// Its namespace.
    pub owner: String,
    /// The namespace of the Recovery.
    pub asking: String,
}

/// Whether a Recovery of namespace `asking`, which has these labels, may read the Repository.
///
/// # Errors
/// It may not. A selector that is empty or cannot be read selects nothing.
pub fn may_restore(
    repository: &Repository,
    asking: &str,
    labels: &BTreeMap<String, String>,
) -> Result<(), NotAllowed> {
    let owner = repository.metadata.namespace.as_deref().unwrap_or_default();
    let allowed = &repository.spec.usage_policy.allowed_namespaces;
    let selected = match allowed.from {
        NamespaceSource::Same => false,
        NamespaceSource::All => true,
        NamespaceSource::Selector => {
            select::selector("", &allowed.selector).is_ok_and(|selector| selector.matches(labels))
        }
    };
    if selected || (asking == owner && !owner.is_empty()) {
        return Ok(());
    }
    Err(NotAllowed {
        repository: repository.metadata.name.clone().unwrap_or_default(),
        owner: owner.to_owned(),
        asking: asking.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn allowed(policy: Value, asking: &str) -> bool {
        let mut repository: Value = json!({
            "apiVersion": "stash.appscode.com/v1alpha1", "kind": "Repository",
            "metadata": {"name": "deployment.web", "namespace": "shop"}, "spec": {},
        });
        if !policy.is_null() {
            repository["spec"]["usagePolicy"] = json!({ "allowedNamespaces": policy });
        }
        let repository: Repository = serde_json::from_value(repository).unwrap();
        let labels = BTreeMap::from([("team".to_owned(), "blue".to_owned())]);
        may_restore(&repository, asking, &labels).is_ok()
    }

    #[test]
    fn a_repository_says_who_may_restore_from_it() {
        let blue = json!({"from": "Selector", "selector": {"matchLabels": {"team": "blue"}}});
        let red = json!({"from": "Selector", "selector": {"matchLabels": {"team": "red"}}});
        for (policy, own, other) in [
            (Value::Null, true, false),
            (json!({"from": "Same"}), true, false),
            (json!({"from": "All"}), true, true),
            (blue, true, true),
            (red, true, false),
            (json!({"from": "Selector"}), true, false),
            (json!({"from": "Selector", "selector": {"matchLabels": {"a b": ""}}}), true, false),
        ] {
            assert_eq!(
                (allowed(policy.clone(), "shop"), allowed(policy.clone(), "other")),
                (own, other),
                "{policy}"
            );
        }
    }

    #[test]
    fn the_refusal_says_what_to_do() {
        let repository =
            Repository::new("deployment.web", crate::objects::repository::RepositorySpec::default());
        let error = may_restore(&repository, "other", &BTreeMap::new()).unwrap_err();
        assert!(error.to_string().contains("spec.usagePolicy.allowedNamespaces"), "{error}");
    }
}
