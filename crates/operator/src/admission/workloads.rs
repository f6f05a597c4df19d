//! Workloads: what the controller would write later is written now, and nothing is ever refused.

use std::sync::Arc;

use domain::decide::inject::{Decision, Note, Verdict, inject};
use domain::decide::settings::Settings;
use domain::decide::target::Target;
use domain::objects::restic::Restic;
use domain::objects::workload::WorkloadKind;
use jiff::Timestamp;
use kube::core::admission::AdmissionResponse;

use super::PREFIX;
use super::review::Review;

/// Longest warning that the API server hands on, in characters.
const LONGEST: usize = 256;
/// The API server hands on 4 KiB of warnings in all.
const MOST_WARNINGS: usize = 10;

/// The webhook of a kind of workload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hook(pub(super) WorkloadKind);

impl Hook {
    /// Kind of the workloads.
    #[must_use]
    pub fn kind(self) -> WorkloadKind {
        self.0
    }

    /// The resource, as the API server names it: `deployments`.
    #[must_use]
    pub fn resource(self) -> &'static str {
        match self.0 {
            WorkloadKind::Deployment => "deployments",
            WorkloadKind::DaemonSet => "daemonsets",
            WorkloadKind::StatefulSet => "statefulsets",
            WorkloadKind::ReplicationController => "replicationcontrollers",
            WorkloadKind::ReplicaSet => "replicasets",
            WorkloadKind::Host => "hosts",
        }
    }

    /// Group of the resource.
    #[must_use]
    pub fn group(self) -> &'static str {
        if self.0 == WorkloadKind::ReplicationController { "" } else { "apps" }
    }

    /// Where the API server asks.
    #[must_use]
    pub fn path(self) -> String {
        format!("{PREFIX}{}", self.resource())
    }
}

/// Admits a workload, changed as the Restics of its namespace want it (`None` while they are not known).
#[must_use]
pub fn mutate(
    review: &Review,
    hook: Hook,
    restics: Option<&[Arc<Restic>]>,
    settings: &Settings,
    now: Timestamp,
) -> AdmissionResponse {
    let answer = review.allow();
    let (Some(restics), true) = (restics, review.writes(hook.group(), hook.resource())) else {
        return answer;
    };
    if !review.object().is_object() {
        return warned(answer, vec!["Stash: the request has no object, so nothing is injected".to_owned()]);
    }
    let target = Target { kind: hook.kind(), namespace: review.namespace(), object: review.object() };
    let decision = inject(target, restics.iter().map(AsRef::as_ref), settings, now);
    let answer = warned(answer, warnings(&decision));
    let Some(wanted) = decision.write else { return answer };
    let patch = json_patch::diff(review.object(), &wanted);
    if patch.0.is_empty() {
        return answer;
    }
    match answer.clone().with_patch(patch) {
        Ok(patched) => patched,
        Err(error) => warned(answer, vec![format!("Stash: {error}; the sidecar is injected later")]),
    }
}

/// What the user has to know, on the terminal that sent the workload.
fn warnings(decision: &Decision) -> Vec<String> {
    match &decision.verdict {
        Verdict::LeftAlone(_) | Verdict::NotSelected => Vec::new(),
        Verdict::Injected { notes, .. } if decision.write.is_some() => notes
            .iter()
            .map(|note| match note {
                Note::OnDelete => {
                    "Stash: the update strategy is OnDelete; pods get the new sidecar when you delete them"
                        .to_owned()
                }
            })
            .collect(),
        Verdict::Injected { .. } => Vec::new(),
        Verdict::Conflict { restics } => vec![format!(
            "Stash: not backed up: more than one Restic selects it ({}); let only one do so",
            restics.join(", ")
        )],
        Verdict::Refused { restic, refusals } => refusals
            .iter()
            .map(|refusal| format!("Stash: Restic {restic} cannot be injected: {refusal}"))
            .collect(),
    }
}

fn warned(mut answer: AdmissionResponse, warnings: Vec<String>) -> AdmissionResponse {
    let fit = |warning: String| -> String {
        let plain = warning.chars().map(|c| if c.is_control() { ' ' } else { c });
        plain.take(LONGEST).collect()
    };
    let mut all = answer.warnings.take().unwrap_or_default();
    all.extend(warnings.into_iter().take(MOST_WARNINGS).map(fit));
    answer.warnings = (!all.is_empty()).then_some(all);
    answer
}
