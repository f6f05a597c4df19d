//! What is refused in a Repository.

use super::backend::backend;
use super::{Mode, Refusal};
use crate::objects::repository::{NamespaceSource, Repository};
use crate::rules::select;

/// Everything that is refused in a Repository.
#[must_use]
pub fn repository(repository: &Repository, mode: Mode) -> Vec<Refusal> {
    let spec = &repository.spec;
    let mut refusals = Vec::new();
    for (field, storage, set) in [
        ("local", "the local backend", spec.backend.local.is_some()),
        ("b2", "B2", spec.backend.b2.is_some()),
    ] {
        if spec.wipe_out && set {
            refusals.push(Refusal::new(
                "spec.wipeOut",
                format!("is unsupported for {storage} (spec.backend.{field})"),
                "set it to false and delete the repository's files yourself",
            ));
        }
    }
    let allowed = &spec.usage_policy.allowed_namespaces;
    if allowed.from == NamespaceSource::Selector
        && let Err(problems) =
            select::selector("spec.usagePolicy.allowedNamespaces.selector", &allowed.selector)
    {
        refusals.extend(problems);
    }
    backend("spec.backend", &spec.backend, mode, &mut refusals);
    refusals
}
