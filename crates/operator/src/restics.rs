//! The controller of Restics: their status, and the CronJob of those that back up offline. Their workloads are the
//! business of [`crate::workloads`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::decide::conditions::{ResticObservation, ResticReason, restic as status_of};
use domain::decide::inject::Verdict;
use domain::decide::{rbac, scaledown};
use domain::objects::repository::Repository;
use domain::objects::restic::{BackupType, Restic};
use domain::objects::workload::WorkloadKind;
use domain::rules::names;
use domain::rules::status::READY;
use domain::rules::validate::{self, Mode, Refusal};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource as _;
use kube::runtime::controller::Action;

use crate::context::Context;
use crate::error::Error;
use crate::{secrets, status, workloads};

/// A Secret that is missing may come; nobody tells us.
const UNTIL_THE_SECRET_IS_THERE: Duration = Duration::from_secs(10);

/// Says in the status of a Restic how it stands, and keeps its CronJob.
pub(crate) async fn reconcile(restic: Arc<Restic>, context: Arc<Context>) -> Result<Action, Error> {
    if restic.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let now = Timestamp::now();
    let namespace = restic.metadata.namespace.clone().unwrap_or_default();
    let name = restic.metadata.name.clone().unwrap_or_default();
    let refusals = validate::restic(&restic, Mode::Cluster, now);
    let verdicts = workloads::verdicts(&context, &restic, now);
    let offline: BTreeSet<(WorkloadKind, String)> = verdicts
        .iter()
        .filter(|found| matches!(&found.verdict, Verdict::Injected { restic, .. } if *restic == name))
        .map(|found| (found.kind, found.name.clone()))
        .collect();
    keep_cron_job(&context, &restic, &refusals, &offline).await?;

    let secret = restic.spec.backend.storage_secret_name.as_str();
    let is_missing = !secret.is_empty() && !secrets::exists(&context.client, &namespace, secret).await?;
    let repositories = repositories_of(&context, &namespace, &name);
    let observed = ResticObservation {
        name: &name,
        generation: restic.metadata.generation,
        paused: restic.spec.paused,
        missing_secret: is_missing.then_some(secret),
        refusals: &refusals,
        workloads: &verdicts,
        repositories: &repositories,
    };
    let before = restic.status.clone().unwrap_or_default();
    let after = status_of(&before, &observed, now);
    if after != before || restic.status.is_none() {
        let told = after.clone();
        status::write(&context.client, &Restic { status: Some(after), ..(*restic).clone() }).await?;
        tell(&context, &restic, &before.conditions, &told.conditions).await;
    }
    let pause = if is_missing { UNTIL_THE_SECRET_IS_THERE } else { context.resync };
    Ok(Action::requeue(pause))
}

/// The Repositories that say they are filled by this Restic.
fn repositories_of(context: &Context, namespace: &str, restic: &str) -> Vec<Repository> {
    let filled = |repository: &Repository| {
        let labels = repository.metadata.labels.as_ref();
        repository.metadata.namespace.as_deref() == Some(namespace)
            && labels.and_then(|labels| labels.get(names::LABEL_RESTIC)).map(String::as_str) == Some(restic)
    };
    let mut found: Vec<Repository> =
        context.world.repositories.state_filter(filled).iter().map(|found| (**found).clone()).collect();
    found.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    found
}

/// Makes the CronJob of an offline Restic and the rights of its Job, or takes them away.
async fn keep_cron_job(
    context: &Context,
    restic: &Restic,
    refusals: &[Refusal],
    workloads: &BTreeSet<(WorkloadKind, String)>,
) -> Result<(), Error> {
    let namespace = restic.metadata.namespace.as_deref().unwrap_or_default();
    let name = restic.metadata.name.as_deref().unwrap_or_default();
    let uid = restic.metadata.uid.as_deref().unwrap_or_default();
    let (client, owned) = (&context.client, &context.world.owned);
    let cron_job_name = names::scale_down_cron_job(name);
    if restic.spec.backup_type != Some(BackupType::Offline) {
        owned.delete::<CronJob>(client, namespace, &cron_job_name).await?;
        return owned.delete_access(client, namespace, &cron_job_name).await;
    }
    if !refusals.is_empty() {
        // The last good one goes on, as the last good container does.
        return Ok(());
    }
    match scaledown::cron_job(restic, &context.settings, &context.limits) {
        Ok(Some(cron_job)) => {
            if context.rbac {
                let access = rbac::scale_down(namespace, name, uid, workloads);
                owned.apply_access(client, &access).await?;
            }
            owned.apply(client, &cron_job).await
        }
        Ok(None) => Ok(()),
        Err(error) => {
            tracing::error!(%error, restic = name, namespace, "validation let a schedule pass that no CronJob can have");
            Ok(())
        }
    }
}

/// An event when the reason changes, so that `kubectl describe` tells the story.
async fn tell(context: &Context, restic: &Restic, before: &[Condition], after: &[Condition]) {
    let ready = |conditions: &[Condition]| {
        conditions.iter().find(|condition| condition.type_ == READY).map(|condition| {
            (condition.status == "True", condition.reason.clone(), condition.message.clone())
        })
    };
    let Some((met, reason, message)) = ready(after) else { return };
    let same = ready(before).is_some_and(|(_, known, text)| known == reason && text == message);
    // What a session did, its own events tell.
    if same || reason == ResticReason::SessionFailed.as_str() {
        return;
    }
    let reference = restic.object_ref(&());
    let calm =
        met || [ResticReason::Paused, ResticReason::NoWorkload].iter().any(|known| known.as_str() == reason);
    // The name that 0.8.3 gave it.
    let reason = if reason == ResticReason::Invalid.as_str() { "InvalidRestic".to_owned() } else { reason };
    tracing::info!(restic = reference.name, namespace = reference.namespace, reason, "{message}");
    if calm {
        context.events.normal(&reference, &reason, "Reconcile", &message).await;
    } else {
        context.events.warning(&reference, &reason, "Reconcile", &message).await;
    }
}
