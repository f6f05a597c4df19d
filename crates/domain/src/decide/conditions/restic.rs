//! The status of a Restic: is my backup fine, and if not, why not?

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{New, joined, set, some_of};
use crate::decide::inject::Verdict;
use crate::objects::repository::Repository;
use crate::objects::restic::ResticStatus;
use crate::objects::workload::WorkloadKind;
use crate::report::Outcome;
use crate::rules::status::READY;
use crate::rules::validate::Refusal;

/// Why a Restic is ready or not: the reason of its condition `Ready`. The first in this order that holds is given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ResticReason {
    /// The Restic is refused.
    Invalid,
    /// Its storage Secret does not exist.
    SecretMissing,
    /// Another Restic selects one of its workloads too.
    Conflict,
    /// One of its workloads lacks what it mounts.
    Refused,
    /// It selects no workload.
    NoWorkload,
    /// It is paused.
    Paused,
    /// The last session of one of its Repositories did not succeed.
    SessionFailed,
    /// Its sessions are scheduled, and the last ones succeeded.
    Scheduled,
}

impl ResticReason {
    /// Every reason, in the order of the list above.
    pub const ALL: [ResticReason; 8] = [
        ResticReason::Invalid,
        ResticReason::SecretMissing,
        ResticReason::Conflict,
        ResticReason::Refused,
        ResticReason::NoWorkload,
        ResticReason::Paused,
        ResticReason::SessionFailed,
        ResticReason::Scheduled,
    ];

    /// As the condition says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ResticReason::Invalid => "Invalid",
            ResticReason::SecretMissing => "SecretMissing",
            ResticReason::Conflict => "Conflict",
            ResticReason::Refused => "Refused",
            ResticReason::NoWorkload => "NoWorkload",
            ResticReason::Paused => "Paused",
            ResticReason::SessionFailed => "SessionFailed",
            ResticReason::Scheduled => "Scheduled",
        }
    }
}

/// What [`inject`](crate::decide::inject::inject) found about a workload that the Restic selects.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadVerdict {
    /// Kind of the workload.
    pub kind: WorkloadKind,
    /// Its name.
    pub name: String,
    /// What was found.
    pub verdict: Verdict,
}

/// What was observed of a Restic.
#[derive(Clone, Debug)]
pub struct ResticObservation<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its generation.
    pub generation: Option<i64>,
    /// `spec.paused`.
    pub paused: bool,
    /// Name of its storage Secret, when that does not exist.
    pub missing_secret: Option<&'a str>,
    /// Everything that is refused in it.
    pub refusals: &'a [Refusal],
    /// The workloads it selects.
    pub workloads: &'a [WorkloadVerdict],
    /// The Repositories it fills.
    pub repositories: &'a [Repository],
}

/// The status of a Restic. Times are the newest of its Repositories, the next session the earliest; the counts of
/// ticks stay, since nobody in a cluster keeps them.
#[must_use]
pub fn restic(before: &ResticStatus, observed: &ResticObservation<'_>, at: Timestamp) -> ResticStatus {
    let mut status = before.clone();
    status.observed_generation = observed.generation;
    let of = |get: fn(&Repository) -> Option<&Time>| {
        observed.repositories.iter().filter_map(move |repository| get(repository).map(|time| time.0))
    };
    let newest = |times: Option<Timestamp>, known: &Option<Time>| {
        times.max(known.as_ref().map(|time| time.0)).map(Time)
    };
    let last = of(|repository| repository.status.as_ref()?.last_backup_time.as_ref()).max();
    let last_good = of(|repository| repository.status.as_ref()?.last_successful_backup_time.as_ref()).max();
    // A Repository that was deleted takes its times with it, but what happened has happened.
    status.last_backup_time = newest(last, &before.last_backup_time);
    status.last_successful_backup_time = newest(last_good, &before.last_successful_backup_time);
    status.next_backup_time = of(|repository| repository.status.as_ref()?.next_backup_time.as_ref())
        .min()
        .filter(|_| !observed.paused)
        .map(Time);
    status.repositories = observed
        .repositories
        .iter()
        .filter_map(|repository| {
            let result = repository.status.as_ref().map(|status| status.last_result.clone());
            Some((repository.metadata.name.clone()?, result.unwrap_or_default()))
        })
        .collect();
    let (reason, message) = verdict(observed);
    let met = reason == ResticReason::Scheduled;
    let new =
        New { kind: READY, met, reason: reason.as_str(), message: &message, generation: observed.generation };
    set(&mut status.conditions, new, at);
    status
}

fn verdict(observed: &ResticObservation<'_>) -> (ResticReason, String) {
    if !observed.refusals.is_empty() {
        return (ResticReason::Invalid, joined(observed.refusals));
    }
    if let Some(secret) = observed.missing_secret {
        let message = format!("Secret {secret} does not exist: create it, with the key RESTIC_PASSWORD");
        return (ResticReason::SecretMissing, message);
    }
    let lines = |line: fn(&WorkloadVerdict, &str) -> Option<String>| -> Vec<String> {
        observed.workloads.iter().filter_map(|workload| line(workload, observed.name)).collect()
    };
    let conflicts = lines(|workload, own| match &workload.verdict {
        Verdict::Conflict { restics } => {
            let others: Vec<&str> = restics.iter().map(String::as_str).filter(|name| *name != own).collect();
            let (kind, name, others) = (workload.kind, &workload.name, others.join(", "));
            Some(format!(
                "{kind} {name} is also selected by Restic {others}: narrow the selector of all but one"
            ))
        }
        _ => None,
    });
    if !conflicts.is_empty() {
        return (ResticReason::Conflict, some_of(&conflicts));
    }
    let refused = lines(|workload, _| match &workload.verdict {
        Verdict::Refused { refusals, .. } => {
            Some(format!("{} {}: {}", workload.kind, workload.name, joined(refusals)))
        }
        _ => None,
    });
    if !refused.is_empty() {
        return (ResticReason::Refused, some_of(&refused));
    }
    let injected = |workload: &&WorkloadVerdict| matches!(workload.verdict, Verdict::Injected { .. });
    let count = observed.workloads.iter().filter(injected).count();
    if count == 0 {
        let message =
            "no workload of this namespace has the labels of spec.selector: correct the one or the other";
        return (ResticReason::NoWorkload, message.to_owned());
    }
    if observed.paused {
        return (ResticReason::Paused, "set spec.paused to false to go on".to_owned());
    }
    let failed: Vec<String> = observed.repositories.iter().filter_map(failure).collect();
    if !failed.is_empty() {
        return (ResticReason::SessionFailed, some_of(&failed));
    }
    (ResticReason::Scheduled, format!("workloads: {count}"))
}

/// A Repository without a session yet has not failed.
fn failure(repository: &Repository) -> Option<String> {
    let status = repository.status.as_ref()?;
    let succeeded = status.last_result.is_empty() || status.last_result == Outcome::Succeeded.as_str();
    let name = repository.metadata.name.as_deref().unwrap_or_default();
    (!succeeded).then(|| format!("Repository {name}: {}: {}", status.last_result, status.last_error))
}
