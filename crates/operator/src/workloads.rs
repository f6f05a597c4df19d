//! The controller of one kind of workload: what the webhook missed is injected here, and what is no longer wanted is
//! taken out; rights come before pods need them; pods that nobody else replaces are replaced.

mod cycle;
pub(crate) mod pods;

use std::sync::Arc;
use std::time::Duration;

use domain::decide::inject::{Decision, Note, Verdict, inject};
use domain::decide::rbac;
use domain::decide::scaledown::cycle::is_under_way;
use domain::decide::target::{LeftAlone, Target};
use domain::objects::restic::Restic;
use domain::objects::workload::WorkloadKind;
use domain::rules::names;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::{DynamicObject, PostParams};
use kube::runtime::controller::Action;
use kube::{Api, Resource as _};
use serde_json::Value;

use crate::context::Context;
use crate::error::{Error, is_missing};
use crate::seen::Seen;
use crate::world::resource;

/// One workload as it was read, and what is needed to write it.
pub(crate) struct Workload<'a> {
    pub(crate) context: &'a Context,
    pub(crate) kind: WorkloadKind,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) object: &'a Value,
    pub(crate) api: Api<DynamicObject>,
}

/// Makes one workload as it should be.
pub(crate) async fn reconcile(
    kind: WorkloadKind,
    object: Arc<Seen>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    let Some(resource) = resource(kind) else { return Ok(Action::await_change()) };
    let namespace = object.meta().namespace.clone().unwrap_or_default();
    let name = object.meta().name.clone().unwrap_or_default();
    let what = format!("{kind} {namespace}/{name}");
    let mut json = object.json().map_err(|source| Error::Json { object: what, source })?;
    // Objects of a list do not say what they are.
    json["apiVersion"] = resource.api_version.clone().into();
    json["kind"] = resource.kind.clone().into();
    let api = Api::namespaced_with(context.client.clone(), &namespace, &resource);
    let workload = Workload { context: &context, kind, namespace, name, object: &json, api };
    workload.reconcile().await
}

impl Workload<'_> {
    pub(crate) fn target(&self) -> Target<'_> {
        Target { kind: self.kind, namespace: &self.namespace, object: self.object }
    }

    /// For errors and logs.
    pub(crate) fn title(&self) -> String {
        format!("{} {}/{}", self.kind, self.namespace, self.name)
    }

    /// For events.
    pub(crate) fn reference(&self) -> ObjectReference {
        let text =
            |pointer: &str| self.object.pointer(pointer).and_then(Value::as_str).map(ToOwned::to_owned);
        ObjectReference {
            api_version: text("/apiVersion"),
            kind: Some(self.kind.as_str().to_owned()),
            name: Some(self.name.clone()),
            namespace: Some(self.namespace.clone()),
            uid: text("/metadata/uid"),
            ..ObjectReference::default()
        }
    }

    async fn reconcile(&self) -> Result<Action, Error> {
        let restics = self.context.world.restics_of(&self.namespace);
        let decision = inject(
            self.target(),
            restics.iter().map(AsRef::as_ref),
            &self.context.settings,
            Timestamp::now(),
        );
        let verdict = &decision.verdict;
        self.rights(verdict).await?;
        if let Some(write) = &decision.write {
            self.write(write, &decision).await?;
            // What follows is decided on what was written, which comes by the watch.
            return Ok(Action::requeue(self.context.resync));
        }
        let restic = match verdict {
            Verdict::Injected { restic, .. } => {
                restics.iter().find(|known| known.metadata.name.as_ref() == Some(restic)).map(AsRef::as_ref)
            }
            _ => None,
        };
        let mut again = self.context.resync;
        if is_under_way(self.target()) {
            again = again.min(self.look_after_cycle(restic).await?);
        } else if matches!(self.kind, WorkloadKind::ReplicaSet | WorkloadKind::ReplicationController)
            && !matches!(verdict, Verdict::LeftAlone(_))
        {
            again = again.min(self.replace_stale_pods().await?);
        }
        Ok(Action::requeue(again))
    }

    /// Gives the pods the rights that they need, or takes them back.
    async fn rights(&self, verdict: &Verdict) -> Result<(), Error> {
        if !self.context.rbac {
            return Ok(());
        }
        let owned = &self.context.world.owned;
        match verdict {
            Verdict::Injected { restic, .. } => {
                let nodes =
                    if self.kind == WorkloadKind::DaemonSet { self.nodes().await? } else { Vec::new() };
                let repositories = rbac::repositories_of(self.target(), nodes.iter().map(String::as_str));
                let Some(access) = rbac::workload(self.target(), restic, &repositories) else {
                    return Ok(());
                };
                owned.apply_access(&self.context.client, &access).await?;
            }
            Verdict::NotSelected => {
                let name = names::sidecar_role_binding(self.kind, &self.name);
                owned.delete_access(&self.context.client, &self.namespace, &name).await?;
            }
            // What runs goes on running; what goes takes its rights with it, which it owns.
            Verdict::LeftAlone(_) | Verdict::Conflict { .. } | Verdict::Refused { .. } => return Ok(()),
        }
        // 0.8.3 bound the pods' ServiceAccount to far more. Only a workload of ours can have had that.
        if self.target().applied().is_some() {
            let legacy = names::legacy_sidecar_role_binding(&self.name);
            owned.delete::<RoleBinding>(&self.context.client, &self.namespace, &legacy).await?;
        }
        Ok(())
    }

    async fn write(&self, write: &Value, decision: &Decision) -> Result<(), Error> {
        let object: DynamicObject = serde_json::from_value(write.clone())
            .map_err(|source| Error::Json { object: self.title(), source })?;
        match self.api.replace(&self.name, &PostParams::default(), &object).await {
            Ok(_) => {}
            // It is gone, and its event is on its way.
            Err(error) if is_missing(&error) => return Ok(()),
            Err(error) => {
                if let kube::Error::Api(status) = &error
                    && status.code == 422
                {
                    let note = format!("the API server refuses the container of Stash: {}", status.message);
                    self.context.events.warning(&self.reference(), "FailedInjection", "Inject", &note).await;
                }
                return Err(Error::of("write", self.title())(error));
            }
        }
        self.tell(decision).await;
        Ok(())
    }

    async fn tell(&self, decision: &Decision) {
        let (reason, note) = match &decision.verdict {
            Verdict::Injected { restic, notes } => {
                let turn = if notes.contains(&Note::OnDelete) {
                    "; its pods get it when you delete them, since its update strategy is OnDelete"
                } else {
                    ""
                };
                ("Injected", format!("has the container `stash` of Restic {restic}{turn}"))
            }
            _ => ("Removed", "no longer has the container `stash`".to_owned()),
        };
        tracing::info!(workload = self.title(), reason, "{note}");
        self.context.events.normal(&self.reference(), reason, "Inject", &note).await;
    }
}

/// The verdicts about all workloads of a namespace that a Restic selects, or that it was injected into.
pub(crate) fn verdicts(
    context: &Context,
    restic: &Restic,
    now: Timestamp,
) -> Vec<domain::decide::conditions::WorkloadVerdict> {
    let namespace = restic.metadata.namespace.as_deref().unwrap_or_default();
    let own = restic.metadata.name.as_deref().unwrap_or_default();
    let Ok(selector) = domain::rules::select::selector("spec.selector", &restic.spec.selector) else {
        return Vec::new();
    };
    let restics = context.world.restics_of(namespace);
    let mut found = Vec::new();
    for (kind, object) in context.world.workloads_of(namespace) {
        use kube::core::SelectorExt as _;
        let none = std::collections::BTreeMap::new();
        if !selector.matches(object.meta().labels.as_ref().unwrap_or(&none)) {
            continue;
        }
        let Ok(json) = object.json() else { continue };
        let target = Target { kind, namespace, object: &json };
        let verdict = inject(target, restics.iter().map(AsRef::as_ref), &context.settings, now).verdict;
        // One that another object controls is that object's business.
        if !matches!(verdict, Verdict::LeftAlone(LeftAlone::Owned)) {
            let name = object.meta().name.clone().unwrap_or_default();
            found.push(domain::decide::conditions::WorkloadVerdict { kind, name, verdict });
        }
    }
    tracing::trace!(restic = own, count = found.len(), "looked at its workloads");
    found
}

/// So long until something that is under way is looked at again; its end is announced by no watch of ours.
const SOON: Duration = Duration::from_secs(2);
