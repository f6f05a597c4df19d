//! The state of Restics, workloads, Repositories and Recoveries as metrics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::decide::conditions::ResticReason;
use domain::decide::due::Due;
use domain::objects::recovery::Recovery;
use domain::objects::repository::Repository;
use domain::objects::restic::Restic;
use domain::objects::workload::WorkloadKind;
use domain::rules::metrics::{Metric, operator as listed};
use domain::rules::select::{Selection, select};
use domain::rules::status::READY;
use domain::rules::{go_duration, names};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Resource as _;

use super::Families;
use super::late::Chosen;
use crate::seen::Seen;
use crate::world::World;

/// Everything that is known of objects.
pub(super) fn of_objects(out: &mut Families, world: &World, check_interval: Duration) {
    let restics = world.restics.state();
    of_restics(out, &restics);
    let mut by_namespace: BTreeMap<&str, Vec<&Restic>> = BTreeMap::new();
    for restic in &restics {
        by_namespace
            .entry(restic.metadata.namespace.as_deref().unwrap_or_default())
            .or_default()
            .push(restic);
    }
    let mut chosen = Chosen::default();
    for (kind, store) in &world.workloads {
        for workload in store.state().iter().filter(|workload| !workload.is_owned()) {
            let namespace = workload.meta().namespace.as_deref().unwrap_or_default();
            let here = by_namespace.get(namespace).map(Vec::as_slice).unwrap_or_default();
            of_workload(out, &mut chosen, *kind, workload, here);
        }
    }
    for repository in world.repositories.state() {
        let due = chosen.due(&repository, check_interval);
        of_repository(out, &repository, due);
    }
    chosen.collect(out, Timestamp::now());
    for recovery in world.recoveries.state() {
        of_recovery(out, &recovery);
    }
}

fn of_restics(out: &mut Families, restics: &[Arc<Restic>]) {
    // A state in which none is is 0, so that an alert sees it end.
    let known = ResticReason::ALL.into_iter().map(ResticReason::as_str).chain(["Unknown"]);
    let mut states: BTreeMap<String, u32> = known.map(|state| (state.to_owned(), 0)).collect();
    for restic in restics {
        let conditions =
            restic.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        let ready = conditions.iter().find(|condition| condition.type_ == READY);
        let state = ready.map_or("Unknown", |condition| condition.reason.as_str());
        *states.entry(state.to_owned()).or_default() += 1;
        let labels = [
            ("namespace", restic.metadata.namespace.as_deref().unwrap_or_default()),
            ("restic", restic.metadata.name.as_deref().unwrap_or_default()),
            ("state", state),
        ];
        out.add(&listed::RESTIC_STATE, labels, 1.0);
    }
    for (state, count) in states {
        out.add(&listed::RESTICS, [("state", state.as_str())], f64::from(count));
    }
}

fn of_workload<'a>(
    out: &mut Families,
    chosen: &mut Chosen<'a>,
    kind: WorkloadKind,
    workload: &Seen,
    restics: &[&'a Restic],
) {
    let metadata = workload.meta();
    if metadata.deletion_timestamp.is_some() || restics.is_empty() {
        return;
    }
    let none = BTreeMap::new();
    let (restic, protected) = match select(restics.iter().copied(), metadata.labels.as_ref().unwrap_or(&none))
    {
        Selection::None => return,
        Selection::Conflict(_) => ("", false),
        Selection::One(restic) => {
            let annotations = metadata.annotations.as_ref();
            let applied = annotations.is_some_and(|all| all.contains_key(names::ANNOTATION_LAST_APPLIED));
            if applied {
                chosen.add(kind, workload, restic);
            }
            (restic.metadata.name.as_deref().unwrap_or_default(), applied)
        }
    };
    let labels = [
        ("namespace", metadata.namespace.as_deref().unwrap_or_default()),
        ("kind", kind.as_str()),
        ("workload", metadata.name.as_deref().unwrap_or_default()),
        ("restic", restic),
    ];
    out.add(&listed::WORKLOAD_PROTECTED, labels, if protected { 1.0 } else { 0.0 });
}

fn of_repository(out: &mut Families, repository: &Repository, due: Due) {
    let metadata = &repository.metadata;
    let restic = metadata.labels.as_ref().and_then(|labels| labels.get(names::LABEL_RESTIC));
    let labels = [
        ("namespace", metadata.namespace.as_deref().unwrap_or_default()),
        ("repository", metadata.name.as_deref().unwrap_or_default()),
        ("restic", restic.map(String::as_str).unwrap_or_default()),
    ];
    let Some(status) = &repository.status else { return };
    let at = |time: &Option<Time>| time.as_ref().map(|time| time.0);
    let times: [(&Metric, Option<Timestamp>); 6] = [
        (&listed::REPOSITORY_LAST_SUCCESS, at(&status.last_successful_backup_time)),
        (&listed::REPOSITORY_LAST_BACKUP, at(&status.last_backup_time)),
        (&listed::REPOSITORY_LAST_CHECK, at(&status.last_check_time)),
        (&listed::REPOSITORY_NEXT_DUE, due.session),
        (&listed::REPOSITORY_SUCCESS_DUE, due.success),
        (&listed::REPOSITORY_CHECK_DUE, due.check),
    ];
    for (metric, time) in times {
        if let Some(time) = time {
            out.add(metric, labels, time.as_millisecond() as f64 / 1000.0);
        }
    }
    if let Ok(duration) = go_duration::parse(&status.last_backup_duration) {
        out.add(&listed::REPOSITORY_LAST_DURATION, labels, duration.as_secs_f64());
    }
    if let Some(bytes) = status.size_bytes {
        out.add(&listed::REPOSITORY_SIZE, labels, bytes as f64);
    }
    if let Some(count) = status.snapshot_count {
        out.add(&listed::REPOSITORY_SNAPSHOTS, labels, count as f64);
    }
    let words = [
        (&listed::REPOSITORY_LAST_RESULT, "result", &status.last_result),
        (&listed::REPOSITORY_INTEGRITY, "state", &status.integrity),
    ];
    for (metric, label, word) in words {
        if !word.is_empty() {
            out.add(metric, labels.into_iter().chain([(label, word.as_str())]), 1.0);
        }
    }
}

fn of_recovery(out: &mut Families, recovery: &Recovery) {
    let metadata = &recovery.metadata;
    let phase = recovery.status.as_ref().and_then(|status| status.phase).unwrap_or_default();
    let phase = format!("{phase:?}");
    let labels = [
        ("namespace", metadata.namespace.as_deref().unwrap_or_default()),
        ("recovery", metadata.name.as_deref().unwrap_or_default()),
        ("phase", phase.as_str()),
    ];
    out.add(&listed::RECOVERY_PHASE, labels, 1.0);
}
